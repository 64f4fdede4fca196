# Finds the newest snapshot that was verified when it was taken and is still the same file.
# $1: folder of the snapshots
# Answers: snapshot=PATH, age=SECONDS, sha256=HEX; nothing when there is none.
set -u
dest=$1

# Names hold their time, so the last one in order is the newest.
newest=
for manifest in "$dest"/etcd-*.json; do
	snapshot=${manifest%.json}.db
	[ -f "$snapshot" ] || continue
	recorded=$(sed -n 's/.*"sha256": *"\([0-9a-f]*\)".*/\1/p' "$manifest")
	actual=$(sha256sum "$snapshot" | cut -d ' ' -f 1)
	if [ -n "$recorded" ] && [ "$recorded" = "$actual" ]; then
		taken=$(sed -n 's/.*"taken_at": *\([0-9]*\).*/\1/p' "$manifest")
		newest=$(printf 'snapshot=%s\nage=%s\nsha256=%s' "$snapshot" "$(($(date +%s) - ${taken:-0}))" "$actual")
	fi
done
[ -z "$newest" ] || printf '%s\n' "$newest"
