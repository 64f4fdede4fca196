# tempfile/make: makes a file or a directory that nobody else has, and prints its path.
# $1 file|directory  $2 the directory that it is made in, or empty  $3 how its name begins  $4 how it ends
# shellcheck shell=sh
set -u
folder=${2:-${TMPDIR:-/tmp}}
if [ ! -d "$folder" ]; then
    echo "the directory $folder does not exist" >&2
    exit 1
fi
# Not every mktemp takes an ending behind the random letters.
attempt=0
while [ "$attempt" -lt 20 ]; do
    attempt=$((attempt + 1))
    letters=$(mktemp -u XXXXXXXX) || exit
    path=$folder/$3$letters$4
    if [ "$1" = directory ]; then
        if (umask 077 && mkdir -- "$path") 2>/dev/null; then
            printf '%s\n' "$path"
            exit 0
        fi
    elif (umask 077 && set -C && : >"$path") 2>/dev/null; then
        printf '%s\n' "$path"
        exit 0
    fi
    if [ ! -w "$folder" ]; then break; fi
done
echo "nothing can be made in $folder" >&2
exit 1
