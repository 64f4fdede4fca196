# yum-repo/query: prints a repository file behind a line with its mode, owner and group, or "absent". $1 the file
set -u
[ -e "$1" ] || { echo absent; exit 0; }
stat -c '0%a %U %u %G %g' "$1" || exit
cat "$1"
