# service-facts/query: lists the services of the node: behind `== units` those that systemd has loaded, behind `== files`
# those that have a file, and behind `== states` blocks of properties of those that are in the second list only, in its order.
# shellcheck shell=sh
set -u
if ! [ -d /run/systemd/system ] && ! systemctl list-units --type service >/dev/null 2>&1; then
    echo "systemd does not run on the node" >&2
    exit 1
fi
units=$(LC_ALL=C systemctl list-units --no-pager --no-legend --type service --all --plain) || exit
files=$(LC_ALL=C systemctl list-unit-files --no-pager --no-legend --type service --all) || exit
printf '== units\n%s\n== files\n%s\n== states\n' "$units" "$files"
# A template (NAME@.service) is in no state.
others=$(printf '%s\n=\n%s\n' "$units" "$files" | awk '
    $1 == "=" { second = 1; next }
    !second { known[$1] = 1; next }
    $1 ~ /\.service$/ && $1 !~ /@\.service$/ && !($1 in known) { print $1 }')
if [ -n "$others" ]; then
    # shellcheck disable=SC2086 # One word a unit.
    LC_ALL=C systemctl show --property=ActiveState -- $others || :
fi
exit 0
