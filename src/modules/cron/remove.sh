# cron/remove: removes a table of cron in which nothing is left. $1 the file
# shellcheck shell=sh
rm -f -- "$1"
