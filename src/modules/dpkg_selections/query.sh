# dpkg-selections/query: prints `selection=` and what is selected for a package, if dpkg knows it. $1 the package
# shellcheck shell=sh
set -u
if ! command -v dpkg >/dev/null 2>&1; then
    echo "dpkg is not there: the module is for Debian and its kin" >&2
    exit 127
fi
said=$(LC_ALL=C dpkg --get-selections "$1" 2>&1) || {
    printf '%s\n' "$said" >&2
    exit 1
}
case $said in
    *'no packages found matching'*) ;;
    *) printf 'selection=%s\n' "$(printf '%s\n' "$said" | awk 'NR == 1 { print $2 }')" ;;
esac
