
# make.sh: packs in one step; its words are those of settings.sh and common.sh.
folder=${dest%/*}
if [ ! -d "${folder:-/}" ]; then
    echo "the directory ${folder:-/} does not exist" >&2
    exit 1
fi
if [ "$removes" = yes ]; then
    while IFS= read -r name; do
        case $dest in
        "${name%/}"/*)
            echo "the archive $dest would be removed with $name, which it packs" >&2
            exit 1
            ;;
        esac
    done <"$work/there"
fi
pack() {
    new=$(umask 077 && mktemp "$folder/.krun-archive.XXXXXX") || return
    if [ -n "$single" ] && [ -n "$program" ]; then
        "$program" -c <"$single" >"$new"
        return
    fi
    if [ -n "$single" ]; then
        root=${single%/*}/
        printf '%s\n' "${single##*/}" >"$list"
    fi
    if [ "$format" = zip ]; then
        if ! command -v zip >/dev/null 2>&1; then
            echo "the node has no zip" >&2
            return 127
        fi
        # zip refuses an empty file, and adds to one that is there.
        rm -f "$new"
        (cd -- "${root:-/}" && zip -q -y - -@ <"$list") >"$new"
    elif [ -n "$program" ]; then
        # The status of tar would be lost in a pipe.
        tar -C "${root:-/}" --no-recursion --verbatim-files-from -T "$list" -cf "$work/tar" && "$program" -c <"$work/tar" >"$new"
    else
        tar -C "${root:-/}" --no-recursion --verbatim-files-from -T "$list" -cf "$new"
    fi
}

if [ "$packs" = yes ]; then
    pack || exit
    target=$new
    if [ -z "$mode" ] && [ -f "$dest" ]; then
        mode=$(stat -c %a -- "$dest")
    elif [ -z "$mode" ]; then
        mode=$(printf '%o' $((0666 & ~0$(umask))))
    fi
    if [ -f "$dest" ]; then
        [ -n "$owner" ] || owner=$(stat -c %u -- "$dest")
        [ -n "$group" ] || group=$(stat -c %g -- "$dest")
    fi
else
    target=$dest
fi
if [ -n "$owner" ]; then chown "$owner" "$target" || exit; fi
if [ -n "$group" ]; then chgrp "$group" "$target" || exit; fi
# After the owner: chown takes set-user-ID bits away.
if [ -n "$mode" ]; then chmod "$mode" "$target" || exit; fi
if [ "$packs" = yes ]; then
    sync "$new" 2>/dev/null || sync
    mv -fT "$new" "$dest" || exit
    new=
fi
if [ "$removes" = yes ]; then
    while IFS= read -r name; do
        rm -rf -- "$name" || exit
    done <"$work/there"
fi
exit 0
