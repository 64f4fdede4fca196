# modprobe/apply: loads or unloads a kernel module, and writes down whether that holds after the next boot.
# $1 the root of the file system, or empty  $2 the module  $3 load|unload|leave  $4 write|forget|leave its name
# $5 write|forget|leave its parameters  $6 the parameters for the file, one a line  $7… those for modprobe
# Prints `loaded=` yes or no after loading.
# shellcheck shell=sh
set -u
export PATH="$PATH:/sbin:/usr/sbin"
root=$1
name=$2
action=$3
place=$4
options=$5
lines=$6
shift 6

case $action in
    load)
        modprobe "$name" "$@" >&2 || exit
        plain=$(printf %s "$name" | tr - _)
        if grep -q "^$plain " "$root/proc/modules" ||
            tr - _ <"$root/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null | grep -q "/$plain\\.ko\$"; then
            echo loaded=yes
        else
            echo loaded=no
        fi
        ;;
    unload) modprobe -r "$name" >&2 || exit ;;
esac

# Makes comments of the lines that match, in each file of a folder.
comment_out() {
    for file in "$root/etc/$1"/*; do
        if [ -f "$file" ] && grep -q "$2" "$file"; then
            new=$(mktemp "$file.krun.XXXXXX") || exit
            cp -p "$file" "$new" && sed "s/$2/#&/" "$file" >"$new" && mv -f "$new" "$file" || exit
        fi
    done
}

# One step, so that no boot finds half a file.
put() {
    mkdir -p "${1%/*}" || exit
    new=$(mktemp "$1.krun.XXXXXX") || exit
    printf '%s\n' "$2" >"$new" && chmod 0644 "$new" && mv -f "$new" "$1" || exit
}

case $place in
    write) put "$root/etc/modules-load.d/$name.conf" "$name" ;;
    forget) comment_out modules-load.d "^ *$name *\([#;].*\)\{0,1\}\$" ;;
esac
if [ "$options" != leave ]; then
    comment_out modprobe.d "^options $name [A-Za-z0-9_]\{1,\}=[^ ]\{1,\} *\([#;].*\)\{0,1\}\$"
fi
if [ "$options" = write ]; then
    put "$root/etc/modprobe.d/$name.conf" "$lines"
fi
exit 0
