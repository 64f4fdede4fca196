# Writes standard input into a new file that only its owner can read: put.sh PATH.

umask 077
rm -f -- "$1" || exit 1
# A link that somebody puts there meanwhile is not followed.
set -C
cat >"$1"
