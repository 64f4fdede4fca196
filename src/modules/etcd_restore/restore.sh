# Puts a snapshot in the place of this member's data. Every step looks whether it is done, so that the script can be
# run again after whatever ended it.
# $1 etcd's manifest, $2 snapshot, $3 its SHA-256, $4 krun's record, $5 seconds for each wait, $6 bump of the revision
manifest=$1 snapshot=$2 sum=$3 record=$4 patience=$5 bump=$6
endpoint='' ca='' cert='' key=''
folder=${manifest%/*}
conf=${folder%/*}/admin.conf

is_marked() { grep -qx "done=$1" "$record"; }
mark() { printf 'done=%s\n' "$1" >>"$record" || fail "krun cannot write its record $record"; }
now() { date +%s; }

make_folder() {
	mkdir -p "$1" || fail "$1 cannot be made"
	chmod 0700 "$1" || fail "$1 cannot be closed to others"
}

# Waits until a command succeeds. $1 what for, $2… the command
await() {
	what=$1
	shift
	end=$(($(now) + patience))
	until "$@"; do
		[ "$(now)" -lt "$end" ] || fail "waited $patience s: $what. Run this again to go on from here"
		sleep 1
	done
}

# True when nothing listens on a TCP port any more.
is_closed() {
	hex=$(printf ':%04X' "$1")
	for table in /proc/net/tcp /proc/net/tcp6; do
		[ -r "$table" ] || continue
		while read -r _ local _ state _; do
			case $local,$state in *"$hex",0A) return 1 ;; esac
		done <"$table"
	done
}
port_of() { printf '%s\n' "$1" | tr ',' '\n' | sed -n 's/.*:\([0-9][0-9]*\)\/*$/\1/p' | sed 1q; }

if [ ! -f "$record" ]; then
	umask 077
	mkdir -p "${record%/*}" || fail "krun cannot write its record $record"
	printf 'snapshot=%s\nstamp=%s\n' "$snapshot" "$(date -u +%Y%m%dT%H%M%SZ)" >"$record.new" || fail "krun cannot write its record $record"
	mv "$record.new" "$record" || fail "krun cannot write its record $record"
fi
umask 022
stamp=$(sed -n 's/^stamp=//p' "$record")
aside=$folder.krun-$stamp
[ -e "$manifest" ] || manifest=$aside/${manifest##*/}
[ -e "$manifest" ] || fail "$manifest is not there"
read_settings
verify_sum "$snapshot"
[ "$(sum_of "$snapshot")" = "$sum" ] || fail "the snapshot $snapshot changed since it was looked at"
name=$(flag name)
peer=$(flag initial-advertise-peer-urls)
if [ -z "$name" ] || [ -z "$peer" ]; then fail "etcd's manifest $manifest has no --name or no --initial-advertise-peer-urls"; fi
client_port=$(port_of "$endpoint")
peer_port=$(port_of "$peer")
for api in "$folder/kube-apiserver.yaml" "$aside/kube-apiserver.yaml"; do
	[ ! -e "$api" ] || api_port=$(sed -n 's/^ *- *--secure-port=//p' "$api" | sed 1q)
done
api_port=${api_port:-6443}
# A data directory that is a file system of its own cannot be moved; what is in it can.
if grep -q " $data " /proc/mounts; then
	old=$data/krun-before-$stamp new=$data/krun-restored-$stamp
else
	old=$data.krun-before-$stamp new=$data.krun-restored-$stamp
fi

if ! is_marked stopped; then
	echo "stopping the control plane: its manifests go to $aside"
	make_folder "$aside"
	for part in kube-apiserver kube-controller-manager kube-scheduler etcd; do
		[ ! -e "$folder/$part.yaml" ] || mv "$folder/$part.yaml" "$aside/" || fail "$folder/$part.yaml cannot be moved"
	done
	manifest=$aside/${manifest##*/}
	# Nothing but the kubelet stops static pods.
	systemctl is-active -q kubelet || systemctl start kubelet || fail "the kubelet cannot be started"
	await "the API server still runs" is_closed "$api_port"
	await "etcd still runs" is_closed "$client_port"
	await "etcd still runs" is_closed "$peer_port"
	mark stopped
fi

if ! is_marked kept; then
	if [ -d "$data/member" ]; then
		echo "the data that was there goes to $old"
		make_folder "$old"
		mv "$data/member" "$old/member" || fail "$data/member cannot be moved"
	fi
	mark kept
fi

if ! is_marked restored; then
	echo "restoring $snapshot"
	rm -rf "$new" "$data/member"
	make_folder "$data"
	# In a container the programs have to see the new data as well as the snapshot.
	find_tools "${new%/*}"
	source=$snapshot
	if [ "$tools" != host ]; then
		source=${new%/*}/krun-snapshot-$stamp.db
		cp "$snapshot" "$source" || fail "$source cannot be written"
	fi
	program=$(snapshot_tool)
	set -- snapshot restore "$source" --data-dir="$new" --name="$name" --initial-cluster="$name=$peer" \
		--initial-cluster-token="krun-$stamp" --initial-advertise-peer-urls="$peer"
	# A higher revision makes everybody who watches the cluster look again, instead of missing what went back.
	if [ "$bump" -gt 0 ]; then
		if tool "$program" snapshot restore --help 2>&1 | grep -q -e --bump-revision; then
			set -- "$@" --bump-revision="$bump" --mark-compacted
		else
			echo "this $program cannot raise the revision: restart every controller that keeps a cache of the cluster"
		fi
	fi
	tool "$program" "$@" || fail "$program could not restore $snapshot; the data that was there is in $old"
	[ "$source" = "$snapshot" ] || rm -f "$source"
	mv "$new/member" "$data/member" || fail "$new/member cannot be moved"
	rmdir "$new"
	chmod 0700 "$data"
	# Where etcd does not run as root, the data has to be its own.
	[ ! -e "$old/member" ] || chown -R "$(stat -c %u:%g "$old/member")" "$data/member"
	! command -v restorecon >/dev/null 2>&1 || restorecon -R "$data"
	sync
	mark restored
fi

etcd_is_well() { limit=5 member endpoint health >/dev/null 2>&1; }
api_is_well() { [ "$(kubectl --kubeconfig="$conf" --request-timeout=5s get --raw=/readyz </dev/null 2>/dev/null)" = ok ]; }

if ! is_marked started; then
	echo "starting etcd"
	[ ! -e "$aside/etcd.yaml" ] || mv "$aside/etcd.yaml" "$folder/" || fail "$aside/etcd.yaml cannot be moved"
	manifest=$folder/etcd.yaml
	find_tools /tmp
	await "etcd does not become healthy (look at its log in /var/log/pods)" etcd_is_well
	echo "starting the API server, the controller manager and the scheduler"
	for part in kube-apiserver kube-controller-manager kube-scheduler; do
		[ ! -e "$aside/$part.yaml" ] || mv "$aside/$part.yaml" "$folder/" || fail "$aside/$part.yaml cannot be moved"
	done
	rmdir "$aside"
	await "the API server does not become ready" api_is_well
	mark started
fi

echo "restarting the kubelet"
systemctl restart kubelet || fail "the kubelet cannot be restarted"
await "the API server does not become ready" api_is_well
rm -f "$record" || fail "$record cannot be removed"
echo "the old data is kept in $old"
