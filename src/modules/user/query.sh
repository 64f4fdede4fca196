# user/query: what is known of a user. $1 the user 
# $2… groups by name or number. The password that is wanted, encrypted, comes on standard input.
# Prints `passwd=` and the user's line, `password=` none|locked|open, `same=` yes|no (is the password the wanted one),
# `aging=` the fields behind it, `home=` missing, and `group=` and the line for each group of the node and each asked about.
# shellcheck shell=sh
set -u
name=$1
wanted=$(cat)
shift

entry() {
    if command -v getent >/dev/null 2>&1; then
        getent "$1" -- "$2"
    else
        awk -F: -v name="$2" '$1 == name || $3 == name' "/etc/$1"
    fi
}

line=$(entry passwd "$name")
case $line in
    "$name":*) ;;
    *) line= ;;
esac
if [ -n "$line" ]; then
    printf 'passwd=%s\n' "$line"
    home=${line%:*}
    home=${home##*:}
    [ -e "$home" ] || echo home=missing
    shadow=$(entry shadow "$name" 2>/dev/null)
    case $shadow in
        "$name":*) ;;
        *) shadow=$line ;;
    esac
    rest=${shadow#*:}
    password=${rest%%:*}
    rest=${rest#*:}
    printf 'aging=%s\n' "$rest"
    case $password in
        '') echo password=none ;;
        !*) echo password=locked ;;
        *) echo password=open ;;
    esac
    bare() {
        text=$1
        while [ "${text#!}" != "$text" ]; do text=${text#!}; done
        printf %s "$text"
    }
    if [ "$(bare "$password")" = "$(bare "$wanted")" ]; then echo same=yes; else echo same=no; fi
fi
if command -v getent >/dev/null 2>&1; then
    getent group | sed 's/^/group=/'
else
    sed 's/^/group=/' /etc/group
fi
for group; do
    entry group "$group" | sed 's/^/group=/'
done
exit 0
