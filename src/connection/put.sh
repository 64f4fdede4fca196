# Writes standard input into a new file that only its owner can read: put.sh PATH.

umask 077
rm -f -- "$1" || exit 1
# A link that somebody puts there meanwhile is not followed.
set -C
cat >"$1" && exit 0
# Half a file is of no use to anybody, and would keep a full disk full.
rm -f -- "$1"
exit 1
