
# compare.sh: whether the archive is as it is to be; its words are those of common.sh. Prints `dest=`, `root=`, `count=` of what
# there is to pack, `same=` yes or no, `there=` yes when the archive is there, `entry=` with its attributes, `missing=` and `path=`.
printf 'dest=%s\nroot=%s\ncount=%s\numask=%s\n' "$dest" "$root" "$count" "$(umask)"
sed 's/^/missing=/' "$work/missing"
sed 's/^/path=/' "$work/there"
if [ -n "$single" ]; then echo single=yes; fi
if [ -d "$dest" ]; then
    echo "$dest is a directory" >&2
    exit 1
fi
[ -f "$dest" ] || exit 0
echo there=yes
stat -c 'entry=%f:%u:%g:%U:%G' -- "$dest"

unpacked() {
    if [ -n "$program" ]; then "$program" -dc <"$dest"; else cat "$dest"; fi
}

is_same_tar() {
    [ -z "$program" ] || "$program" -t <"$dest" 2>/dev/null || return
    unpacked | tar --quoting-style=literal -tf - 2>/dev/null | sed 's:/$::' | sort -u >"$work/packed" || return
    cmp -s "$list" "$work/packed" || return
    # Times do not count: putting the archive in place changes that of its directory, which may be in it.
    said=$(unpacked | tar --diff -C "${root:-/}" -f - 2>&1)
    ! printf '%s' "$said" | grep -qv ': Mod time differs$'
}

is_same_zip() {
    unzip -Z1 "$dest" 2>/dev/null | sed 's:/$::' | sort -u >"$work/packed" || return
    cmp -s "$list" "$work/packed" || return
    while IFS= read -r name; do
        file=$root$name
        if [ -d "$file" ] && [ ! -L "$file" ]; then continue; fi
        member=$(printf '%s\n' "$name" | sed 's/[][*?\\]/\\&/g')
        if [ -L "$file" ]; then
            [ "$(unzip -p "$dest" "$member")" = "$(readlink "$file")" ] || return
        else
            unzip -p "$dest" "$member" | cmp -s - "$file" || return
        fi
    done <"$list"
}

same=no
if [ -n "$single" ] && [ "$format" != zip ] && [ "$format" != tar ]; then
    if unpacked 2>/dev/null | cmp -s - "$single"; then same=yes; fi
else
    if [ -n "$single" ]; then
        root=${single%/*}/
        printf '%s\n' "${single##*/}" >"$list"
    fi
    if [ "$format" = zip ]; then
        if is_same_zip; then same=yes; fi
    elif is_same_tar; then
        same=yes
    fi
fi
echo "same=$same"
exit 0
