# mount/begin: what end.sh needs to know. Stands before install.sh, or before end.sh alone.
# $1 the mount point  $2 mount|remount|unmount|leave  $3 the fstab  $4 options for a remount, or empty
# $5 remove: the mount point goes too, else keep  $6 keep: the old fstab comes back when it cannot be mounted, else empty
# shellcheck shell=sh
set -u
mount_point=$1
action=$2
fstab=$3
remount_options=$4
point=$5
old=
if [ -n "$6" ] && [ -e "$fstab" ]; then
    old=$fstab.krun-old.$$
    cp -p "$fstab" "$old" || exit
fi
shift 6
