# What compare.sh and make.sh begin with: DEST FORMAT FORCE PATHS EXCLUDED PATTERNS WORD…
# DEST: the archive; empty: named after the only path. FORMAT: gz, bz2, xz, zip or tar. FORCE (yes or no): an archive also of a
# single file. PATHS, EXCLUDED and PATTERNS: how many of the words behind them are paths (with wildcards), paths to leave out
# (with wildcards), and patterns of names to leave out.
# Sets: list, a file with the names to pack relative to root, one a line; missing, paths that are not there; single, the one
# file that is compressed and not packed; state.
# shellcheck shell=sh
set -u
LC_ALL=C
export LC_ALL
dest=$1
format=$2
force=$3
paths=$4
excluded=$5
patterns=$6
shift 6

work=$(umask 077 && mktemp -d) || exit
new=
leave() {
    rm -rf "$work"
    if [ -n "$new" ]; then rm -f "$new"; fi
}
trap leave EXIT
trap 'exit 129' HUP INT TERM
list=$work/list
for name in found left_out patterns there missing; do : >"$work/$name"; done

# Names are expanded by the shell, one word at a time.
expand() {
    case $1 in
        \~/*) set -- "$HOME/${1#\~/}" ;;
    esac
    case $1 in
        *[]*?[]*)
            old=$IFS
            IFS=
            # shellcheck disable=SC2086 # the wildcards are meant
            set -- $1
            IFS=$old
            ;;
    esac
    for name; do
        case $name in /*) ;; *) name=$PWD/$name ;; esac
        printf '%s\n' "$name"
    done
}

is_glob=no
asked=$paths
while [ "$asked" -gt 0 ]; do
    case $1 in *[]*?[]*) is_glob=yes ;; esac
    expand "$1" >>"$work/found"
    shift
    asked=$((asked - 1))
done
asked=$excluded
while [ "$asked" -gt 0 ]; do
    expand "$1" >>"$work/left_out"
    shift
    asked=$((asked - 1))
done
asked=$patterns
while [ "$asked" -gt 0 ]; do
    printf '%s\n' "$1" >>"$work/patterns"
    shift
    asked=$((asked - 1))
done

is_left_out() {
    while IFS= read -r other; do
        case $1/ in "${other%/}"/*) return 0 ;; esac
    done <"$work/left_out"
    while IFS= read -r other; do
        # shellcheck disable=SC2254 # a pattern is meant
        case $1 in $other) return 0 ;; esac
    done <"$work/patterns"
    return 1
}

# What is there, what is not, and the folder that all of it is in.
root=
first=yes
while IFS= read -r name; do
    if is_left_out "$name"; then continue; fi
    if [ ! -e "$name" ] && [ ! -L "$name" ]; then
        printf '%s\n' "$name" >>"$work/missing"
        continue
    fi
    printf '%s\n' "$name" >>"$work/there"
    # A `/` at the end of a directory means what is in it.
    folder=${name%/*}/
    if [ "$first" = yes ]; then
        root=$folder
        first=no
    fi
    while case $folder in "$root"*) false ;; *) true ;; esac; do
        root=${root%/}
        root=${root%/*}/
    done
done <"$work/found"
count=$(wc -l <"$work/there")
count=$((count))
single=
if [ "$count" -eq 1 ] && [ "$force" = no ] && [ "$is_glob" = no ] && [ "$paths" -eq 1 ]; then
    single=$(cat "$work/there")
    if [ -d "$single" ] && [ ! -L "$single" ]; then single=; fi
fi
if [ -z "$dest" ]; then
    name=$(head -n 1 "$work/found")
    name=${name%/}
    case $format-$single in
        tar-* | zip-* | *-?*) dest=$name.$format ;;
        *) dest=$name.tar.$format ;;
    esac
    [ "$is_glob" = no ] && [ "$(wc -l <"$work/found")" -eq 1 ] || dest=
fi
case $dest in
    \~/*) dest=$HOME/${dest#\~/} ;;
esac
if [ -z "$dest" ]; then
    echo "\`dest\` is needed, as there is more than one path" >&2
    exit 1
fi

# Everything below the paths, but for what is left out and for the archive itself.
: >"$list"
if [ -z "$single" ]; then
    while IFS= read -r name; do
        find "$name" ! -path "$dest" -print | while IFS= read -r inner; do
            if is_left_out "$inner"; then continue; fi
            inner=${inner#"$root"}
            [ -z "$inner" ] || printf '%s\n' "$inner"
        done
    done <"$work/there" | sort -u >"$list"
fi

program=
case $format in
    gz) program=gzip ;;
    bz2) program=bzip2 ;;
    xz) program=xz ;;
esac
