# cron/read: prints a user's table of cron, which may not be there. $1 the user, or empty for the one who is logged in
# shellcheck shell=sh
set -u
if ! command -v crontab >/dev/null 2>&1; then
    echo "crontab is not there: install cron or cronie" >&2
    exit 127
fi
if [ -n "$1" ] && [ "$1" != "$(id -un)" ]; then
    table=$(crontab -u "$1" -l 2>&1 && echo end)
else
    table=$(crontab -l 2>&1 && echo end)
fi
status=$?
# A status of 1 also means that there are no jobs.
if [ "$status" = 0 ]; then
    printf %s "${table%end}"
elif [ "$status" != 1 ]; then
    printf '%s\n' "$table" >&2
    exit "$status"
fi
