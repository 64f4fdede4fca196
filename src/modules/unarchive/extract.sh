
# extract.sh: unpacks; its words are those of common.sh.
if [ "$kind" = tar ]; then
    [ "$newer" = no ] || set -- --keep-newer-files "$@"
    "$tar" --extract -C "$dest" -f "$archive" "$@" || exit
else
    overwrite=-o
    [ "$newer" = no ] || overwrite=-uo
    unzip -q "$overwrite" -d "$dest" "$@" >&2
    status=$?
    # 1: done, with a warning.
    [ "$status" -le 1 ] || exit "$status"
fi
if [ -n "$wants_attributes" ]; then
    printf '%s\n' "$names" | while IFS= read -r name; do
        place_of "$name"
        if [ ! -e "$place" ] && [ ! -L "$place" ]; then continue; fi
        if [ -n "$owner" ]; then chown -h "$owner" "$place" || exit; fi
        if [ -n "$group" ]; then chgrp -h "$group" "$place" || exit; fi
        # After the owner: chown takes set-user-ID bits away. A link has no mode of its own.
        if [ -n "$mode" ] && [ ! -L "$place" ]; then chmod "$mode" "$place" || exit; fi
    done || exit
fi
exit 0
