# Finds the newest snapshot whose file is what its description says, and shows the description and its age.
# $1 folder
set -u
newest=
for description in "$1"/etcd-snapshot-*.json; do
	[ ! -f "$description" ] || newest=$description
done
[ -n "$newest" ] || exit 0
file=${newest%.json}.db
[ -f "$file" ] || exit 0
wanted=$(sed -n 's/.*"sha256": *"\([0-9a-f]*\)".*/\1/p' "$newest")
found=$(sha256sum "$file" | cut -d' ' -f1)
[ -n "$wanted" ] && [ "$wanted" = "$found" ] || exit 0
created=$(sed -n 's/.*"created": *\([0-9]*\).*/\1/p' "$newest")
echo "== age"
echo $(($(date +%s) - ${created:-0}))
echo "== description"
cat "$newest"
