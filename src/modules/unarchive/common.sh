# What compare.sh and extract.sh begin with: SOURCE ARCHIVE DEST NEWER OWNER GROUP MODE LISTED CREATES OPTIONS INCLUDES EXCLUDES WORD…
# SOURCE: `stdin`, `uploaded` (ARCHIVE is krun's own and is removed), `kept` (krun's own, needed once more) or `node`.
# ARCHIVE: a file of the node. DEST: a directory. NEWER (yes or no): leave files alone that are newer than those of the archive.
# OWNER, GROUP and MODE: of what is in it; may be empty. LISTED (yes or no): the names in it are wanted. CREATES: nothing is
# done when this is there; may be empty. OPTIONS, INCLUDES and EXCLUDES: how many of the words behind them are options for tar
# or unzip, names to take, and patterns of names to leave out.
# shellcheck shell=sh
set -u
LC_ALL=C
export LC_ALL
source=$1
archive=$2
dest=$3
newer=$4
owner=$5
group=$6
mode=$7
listed=$8
creates=$9
shift 9
options=$1
includes=$2
excludes=$3
shift 3

own=
case $source in uploaded | kept) own=$archive ;; esac
leave() {
    if [ -n "$own" ]; then rm -f "$own"; fi
}
trap leave EXIT
trap 'exit 129' HUP INT TERM
case $creates in
    \~/*) creates=$HOME/${creates#\~/} ;;
esac
if [ -n "$creates" ] && { [ -e "$creates" ] || [ -L "$creates" ]; }; then
    echo created=yes
    exit 0
fi
if [ "$source" = stdin ]; then
    own=$(umask 077 && mktemp) || exit
    archive=$own
    cat >"$archive" || exit
fi
case $archive in
    \~/*) archive=$HOME/${archive#\~/} ;;
esac
case $dest in
    \~) dest=$HOME ;;
    \~/*) dest=$HOME/${dest#\~/} ;;
esac
if [ ! -f "$archive" ] || [ ! -r "$archive" ]; then
    echo "$archive is no file that can be read" >&2
    exit 1
fi
if [ ! -d "$dest" ]; then
    echo "the directory $dest does not exist" >&2
    exit 1
fi

# By its first bytes: PK and either a file, or the end of an empty archive.
case $(head -c 4 "$archive" | od -An -tx1 | tr -d ' \n') in
    504b0304 | 504b0506) kind=zip ;;
    *) kind=tar ;;
esac
if [ "$kind" = zip ]; then
    if ! command -v unzip >/dev/null 2>&1; then
        echo "the node has no unzip" >&2
        exit 127
    fi
else
    tar=tar
    ! command -v gtar >/dev/null 2>&1 || tar=gtar
    case $(command "$tar" --version 2>/dev/null) in
        *'GNU tar'*) ;;
        *)
            echo "the node has no GNU tar: another one cannot compare" >&2
            exit 127
            ;;
    esac
fi

# Moves the first words of the list to its end.
left=$options
while [ "$left" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    left=$((left - 1))
done
[ "$kind" = tar ] || set -- "$@" "$archive"
left=$includes
while [ "$left" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    left=$((left - 1))
done
if [ "$kind" = zip ] && [ "$excludes" -gt 0 ]; then set -- "$@" -x; fi
left=$excludes
while [ "$left" -gt 0 ]; do
    word=$1
    shift
    if [ "$kind" = tar ]; then word=--exclude=$word; fi
    set -- "$@" "$word"
    left=$((left - 1))
done

# Names of what is in the archive, one a line.
members() {
    if [ "$kind" = zip ]; then
        unzip -Z1 "$@"
    else
        "$tar" --list --quoting-style=literal --show-transformed-names -f "$archive" "$@"
    fi
}

real_dest=$(cd -- "$dest" && pwd -P) || exit
# The place of a member, empty when it would be outside of DEST: tar and unzip refuse those, and so do the attributes.
place_of() {
    place=
    case /$1/ in
        */../*) return ;;
    esac
    place=$dest/${1%/}
    inside=$(readlink -f "${place%/*}") || inside=
    case $inside/ in
        "$real_dest"/*) ;;
        *) [ "$real_dest" = / ] || place= ;;
    esac
}
wants_attributes=$owner$group$mode
names=
if [ -n "$wants_attributes" ] || [ "$listed" = yes ]; then
    names=$(members "$@") || exit
fi
