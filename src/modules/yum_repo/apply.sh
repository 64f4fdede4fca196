# yum-repo/apply: puts a repository file in place in one step, or removes it. The text comes on standard input.
# $1 the file  $2 write|remove|refresh  $3 mode or empty  $4 owner or empty  $5 group or empty
# $6 the repository's id when its cache has to be thrown away and fetched again, else empty
set -u
file=$1 verb=$2 mode=$3 owner=$4 group=$5 refresh=$6

if [ "$verb" = write ]; then
    # Beside the file, so that the rename is one step; with an ending that dnf does not read.
    new=$(mktemp "$file.krun.XXXXXX") || exit
    trap 'rm -f "$new"' EXIT
    cat >"$new" || exit
    chmod "${mode:-0644}" "$new" || exit
    if [ -n "$owner$group" ]; then chown "$owner${group:+:$group}" "$new" || exit; fi
    if command -v restorecon >/dev/null 2>&1; then
        mv -f "$new" "$file" && restorecon "$file" || exit
    else
        mv -f "$new" "$file" || exit
    fi
elif [ "$verb" = remove ]; then
    rm -f "$file" || exit
fi

if [ -n "$refresh" ]; then
    for manager in dnf5 dnf yum; do
        command -v "$manager" >/dev/null 2>&1 || continue
        "$manager" -q clean expire-cache </dev/null >/dev/null || exit
        if [ "$verb" != remove ]; then
            "$manager" -q -y --disablerepo='*' --enablerepo="$refresh" makecache </dev/null || exit
        fi
        exit 0
    done
    echo "neither dnf nor yum is there to refresh the cache with" >&2
    exit 127
fi
