# get-url/fetch: fetches something into a file: fetch.sh URL DEST TIMEOUT INSECURE ALGORITHM CHECKSUM MODE OWNER GROUP BACKUP FORCE
# INSECURE (yes or no): any certificate will do. ALGORITHM and CHECKSUM, MODE, OWNER and GROUP may be empty. CHECKSUM may be
# the address of a file with sums. BACKUP (yes or no): keep what was there. FORCE (yes or no): fetch also what is there. On standard input: curl's options for headers and passwords, which no list of processes shows.
# Prints `before=` and `after=` with the SHA-1 sums, `size=`, `changed=` yes or no, and `backup=FILE`.
# shellcheck shell=sh
set -u
url=$1
dest=$2
limit=$3
insecure=$4
algorithm=$5
checksum=$6
mode=$7
owner=$8
group=$9
shift 9
backup=$1
force=$2
options=$(cat)

folder=${dest%/*}
if [ ! -d "${folder:-/}" ]; then
    echo "the directory ${folder:-/} does not exist" >&2
    exit 1
fi
new=$(umask 077 && mktemp "$folder/.krun-get.XXXXXX") || exit
sums=
trap 'rm -f "$new" "$sums"' EXIT
trap 'exit 129' HUP INT TERM

# Fetches an address into a file.
fetch() {
    from=$1
    into=$2
    set --
    if command -v curl >/dev/null 2>&1; then
        [ "$insecure" = no ] || set -- --insecure
        printf '%s\n' "$options" |
            curl -fsSL --connect-timeout "$limit" --speed-limit 1 --speed-time "$limit" "$@" -K - -o "$into" -- "$from"
    elif command -v wget >/dev/null 2>&1; then
        if [ -n "$options" ]; then
            echo "headers, passwords and the like need curl, and the node has only wget" >&2
            return 127
        fi
        [ "$insecure" = no ] || set -- --no-check-certificate
        wget -q -T "$limit" "$@" -O "$into" "$from" || {
            status=$?
            echo "wget ended with status $status" >&2
            return "$status"
        }
    else
        echo "the node has neither curl nor wget" >&2
        return 127
    fi
}

sum() { "${1}sum" <"$2" | sed 's/ .*//'; }
is_there=no
case $checksum in
    *://*)
        sums=$(umask 077 && mktemp "$folder/.krun-get.XXXXXX") || exit
        fetch "$checksum" "$sums" || exit
        list=$checksum
        checksum=
        name=${url%%[?#]*}
        name=${name##*/}
        if [ "$(wc -w <"$sums")" -eq 1 ]; then
            checksum=$(tr -d '[:space:]' <"$sums")
        else
            while read -r one file _; do
                file=${file#\*}
                if [ "${file##*/}" = "$name" ]; then checksum=$one; fi
            done <"$sums"
        fi
        checksum=$(printf '%s' "$checksum" | tr '[:upper:]' '[:lower:]')
        if [ -z "$checksum" ]; then
            echo "$list names no sum of $name" >&2
            exit 1
        fi
        if [ "$force" = no ] && [ -f "$dest" ] && [ "$(sum "$algorithm" "$dest")" = "$checksum" ]; then is_there=yes; fi
        ;;
esac
if [ "$is_there" = yes ]; then
    cat "$dest" >"$new" || exit
else
    fetch "$url" "$new" || exit
fi
if [ -n "$checksum" ]; then
    found=$(sum "$algorithm" "$new")
    if [ "$found" != "$checksum" ]; then
        echo "what came has the $algorithm sum $found instead of $checksum" >&2
        exit 1
    fi
fi
after=$(sum sha1 "$new")
before=
[ ! -f "$dest" ] || before=$(sum sha1 "$dest")
printf 'before=%s\nafter=%s\nsize=%s\n' "$before" "$after" "$(wc -c <"$new" | tr -d ' ')"
if [ "$before" = "$after" ]; then
    echo changed=no
    new_file=$dest
else
    echo changed=yes
    if [ "$backup" = yes ] && [ -e "$dest" ]; then
        kept=$dest.$$.$(date '+%Y-%m-%d@%H:%M:%S~')
        cp -p "$dest" "$kept" || exit
        printf 'backup=%s\n' "$kept"
    fi
    new_file=$new
fi
if [ -n "$owner" ]; then chown "$owner" "$new_file" || exit; fi
if [ -n "$group" ]; then chgrp "$group" "$new_file" || exit; fi
# After the owner: chown takes set-user-ID bits away.
if [ -n "$mode" ]; then chmod "$mode" "$new_file" || exit; fi
if [ "$new_file" = "$new" ]; then
    mv -fT "$new" "$dest" || exit
    if [ -e /sys/fs/selinux/enforce ] && command -v restorecon >/dev/null; then restorecon "$dest" || :; fi
fi
exit 0
