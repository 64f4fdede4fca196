
# compare.sh: what unpacking would change; its words are those of common.sh. Prints `created=yes`; or `kind=`, `umask=`, `dest=`,
# `differs=` for each thing that differs, `entry=` for the attributes that occur, and `member=` for the names in the archive.
printf 'kind=%s\numask=%s\ndest=%s\n' "$kind" "$(umask)" "$dest"

compare_tar() {
    [ "$newer" = no ] || set -- --keep-newer-files "$@"
    said=$("$tar" --diff -C "$dest" -f "$archive" "$@" 2>&1)
    status=$?
    # 2 is what a missing file gives, too; an archive that cannot be read has no list either.
    if [ "$status" -ge 2 ] && ! members "$@" >/dev/null 2>&1; then
        printf '%s\n' "$said" >&2
        return 1
    fi
    # Only root can give files away; and what the task sets itself is compared apart.
    if [ "$(id -u)" -ne 0 ]; then
        owner=any
        group=any
    fi
    printf '%s\n' "$said" | while IFS= read -r line; do
        case $line in
            '' | *': Exiting with failure status due to previous errors' | *': Removing leading '*) continue ;;
            *': Uid differs') [ -z "$owner" ] || continue ;;
            *': Gid differs') [ -z "$group" ] || continue ;;
            *': Mode differs') [ -z "$mode" ] || continue ;;
        esac
        printf 'differs=%s\n' "$line"
    done
}

compare_zip() {
    lines=$(unzip -Z -s -T "$@") || return
    word='[^ ]*  *'
    printf '%s\n' "$lines" |
        sed -n "s/^\\([-dl]\\)$word$word$word$word$word$word\\([0-9.]\\{15\\}\\) \\(.*\\)/\\1 \\2 \\3/p" |
        while read -r type time name; do
            place_of "$name"
            [ -n "$place" ] || continue
            member=$(printf '%s\n' "$name" | sed 's/[][*?\\]/\\&/g')
            if [ ! -e "$place" ] && [ ! -L "$place" ]; then
                printf 'differs=%s: it is not there\n' "$name"
            elif [ "$newer" = yes ] && [ "$(date -r "$place" +%Y%m%d%H%M%S)" -gt "${time%.*}${time#*.}" ]; then
                continue
            elif [ "$type" = d ] || [ "$name" != "${name%/}" ]; then
                [ -d "$place" ] || printf 'differs=%s: it is no directory\n' "$name"
            elif [ "$type" = l ]; then
                [ "$(unzip -p "$archive" "$member")" = "$(readlink "$place")" ] ||
                    printf 'differs=%s: it is another link\n' "$name"
            else
                unzip -p "$archive" "$member" | cmp -s - "$place" || printf 'differs=%s: Contents differ\n' "$name"
            fi
        done
}

if [ "$kind" = tar ]; then
    differences=$(compare_tar "$@") || exit
else
    differences=$(compare_zip "$@") || exit
fi
[ -z "$differences" ] || printf '%s\n' "$differences"
if [ -n "$wants_attributes" ]; then
    printf '%s\n' "$names" | while IFS= read -r name; do
        place_of "$name"
        if [ -e "$place" ] || [ -L "$place" ]; then stat -c 'entry=%f:%u:%g:%U:%G' -- "$place"; fi
    done | sort -u
fi
[ "$listed" = no ] || printf '%s\n' "$names" | sed 's/^/member=/'
# Whoever reads the attributes knows whether it is needed once more.
if [ "$source" = kept ] && [ -n "$differences$wants_attributes" ]; then
    own=
    echo kept=yes
fi
exit 0
