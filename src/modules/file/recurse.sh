# Sets owner, group and mode of a directory and of all that is in it: recurse.sh PATH OWNER GROUP MODE. Empty words are
# left alone; links are not followed.
# shellcheck shell=sh
set -u

if [ -n "$2" ]; then
    chown -hR "$2" "$1" || exit 1
fi
if [ -n "$3" ]; then
    chgrp -hR "$3" "$1" || exit 1
fi
if [ -n "$4" ]; then
    chmod -R "$4" "$1" || exit 1
fi
