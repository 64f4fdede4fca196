# dpkg-selections/apply: selects something for a package. $1 the package  $2 install|hold|deinstall|purge
# shellcheck shell=sh
printf '%s %s\n' "$1" "$2" | LC_ALL=C dpkg --set-selections
