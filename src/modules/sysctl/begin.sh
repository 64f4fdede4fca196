# sysctl/begin: sets a kernel setting. Stands before install.sh, or before end.sh alone.
# $1 the setting  $2 its value  $3 yes to set it now  $4 the file to read anew, or empty  $5 -e to pass over unknown settings
# shellcheck shell=sh
set -u
export PATH="$PATH:/sbin:/usr/sbin"
setting=$1
value=$2
set_now=$3
reload=$4
ignore=$5
shift 5

# sysctl may end with status 0 although the kernel has refused a value.
run_sysctl() {
    said=$(LC_ALL=C sysctl ${ignore:+"$ignore"} "$@" 2>&1)
    status=$?
    case $said in
        *'setting key "'*'": Invalid argument'* | *'setting key "'*'": Read-only file system'*) status=1 ;;
    esac
    if [ "$status" != 0 ]; then
        printf '%s\n' "$said" >&2
        exit "$status"
    fi
}

if [ "$set_now" = yes ]; then
    run_sysctl -w "$setting=$value"
fi
