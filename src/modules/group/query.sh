# group/query: prints `group=` and the line of a group, if there is one. $1 the group
# shellcheck shell=sh
set -u
if command -v getent >/dev/null 2>&1; then
    line=$(getent group -- "$1")
else
    line=$(awk -F: -v name="$1" '$1 == name' /etc/group)
fi
case $line in
    "$1":*) printf 'group=%s\n' "$line" ;;
esac
exit 0
