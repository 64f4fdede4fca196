# Becomes a program: run.sh CHDIR PROGRAM [ARGUMENT…]. An empty CHDIR means: where the login shell starts.
# shellcheck shell=sh
set -u

case $1 in
    '') ;;
    \~/*) cd -- "$HOME/${1#\~/}" || exit 1 ;;
    *) cd -- "$1" || exit 1 ;;
esac
shift
exec "$@"
