# mount/end: mounts, remounts or unmounts. Stands behind begin.sh and, where the fstab is written, install.sh.
# shellcheck shell=sh

# With its own fstab, mount has to be told.
call_mount() {
    if [ "$fstab" = /etc/fstab ]; then
        mount "$@" "$mount_point"
    else
        mount "$@" -T "$fstab" "$mount_point"
    fi
}

made=
fail() {
    if [ -n "$old" ]; then mv -f "$old" "$fstab"; fi
    if [ -n "$made" ]; then rmdir "$mount_point" 2>/dev/null; fi
    exit "$1"
}

case $action in
    mount)
        if [ ! -e "$mount_point" ]; then
            mkdir -p "$mount_point" || fail 1
            made=yes
        fi
        call_mount >&2 || fail $?
        ;;
    remount)
        if [ -n "$remount_options" ]; then
            call_mount -o "remount,$remount_options" >&2 || fail $?
        elif ! said=$(call_mount -o remount 2>&1); then
            # Not every file system can be remounted.
            printf '%s\n' "$said" >&2
            umount "$mount_point" >&2 || fail $?
            call_mount >&2 || fail $?
        fi
        ;;
    unmount) umount "$mount_point" >&2 || fail $? ;;
esac
if [ "$point" = remove ] && [ -e "$mount_point" ]; then
    rmdir "$mount_point" || exit
fi
if [ -n "$old" ]; then rm -f "$old"; fi
exit 0
