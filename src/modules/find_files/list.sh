# find/list: describes what is below directories. $1 how deep, or empty for all  $2 file|directory|link|any
# $3 yes to list names that begin with a dot  $4 an algorithm of checksums, or empty  $5 how deep entries are counted
# $6… the directories. On standard input: patterns of names, one a line, any of which counts; none for all.
# Prints `now=`, and for each directory either `skipped=` and it, or `examined=` and a number and what is in it: a record
# behind each character 1 (attributes, and the path behind the last of them), and behind each character 2 a checksum and
# the path that it is of. Directories stand between characters 3.
# shellcheck shell=sh
set -u
depth=$1
kind=$2
hidden=$3
checksum=$4
counted=$5
shift 5
patterns=$(cat)

# The tests for find become the positional parameters of a function.
tests() {
    if [ -n "$patterns" ]; then
        first=yes
        set -f
        old_ifs=$IFS
        IFS='
'
        # shellcheck disable=SC2086 # One word a line.
        set -- $patterns
        IFS=$old_ifs
        set +f
        for pattern; do
            shift
            if [ "$first" = yes ]; then first=no; else set -- "$@" -o; fi
            set -- "$@" -name "$pattern"
        done
        set -- '(' "$@" ')'
    fi
    case $kind in
        file) set -- -type f "$@" ;;
        directory) set -- -type d "$@" ;;
        link) set -- -type l "$@" ;;
    esac
    [ "$hidden" = yes ] || set -- ! -name '.*' "$@"
    [ -z "$depth" ] || set -- -maxdepth "$depth" "$@"
    find -H "$directory" -mindepth 1 "$@" -exec stat -c "$record" -- {} + 2>/dev/null
    if [ -n "$checksum" ]; then
        # shellcheck disable=SC2016 # For the inner shell.
        find -H "$directory" -mindepth 1 "$@" -type f -exec sh -c '
            program=$1
            shift
            for file; do
                sum=$("${program}sum" <"$file") || continue
                printf "\002%s %s\n" "${sum%% *}" "$file"
            done' sh "$checksum" {} + 2>/dev/null
    fi
}

record=$(printf '\001%%f %%u %%g %%s %%i %%d %%h %%X %%Y %%Z %%U %%G %%n')
printf 'now=%s\n' "$(date +%s)"
for directory; do
    printf '\003\n'
    case $directory in
        \~) directory=$HOME ;;
        \~/*) directory=$HOME/${directory#\~/} ;;
    esac
    if [ ! -d "$directory" ]; then
        printf 'skipped=%s\n' "$directory"
        continue
    fi
    bare=${directory%/}
    directory=${bare:-/}
    printf 'examined=%s\n' "$(find -H "$directory" -mindepth 1 ${counted:+-maxdepth "$counted"} 2>/dev/null | wc -l)"
    tests
done
exit 0
