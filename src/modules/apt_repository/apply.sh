# apt-repository/apply: puts lists of sources in place, and fetches the lists of packages anew.
# $1 yes to fetch  $2 how often that is tried again  $3 the mode of the files, or empty  $4… pairs of a file and its content;
# without content the file goes. When nothing can be fetched the files come back as they were.
# shellcheck shell=sh
set -u
fetch=$1
retries=$2
mode=$3
shift 3

kept=$(mktemp -d) || exit
trap 'rm -rf "$kept"' EXIT

put() {
    mkdir -p "${1%/*}" || exit
    if [ -L "$1" ]; then target=$(readlink -f "$1"); else target=$1; fi
    # apt passes over names that begin with a dot.
    new=$(mktemp "${target%/*}/.krun.XXXXXX") || exit
    if [ -e "$target" ]; then cp -p "$target" "$new"; else chmod 0644 "$new"; fi || exit
    printf %s "$2" >"$new" || exit
    if [ -n "$mode" ]; then chmod "$mode" "$new" || exit; fi
    mv -f "$new" "$target" || exit
}

number=0
while [ $# -gt 1 ]; do
    number=$((number + 1))
    printf '%s' "$1" >"$kept/$number.name"
    [ ! -e "$1" ] || cp -p "$1" "$kept/$number.old" || exit
    if [ -n "$2" ]; then put "$1" "$2"; else rm -f -- "$1" || exit; fi
    shift 2
done
[ "$fetch" = yes ] || exit 0

attempt=0
until said=$(LC_ALL=C apt-get -q -o APT::Update::Error-Mode=any update </dev/null 2>&1); do
    attempt=$((attempt + 1))
    if [ "$attempt" -gt "$retries" ]; then
        while [ "$number" -gt 0 ]; do
            name=$(cat "$kept/$number.name")
            if [ -e "$kept/$number.old" ]; then cp -p "$kept/$number.old" "$name"; else rm -f -- "$name"; fi
            number=$((number - 1))
        done
        printf '%s\n' "$said" | grep -E '^(E|W|Err)' >&2 || printf '%s\n' "$said" >&2
        exit 1
    fi
    sleep "$((attempt < 4 ? attempt * attempt : 12))"
done
