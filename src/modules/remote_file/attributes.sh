# Sets a file's owner, group and mode: attributes.sh PATH OWNER GROUP MODE. Empty words are left alone.
# shellcheck shell=sh
set -u

if [ -n "$2" ]; then
    chown -h "$2" "$1" || exit 1
fi
if [ -n "$3" ]; then
    chgrp -h "$3" "$1" || exit 1
fi
# After the owner: chown takes set-user-ID bits away.
if [ -n "$4" ]; then
    chmod "$4" "$1" || exit 1
fi
