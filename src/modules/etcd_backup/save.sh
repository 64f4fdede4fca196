# Takes a snapshot of the etcd member on this node, verifies it, writes its manifest beside it, removes old ones.
# $1: folder of the snapshots   $2: how many to keep   $3: etcd's static-pod manifest
# $4 endpoint, $5 CA, $6 certificate, $7 key: taken from the manifest when empty
# Answers on standard output: key=value lines. What is wrong goes to standard error, with exit status 1.
set -u
umask 077
dest=$1 keep=$2 manifest=$3 endpoint=$4 ca=$5 cert=$6 key=$7

fail() {
	echo "$*" >&2
	exit 1
}

# A flag of etcd as its static-pod manifest gives it.
option() {
	sed -n "s/^ *- *--$1=//p" "$manifest" 2>/dev/null | head -n 1
}

pki=/etc/kubernetes/pki/etcd
if [ -z "$endpoint" ]; then
	endpoint=$(option listen-client-urls | tr ',' '\n' | grep '127\.0\.0\.1' | head -n 1)
	[ -n "$endpoint" ] || endpoint=$(option listen-client-urls | cut -d , -f 1)
	[ -n "$endpoint" ] || endpoint=https://127.0.0.1:2379
fi
[ -n "$ca" ] || ca=$(option trusted-ca-file)
[ -n "$ca" ] || ca=$pki/ca.crt
if [ -z "$cert" ]; then
	folder=$(dirname "$ca")
	if [ -f "$folder/healthcheck-client.crt" ]; then
		cert=$folder/healthcheck-client.crt key=$folder/healthcheck-client.key
	else
		cert=$(option cert-file) key=$(option key-file)
	fi
	[ -n "$cert" ] || cert=$pki/server.crt
	[ -n "$key" ] || key=$pki/server.key
fi
for file in "$ca" "$cert" "$key"; do
	[ -r "$file" ] || fail "etcd's certificate file $file cannot be read on this node"
done

# etcdctl of the host, or the one in the etcd container, which writes where both can see it.
container=
if command -v etcdctl >/dev/null 2>&1; then
	etcdctl() { ETCDCTL_API=3 command etcdctl "$@"; }
elif command -v crictl >/dev/null 2>&1 && container=$(crictl ps --state running --name '^etcd$' -q 2>/dev/null | head -n 1) && [ -n "$container" ]; then
	etcdctl() { crictl exec "$container" etcdctl "$@"; }
else
	fail "no etcdctl: neither a program of that name nor a running etcd container was found on this node"
fi
client() {
	etcdctl "--endpoints=$endpoint" "--cacert=$ca" "--cert=$cert" "--key=$key" "$@"
}

echo "asking $endpoint whether it is healthy"
health=$(client endpoint health 2>&1) || fail "etcd at $endpoint is not healthy: $health"
alarms=$(client alarm list 2>&1) || fail "etcd at $endpoint does not list its alarms: $alarms"
[ -z "$alarms" ] || fail "etcd raises an alarm, its data may not be whole: $alarms"

{ mkdir -p "$dest" && chmod 700 "$dest"; } || fail "the folder $dest cannot be made"
rm -f "$dest"/.etcd-*.part
stamp=$(date -u +%Y%m%dT%H%M%SZ)
part=$dest/.etcd-$stamp.part
trap 'rm -f "$part"' EXIT

echo "saving a snapshot"
if [ -n "$container" ]; then
	data=$(option data-dir)
	inside=${data:-/var/lib/etcd}/krun-$stamp.db
	if ! { client snapshot save "$inside" >&2 && mv "$inside" "$part"; }; then
		rm -f "$inside"
		fail "the snapshot could not be saved (is the disk full?)"
	fi
else
	client snapshot save "$part" >&2 || fail "the snapshot could not be saved (is the disk full?)"
fi

# `snapshot status` of etcd 3.4 says nothing about a damaged file; the last 32 bytes are the SHA-256 of the rest.
echo "verifying the snapshot"
size=$(wc -c <"$part")
size=$((size))
[ "$size" -gt 512 ] || fail "the snapshot has only $size bytes"
stored=$(tail -c 32 "$part" | od -An -v -tx1 | tr -d ' \n')
computed=$(head -c "$((size - 32))" "$part" | sha256sum | cut -d ' ' -f 1)
[ "$stored" = "$computed" ] || fail "the snapshot is damaged: its checksum is $computed, it should be $stored"
status=
if [ -z "$container" ]; then
	if command -v etcdutl >/dev/null 2>&1; then
		status=$(etcdutl snapshot status -w json "$part" 2>/dev/null)
	else
		status=$(ETCDCTL_API=3 command etcdctl snapshot status -w json "$part" 2>/dev/null)
	fi
	[ -n "$status" ] || fail "etcd's own tool cannot read the snapshot"
	case $status in
	*'"totalKey":0,'* | *'"totalKey":0}'*) fail "the snapshot holds no keys" ;;
	esac
fi
sha256=$(sha256sum "$part" | cut -d ' ' -f 1)
version=$(client version 2>/dev/null | sed -n 's/^etcdctl version: *//p')
sync "$part" 2>/dev/null || sync

cat >"$dest/.manifest.part" <<MANIFEST
{
  "format": 1,
  "snapshot": "etcd-$stamp.db",
  "sha256": "$sha256",
  "size": $size,
  "taken_at": $(date +%s),
  "host": "$(uname -n)",
  "endpoint": "$endpoint",
  "etcdctl": "$version",
  "status": ${status:-null}
}
MANIFEST
if ! { mv -f "$part" "$dest/etcd-$stamp.db" && mv -f "$dest/.manifest.part" "$dest/etcd-$stamp.json"; }; then
	fail "the snapshot cannot be put in place"
fi

# Names hold their time, so the first ones in order are the oldest. Only what krun wrote is removed.
set -- "$dest"/etcd-*.json
while [ "$#" -gt "$keep" ]; do
	rm -f "${1%.json}.db" "$1"
	shift
done
printf 'snapshot=%s\nsha256=%s\nsize=%s\nstatus=%s\n' "$dest/etcd-$stamp.db" "$sha256" "$size" "$status"
