"""A full disk: a small file system over one folder of a node, with all its space taken."""

from labkit.lab import Lab

# What is in the folder stays visible: it is copied, so the folder must not be large.
FILL = """
set -eu
folder=$1 free_kib=$2 most_kib=65536
mkdir -p "$folder"
if grep -q "^krun-lab-fill $(readlink -f "$folder") " /proc/self/mounts; then
    echo "$folder is filled already" >&2; exit 1
fi
used_kib=$(du -sk "$folder" | cut -f1)
if [ "$used_kib" -gt "$most_kib" ]; then
    echo "$folder holds $used_kib KiB: too much to copy (at most $most_kib KiB)" >&2; exit 1
fi
draft=$(mktemp -d)
mount -t tmpfs -o "size=$((used_kib * 2 + free_kib + 1024))k" krun-lab-fill "$draft"
cp -a "$folder/." "$draft/"
dd if=/dev/zero of="$draft/.lab-fill" bs=4k 2>/dev/null || true
[ "$free_kib" = 0 ] || truncate -s "-${free_kib}K" "$draft/.lab-fill"
mount --bind "$draft" "$folder"
umount "$draft"
rmdir "$draft"
"""

# Lazily, since a program may still have a file open there.
UNFILL = """
set -eu
grep -q "^krun-lab-fill $(readlink -f "$1") " /proc/self/mounts || { echo "$1 is not filled" >&2; exit 1; }
umount "$1" 2>/dev/null || umount --lazy "$1"
"""


def fill(lab: Lab, node: str, folder: str, free_kib: int) -> None:
    """Leaves `free_kib` of space in the folder (made when missing)."""
    lab.run(node, ["sh", "-c", FILL, "fill", folder, str(free_kib)])


def unfill(lab: Lab, node: str, folder: str) -> None:
    """Gives the folder its space back; what was written into it meanwhile is gone."""
    lab.run(node, ["sh", "-c", UNFILL, "unfill", folder])
