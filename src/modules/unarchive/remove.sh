# Removes krun's own copy of an archive: remove.sh PATH.
# shellcheck shell=sh
rm -f "$1"
