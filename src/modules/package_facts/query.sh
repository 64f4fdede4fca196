# package-facts/query: lists the packages that are installed. $1 all: of every manager; first: of the first that is there
# $2… dpkg and rpm, in the order that they are asked in. Prints `== MANAGER` and a line of fields with tabs for each package.
# shellcheck shell=sh
set -u
strategy=$1
shift
found=no
for manager; do
    if [ "$found" = yes ] && [ "$strategy" = first ]; then break; fi
    case $manager in
        dpkg)
            command -v dpkg-query >/dev/null 2>&1 || continue
            # shellcheck disable=SC2016 # These are dpkg's.
            list=$(dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${Section}\n') || continue
            ;;
        rpm)
            command -v rpm >/dev/null 2>&1 || continue
            list=$(rpm -qa --qf 'installed\t%{NAME}\t%{VERSION}\t%{RELEASE}\t%{EPOCH}\t%{ARCH}\n') || continue
            ;;
    esac
    [ -n "$list" ] || continue
    found=yes
    printf '== %s\n%s\n' "$manager" "$list"
done
exit 0
