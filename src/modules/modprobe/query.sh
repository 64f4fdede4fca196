# modprobe/query: is a kernel module loaded, and what is said about it for the next boot?
# $1 the root of the file system, or empty  $2 the module
# Prints `loaded=` and `persistent=` yes or no, and `param=` for each parameter that is kept.
# shellcheck shell=sh
set -u
root=$1
name=$2

# The kernel writes underscores whatever the file's name has.
plain=$(printf %s "$name" | tr - _)
if [ ! -r "$root/proc/modules" ]; then
    echo "the node's kernel has no modules: /proc/modules cannot be read" >&2
    exit 1
fi
loaded=no
if grep -q "^$plain " "$root/proc/modules"; then
    loaded=yes
elif tr - _ <"$root/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null | grep -q "/$plain\\.ko\$"; then
    loaded=yes
fi
echo "loaded=$loaded"

persistent=no
for file in "$root"/etc/modules-load.d/*; do
    [ -f "$file" ] || continue
    if grep -q "^ *$name *\([#;].*\)\{0,1\}\$" "$file"; then persistent=yes; fi
done
echo "persistent=$persistent"
for file in "$root"/etc/modprobe.d/*; do
    [ -f "$file" ] || continue
    sed -n "s/^options $name \([A-Za-z0-9_]\{1,\}=[^ ]\{1,\}\) *\([#;].*\)\{0,1\}\$/param=\1/p" "$file"
done
