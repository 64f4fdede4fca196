# cron/write: puts a user's table of cron in place, which comes on standard input.
# $1 the user, or empty for the one who is logged in  $2 yes to keep what was there; prints `backup=FILE` then
# shellcheck shell=sh
set -u
user=$1
new=$(mktemp "${TMPDIR:-/tmp}/crontab.XXXXXX") || exit
trap 'rm -f "$new"' EXIT
cat >"$new" || exit
call_crontab() {
    if [ -n "$user" ] && [ "$user" != "$(id -un)" ]; then
        crontab -u "$user" "$@"
    else
        crontab "$@"
    fi
}
if [ "$2" = yes ]; then
    kept=$(mktemp "${TMPDIR:-/tmp}/crontab.XXXXXX") || exit
    call_crontab -l >"$kept" 2>/dev/null
    printf 'backup=%s\n' "$kept"
fi
call_crontab - <"$new" >&2
