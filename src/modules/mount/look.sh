# mount/look: is something mounted there? query.sh stands behind it. $1 the mount point
# $2 the same with blanks and backslashes as the kernel writes them
# Prints `mounted=yes` and `exists=yes`.
# shellcheck shell=sh
set -u
if MOUNT_POINT=$2 awk '$5 == ENVIRON["MOUNT_POINT"] { found = 1 } END { exit !found }' /proc/self/mountinfo; then
    echo mounted=yes
fi
case $1 in
    /*) [ ! -e "$1" ] || echo exists=yes ;;
esac
shift 2
