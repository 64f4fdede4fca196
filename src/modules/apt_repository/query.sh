# apt-repository/query: prints `parts=` and the directory of the lists of sources, and each list: `== FILE` and its lines,
# a blank before each.
# shellcheck shell=sh
set -u
if ! command -v apt-config >/dev/null 2>&1; then
    echo "apt is not there: the module is for Debian and its kin" >&2
    exit 127
fi
main=/etc/apt/sources.list
parts=/etc/apt/sources.list.d
eval "$(apt-config shell main Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
parts=${parts%/}
printf 'parts=%s\n' "$parts"
for file in "$main" "$parts"/*.list; do
    [ -f "$file" ] || continue
    printf '== %s\n' "$file"
    sed 's/^/ /' "$file" || exit
done
