# Saves a snapshot of this member, verifies it, describes it, puts it in place, and removes the oldest ones.
# $1 etcd's manifest, $2 endpoint, $3 CA, $4 certificate, $5 key, $6 folder, $7 how many to keep, $8 seconds for the save
manifest=$1 endpoint=$2 ca=$3 cert=$4 key=$5 dest=$6 keep=$7 limit=$8
read_settings
umask 077
if [ ! -d "$dest" ]; then
	mkdir -p "$dest" || fail "the folder $dest cannot be made"
	chmod 0700 "$dest" || fail "the folder $dest cannot be closed to others"
fi
find_tools "$dest"

health=$(limit=20 member endpoint health 2>&1) || fail "etcd at $endpoint is not healthy: $health"
status=$(limit=20 member endpoint status --write-out=json 2>&1) || fail "etcd at $endpoint gives no status: $status"
live=$(number revision "$status")
version=$(printf '%s\n' "$status" | sed -n 's/.*"version":"\([^"]*\)".*/\1/p' | sed 1q)

name=etcd-snapshot-$(date -u +%Y%m%dT%H%M%SZ)-$(uname -n)
work=$dest/.$name.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# What an interrupted save left; nobody else writes such folders, and not two at a time.
for left in "$dest"/.etcd-snapshot-*; do
	[ ! -d "$left" ] || rm -rf "$left"
done
mkdir "$work" || fail "$dest cannot be written"
said=$(member snapshot save "$work/db" 2>&1) || fail "the snapshot could not be saved: $said"
verify_sum "$work/db"
read_status "$work/db"
if [ -n "$live" ] && [ "$revision" -lt "$live" ]; then
	fail "the snapshot is at revision $revision, etcd was at $live already before it"
fi
sum=$(sum_of "$work/db")
created=$(date +%s)
cat >"$work/json" <<END || fail "$dest cannot be written"
{
  "file": "$name.db",
  "created": $created,
  "node": "$(uname -n)",
  "member": "$(flag name)",
  "endpoint": "$endpoint",
  "etcd_version": "$version",
  "image": "$image",
  "size": $size,
  "sha256": "$sum",
  "hash": ${hash:-0},
  "revision": $revision,
  "total_keys": $keys
}
END
sync
# The description comes last: a snapshot without one is not a finished one.
mv "$work/db" "$dest/$name.db" || fail "$dest cannot be written"
mv "$work/json" "$dest/$name.json" || fail "$dest cannot be written"

count=0
for description in "$dest"/etcd-snapshot-*.json; do count=$((count + 1)); done
for description in "$dest"/etcd-snapshot-*.json; do
	[ "$count" -gt "$keep" ] || break
	rm -f "$description" "${description%.json}.db"
	echo "== removed ${description##*/}"
	count=$((count - 1))
done
echo "== description"
cat "$dest/$name.json"
