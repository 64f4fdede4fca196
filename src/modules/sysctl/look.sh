# sysctl/look: prints the value that a kernel setting has now; query.sh stands behind it. $1 the setting
# shellcheck shell=sh
set -u
export PATH="$PATH:/sbin:/usr/sbin"
if ! command -v sysctl >/dev/null 2>&1; then
    echo "sysctl is not there: install procps" >&2
    exit 127
fi
if live=$(LC_ALL=C sysctl -e -n "$1" 2>/dev/null); then
    printf 'live=%s\n' "$(printf %s "$live" | tr '\n' ' ')"
fi
shift
