# hostname/apply: names the machine. $1 the name  $2 yes to set the permanent name  $3 yes to set the current one
# Prints `fqdn=`.
# shellcheck shell=sh
set -u
name=$1
permanent=$2
current=$3
if [ -d /run/systemd/system ] && command -v hostnamectl >/dev/null 2>&1; then
    # The permanent one first: NetworkManager complains about the other order.
    if [ "$permanent" = yes ]; then hostnamectl --pretty --static set-hostname "$name" || exit; fi
    if [ "$current" = yes ]; then hostnamectl --transient set-hostname "$name" || exit; fi
else
    if [ "$permanent" = yes ]; then printf '%s\n' "$name" >/etc/hostname || exit; fi
    if [ "$current" = yes ]; then hostname "$name" || exit; fi
fi
printf 'fqdn=%s\n' "$(hostname -f 2>/dev/null)"
