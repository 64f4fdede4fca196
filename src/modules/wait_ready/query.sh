# Shows whether the API server and its etcd are well, the node, the control plane's pods, and when asked etcd's members and
# how many pods the cluster's controllers have.
# $1 kubeconfig, $2 etcd's manifest ("": do not ask its members), $3 "workloads" or empty, $4… names of the node, the best first
kubeconfig=$1 etcd_manifest=$2 workloads=$3
shift 3
choose_node "$@" || exit

echo "== api"
k get --raw=/readyz 2>&1
echo
echo "== etcd"
k get --raw=/readyz/etcd 2>&1
echo
echo "== node"
k get node "$node" -o json || exit
echo "== pods"
k -n kube-system get pods -l tier=control-plane -o json || exit

# etcd's own tool: that of this host where it carries a member, or the one in a member's pod.
etcd() {
	pki=/etc/kubernetes/pki/etcd
	set -- etcdctl --endpoints=https://127.0.0.1:2379 --cacert="$pki/ca.crt" --cert="$pki/healthcheck-client.crt" \
		--key="$pki/healthcheck-client.key" --dial-timeout=5s --command-timeout=10s --write-out=json "$@"
	if [ -n "$pod" ]; then
		k -n kube-system exec "$pod" -c etcd -- "$@"
	else
		ETCDCTL_API=3 "$@" </dev/null
	fi
}
if [ -n "$etcd_manifest" ]; then
	pod=
	if ! [ -r "$etcd_manifest" ] || ! command -v etcdctl >/dev/null 2>&1; then
		pod=$(k -n kube-system get pods -l component=etcd -o 'jsonpath={.items[0].metadata.name}' 2>/dev/null)
		[ -n "$pod" ] || etcd_manifest=
	fi
fi
if [ -n "$etcd_manifest" ]; then
	# A member that does not answer makes the status fail, and the others are shown all the same.
	echo "== etcd-status"
	etcd endpoint status --cluster 2>/dev/null
	echo
	echo "== etcd-members"
	etcd member list 2>&1
	echo
fi

if [ -n "$workloads" ]; then
	echo "== workloads"
	for kind in ReplicaSet StatefulSet ReplicationController; do
		k get "$kind" --all-namespaces \
			-o "jsonpath={range .items[*]}{.metadata.namespace}/$kind/{.metadata.name} {.spec.replicas} {.status.readyReplicas}{\"\\n\"}{end}" || exit
	done
fi
