# Tells whether a command has to run at all: guard.sh CHDIR CREATES REMOVES. An empty word means: not asked for.
# Prints `skip=creates` when a file that it makes is there, `skip=removes` when a file that it removes is not.
# shellcheck shell=sh
set -u

# True when the pattern names at least one file. Runs in a subshell, as it changes how words are split.
matches() (
    IFS=
    case $1 in
        \~/*) pattern=$HOME/${1#\~/} ;;
        *) pattern=$1 ;;
    esac
    # shellcheck disable=SC2086 # the pattern may name several files
    set -- $pattern
    [ -e "$1" ] || [ -L "$1" ]
)

if [ -n "$1" ]; then
    case $1 in
        \~/*) cd -- "$HOME/${1#\~/}" ;;
        *) cd -- "$1" ;;
    esac || exit 1
fi
if [ -n "$2" ] && matches "$2"; then
    echo skip=creates
elif [ -n "$3" ] && ! matches "$3"; then
    echo skip=removes
fi
