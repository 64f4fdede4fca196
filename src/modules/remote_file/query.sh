# Describes files: query.sh FOLLOW CHECKSUM LIMIT NAME ACCESSED PATH…
# FOLLOW (yes or no): whether a symbolic link stands for what it points to. CHECKSUM: sha256, sha1, … or empty for none.
# LIMIT: the first path's content is printed behind an empty line when it is a file of at most so many bytes.
# NAME: when the first path is a directory, the file of this name in it is meant; empty: the path itself.
# ACCESSED: yes to tell the time of the last access, too; looking at a file's content changes that time.
# Prints `path=…` and what is known of it, for each path.
# shellcheck shell=sh
set -u

follow=$1
checksum=$2
limit=$3
name=$4
accessed=
[ "$5" != yes ] || accessed='
accessed=%X'
shift 5
content=

describe() {
    path=$1
    case $path in
        \~) path=$HOME ;;
        \~/*) path=$HOME/${path#\~/} ;;
    esac
    if [ -n "$name" ]; then
        case $path in
            */) path=$path$name ;;
            *) [ ! -d "$path" ] || path=$path/$name ;;
        esac
    fi
    if [ "$follow" = yes ] && [ -L "$path" ]; then
        target=$(readlink -f "$path") || target=
        path=${target:-$path}
    fi
    printf 'path=%s\n' "$path"
    bare=${path%/}
    case $bare in
        */*) parent=${bare%/*} ;;
        *) parent=. ;;
    esac
    [ -d "${parent:-/}" ] || echo parent=missing
    if [ -L "$path" ]; then
        printf 'link=%s\nlink_source=%s\n' "$(readlink "$path")" "$(readlink -f "$path")"
    elif [ ! -e "$path" ]; then
        return 0
    fi
    stat -c "raw=%f
uid=%u
gid=%g
owner=%U
group=%G
size=%s
inode=%i
device=%d
links=%h$accessed
modified=%Y
changed=%Z" -- "$path" || exit 1
    [ ! -d "$path" ] || echo directory=yes
    [ ! -r "$path" ] || echo readable=yes
    [ ! -w "$path" ] || echo writable=yes
    [ ! -x "$path" ] || echo executable=yes
    [ -f "$path" ] || return 0
    if [ -n "$checksum" ] && [ -r "$path" ]; then
        sum=$("${checksum}sum" <"$path") || exit 1
        echo "checksum=${sum%% *}"
    fi
    if [ -n "$first" ] && [ "$limit" -gt 0 ] && [ "$(wc -c <"$path")" -le "$limit" ]; then
        content=$path
    fi
}

echo "umask=$(umask)"
first=yes
for file; do
    describe "$file"
    name=
    first=
done
if [ -n "$content" ]; then
    echo
    cat <"$content"
fi
