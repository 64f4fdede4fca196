# user/apply: runs useradd, usermod or userdel, and what these leave over.
# $1 the user  $2 set: the password, encrypted, comes on standard input; locked: the same, and it is locked; no: none
# $3 a home directory to make where it is missing, or empty  $4 its skeleton or empty  $5 its umask or empty
# $6 options of chage, or empty  $7… the program and its words, or nothing
# Prints `passwd=` and the user's new line.
# shellcheck shell=sh
set -u
name=$1
password=$2
home=$3
skeleton=$4
mask=$5
aging=$6
shift 6

hash=$(cat)
if [ $# -gt 0 ]; then
    if ! command -v "$1" >/dev/null 2>&1; then
        echo "$1 is not there: the module needs the shadow utilities (package shadow, shadow-utils or passwd)" >&2
        exit 127
    fi
    # useradd makes a home directory, but not what it is to stand in.
    if [ "$1" = useradd ] && [ -n "$home" ]; then
        case $home in
            */?*) [ -z "${home%/*}" ] || mkdir -p "${home%/*}" || exit ;;
        esac
    fi
    "$@" </dev/null >&2 || exit
    [ "$1" != userdel ] || exit 0
fi
if [ "$password" != no ]; then
    # Not as an option: the list of processes would show it to everybody.
    [ "$password" != locked ] || hash="!$hash"
    printf '%s:%s\n' "$name" "$hash" | chpasswd -e >&2 || exit
fi
if [ -n "$aging" ]; then
    # shellcheck disable=SC2086 # Letters and numbers, one word each.
    chage $aging "$name" </dev/null >&2 || exit
fi
line=$(getent passwd -- "$name")
if [ -n "$home" ] && [ ! -e "$home" ]; then
    numbers=${line#*:*:}
    owner=${numbers%%:*}
    numbers=${numbers#*:}
    group=${numbers%%:*}
    if [ -z "$mask" ]; then
        mask=$(awk '$1 == "HOME_MODE" { mode = $2 } $1 == "UMASK" { mask = $2 }
            END { print mode != "" ? "mode " mode : mask }' /etc/login.defs 2>/dev/null)
    fi
    case $mask in
        mode\ *) mode=${mask#mode } ;;
        *) mode=$(printf '%o' $((0777 & ~0${mask:-22}))) ;;
    esac
    skeleton=${skeleton:-/etc/skel}
    mkdir -p "$home" || exit
    if [ -d "$skeleton" ]; then cp -R "$skeleton/." "$home/" || exit; fi
    chmod "$mode" "$home" || exit
    chown -R "$owner:$group" "$home" || exit
fi
printf 'passwd=%s\n' "$line"
