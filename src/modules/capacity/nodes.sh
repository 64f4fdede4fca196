# Shows every node with what counts for its being away; a line each, with tabs between.
# $1 kubeconfig. Status 4: this host cannot ask the cluster at all.
set -u
if ! command -v kubectl >/dev/null 2>&1; then
	echo "there is no kubectl on this host" >&2
	exit 4
fi
if [ ! -r "$1" ]; then
	echo "$1 is not there, or may not be read" >&2
	exit 4
fi
kubectl --kubeconfig="$1" --request-timeout=20s get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{"\t"}{.metadata.labels.kubernetes\.io/hostname}{"\t"}{.status.addresses[*].address}{"\t"}{.spec.unschedulable}{"\t"}{.metadata.annotations.krun\.dev/cordoned-by}{"\t"}{.status.conditions[?(@.type=="Ready")].status}{"\t"}{.status.conditions[?(@.type=="Ready")].message}{"\t"}{.status.nodeInfo.kubeletVersion}{"\n"}{end}' </dev/null
