# Prints a file that is not larger than a limit: get.sh PATH LIMIT. Status 77 means that it is larger.

size=$(wc -c <"$1") || exit 1
[ "$size" -le "$2" ] || exit 77
cat <"$1"
