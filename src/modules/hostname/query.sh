# hostname/query: prints `current=` and `permanent=`, the names of the machine.
# shellcheck shell=sh
set -u
if [ -d /run/systemd/system ] && command -v hostnamectl >/dev/null 2>&1; then
    echo by=systemd
    printf 'current=%s\n' "$(hostnamectl --transient status)"
    printf 'permanent=%s\n' "$(hostnamectl --static status)"
else
    printf 'current=%s\n' "$(hostname)"
    printf 'permanent=%s\n' "$(cat /etc/hostname 2>/dev/null)"
fi
printf 'fqdn=%s\n' "$(hostname -f 2>/dev/null)"
