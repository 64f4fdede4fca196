# group/apply: runs groupadd, groupmod or groupdel with the words behind it, and prints `group=` and the group's new line.
# $1 the group  $2 the program  $3… its words
# shellcheck shell=sh
set -u
name=$1
shift
if ! command -v "$1" >/dev/null 2>&1; then
    echo "$1 is not there: the module needs the shadow utilities (package shadow, shadow-utils or passwd)" >&2
    exit 127
fi
"$@" </dev/null >&2 || exit
line=$(getent group -- "$name")
case $line in
    "$name":*) printf 'group=%s\n' "$line" ;;
esac
exit 0
