# slurp/read: prints a file's content. $1 the file. Ends with 3 when it is not there, 4 for a directory, 5 when unreadable.
# shellcheck shell=sh
set -u
path=$1
case $path in
    \~) path=$HOME ;;
    \~/*) path=$HOME/${path#\~/} ;;
esac
[ -e "$path" ] || exit 3
[ ! -d "$path" ] || exit 4
[ -r "$path" ] || exit 5
exec cat <"$path"
