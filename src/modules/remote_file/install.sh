# Puts a file in place in one step: install.sh TEMPORARY DEST SHA256 SOURCE MODE OWNER GROUP BACKUP [VALIDATE…]
# TEMPORARY is a new file beside DEST. SOURCE: `stdin`, `uploaded` (TEMPORARY is filled already) or a file of this node.
# OWNER and GROUP may be empty: as they come. BACKUP (yes or no): keep what was there. VALIDATE: a program that has to
# be content with TEMPORARY, which is one of its words. Prints `backup=FILE`. A module's own script may stand behind it.
# shellcheck shell=sh
set -u

temporary=$1
dest=$2
sha256=$3
source=$4
mode=$5
owner=$6
group=$7
backup=$8
shift 8

trap 'rm -f "$temporary"' EXIT
trap 'exit 129' HUP INT TERM

case $source in
    uploaded) ;;
    stdin) (umask 077 && set -C && cat >"$temporary") || exit 1 ;;
    *) (umask 077 && set -C && cat <"$source" >"$temporary") || exit 1 ;;
esac
sum=$(sha256sum <"$temporary") || exit 1
if [ "${sum%% *}" != "$sha256" ]; then
    echo "the content arrived damaged: its SHA-256 is ${sum%% *} instead of $sha256" >&2
    exit 1
fi
if [ -n "$owner" ]; then
    chown "$owner" "$temporary" || exit 1
fi
if [ -n "$group" ]; then
    chgrp "$group" "$temporary" || exit 1
fi
# After the owner: chown takes set-user-ID bits away.
chmod "$mode" "$temporary" || exit 1
if [ $# -gt 0 ]; then
    if ! said=$("$@" 2>&1); then
        printf 'the validation refused the new content: %s\n' "$said" >&2
        exit 1
    fi
fi
if [ "$backup" = yes ] && [ -e "$dest" ]; then
    kept=$dest.$$.$(date '+%Y-%m-%d@%H:%M:%S~')
    cp -p "$dest" "$kept" || exit 1
    printf 'backup=%s\n' "$kept"
fi
# The SELinux context: the one that was there, or the one that the policy has for the place.
relabel=
if [ -e /sys/fs/selinux/enforce ]; then
    if [ -e "$dest" ]; then
        chcon --reference="$dest" "$temporary" || relabel=yes
    elif context=$(matchpathcon -n "$dest" 2>/dev/null); then
        chcon "$context" "$temporary" || relabel=yes
    else
        relabel=yes
    fi
fi
# The content has to be on the disk before the name points to it, or a power cut could leave an empty file.
sync "$temporary" 2>/dev/null || sync
mv -fT "$temporary" "$dest" || exit 1
if [ -n "$relabel" ] && command -v restorecon >/dev/null; then
    restorecon "$dest" || :
fi
