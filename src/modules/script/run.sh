# Runs a script that comes on standard input and is removed afterwards: run.sh FILE CHDIR PROGRAM [ARGUMENT…].
# FILE is a new file in a new directory; it is one of the words behind CHDIR.
# shellcheck shell=sh
set -u

file=$1
directory=${file%/*}
chdir=$2
shift 2

umask_before=$(umask)
umask 077
mkdir "$directory" || exit 1
trap 'rm -rf "$directory"' EXIT
trap 'exit 129' HUP INT TERM
cat >"$file" || exit 1
chmod 700 "$file" || exit 1
umask "$umask_before"

case $chdir in
    '') ;;
    \~/*) cd -- "$HOME/${chdir#\~/}" || exit 1 ;;
    *) cd -- "$chdir" || exit 1 ;;
esac
"$@" </dev/null
