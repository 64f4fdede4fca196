# Common to the scripts that work on a control plane's own etcd. Expects manifest, and what a task overrides in
# endpoint, ca, cert and key (empty: read from the manifest, or kubeadm's own paths).
# shellcheck disable=SC2034,SC2154
set -u
ETCDCTL_API=3
LC_ALL=C
export ETCDCTL_API LC_ALL

fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

# The value of one of etcd's options in its manifest.
flag() {
	[ -e "$manifest" ] || return 0
	sed -n "s/^ *- *[\"']\{0,1\}--$1=//p" "$manifest" | sed 1q | tr -d "\"'"
}

# The first of two paths that is there; the second when none is.
first_there() {
	if [ -n "$1" ] && [ -e "$1" ]; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi
}

# Fills in what the task left open. One endpoint only: this member's own, on the loopback address where it listens there.
read_settings() {
	pki=/etc/kubernetes/pki/etcd
	if [ -z "$endpoint" ]; then
		urls=$(flag listen-client-urls),$(flag advertise-client-urls)
		endpoint=$(printf '%s\n' "$urls" | tr ',' '\n' | sed -n '/:\/\/127\.0\.0\.1:/{p;q;}')
		[ -n "$endpoint" ] || endpoint=$(printf '%s\n' "$urls" | tr ',' '\n' | sed -n '/./{p;q;}')
		[ -n "$endpoint" ] || endpoint=https://127.0.0.1:2379
	fi
	server_cert=$(flag cert-file)
	server_key=$(flag key-file)
	[ -n "$ca" ] || ca=$(flag trusted-ca-file)
	[ -n "$ca" ] || ca=$pki/ca.crt
	certificates=${ca%/*}
	[ -n "$cert" ] || cert=$(first_there "$certificates/healthcheck-client.crt" "${server_cert:-$pki/server.crt}")
	[ -n "$key" ] || key=$(first_there "$certificates/healthcheck-client.key" "${server_key:-$pki/server.key}")
	data=$(flag data-dir)
	[ -n "$data" ] || data=/var/lib/etcd
	image=$(sed -n 's/^ *\(- \)\{0,1\}image: *//p' "$manifest" 2>/dev/null | sed 1q | tr -d "\"'")
}

# Decides where etcd's programs come from: the host's own, or else the image that the cluster's etcd runs from.
# $1 a folder that the programs have to see
find_tools() {
	shared=$1
	if command -v etcdctl >/dev/null 2>&1; then
		tools=host
		return 0
	fi
	for tools in ctr podman docker; do
		if [ -n "$image" ] && command -v "$tools" >/dev/null 2>&1; then
			return 0
		fi
	done
	fail "there is no etcdctl on this host, and no ctr, podman or docker to run it from etcd's own image${image:+ ($image)}; install etcd's client tools (on Debian etcd-client, on RPM systems etcd)"
}

# Runs one of etcd's programs.
tool() {
	case $tools in
	host) "$@" </dev/null ;;
	ctr)
		ctr -n k8s.io run --rm --net-host \
			--mount "type=bind,src=/etc/kubernetes/pki,dst=/etc/kubernetes/pki,options=rbind:ro" \
			--mount "type=bind,src=$shared,dst=$shared,options=rbind:rw" \
			"$image" "krun-etcd-$$-$(date +%s)" "$@" </dev/null
		;;
	*)
		program=$1
		shift
		"$tools" run --rm --network host -v /etc/kubernetes/pki:/etc/kubernetes/pki:ro -v "$shared:$shared" \
			--entrypoint "$program" "$image" "$@" </dev/null
		;;
	esac
}

# The program for snapshot files: etcdutl where there is one (from 3.6 on the only one), or etcdctl.
snapshot_tool() {
	if [ "$tools" = host ]; then
		command -v etcdutl >/dev/null 2>&1 && echo etcdutl || echo etcdctl
	elif tool etcdutl version >/dev/null 2>&1; then
		echo etcdutl
	else
		echo etcdctl
	fi
}

# Asks this member.
member() {
	tool etcdctl --endpoints="$endpoint" --cacert="$ca" --cert="$cert" --key="$key" \
		--dial-timeout=5s --command-timeout="${limit:-20}s" "$@"
}

sum_of() { sha256sum "$1" | cut -d' ' -f1; }

# Checks a snapshot by the SHA-256 that etcd puts behind it: nothing but a restore looks at it otherwise.
verify_sum() {
	[ -f "$1" ] || fail "the snapshot $1 is not there"
	size=$(($(wc -c <"$1")))
	[ "$size" -gt 32 ] || fail "the snapshot $1 is empty"
	[ $((size % 512)) -eq 32 ] || fail "the snapshot $1 is not whole: it does not end with a checksum"
	own=$(tail -c 32 "$1" | od -An -v -tx1 | tr -d ' \n')
	found=$(head -c $((size - 32)) "$1" | sha256sum | cut -d' ' -f1)
	[ "$own" = "$found" ] || fail "the snapshot $1 is damaged: its content does not match its checksum"
}

# One number of a program's JSON.
number() { printf '%s\n' "$2" | sed -n "s/.*\"$1\":\([0-9][0-9]*\).*/\1/p" | sed 1q; }

# Reads what etcd's own tool says of a snapshot.
read_status() {
	status=$(tool "$(snapshot_tool)" snapshot status "$1" --write-out=json 2>&1) ||
		fail "the snapshot $1 cannot be read: $status"
	hash=$(number hash "$status")
	revision=$(number revision "$status")
	keys=$(number totalKey "$status")
	[ -n "$revision" ] || fail "the snapshot $1 cannot be read: $status"
	[ "${keys:-0}" -gt 0 ] || fail "the snapshot $1 holds no keys"
}
