# Shows a node, the pods on it and, when asked, the cluster's disruption budgets, each under a line of its own.
# $1 kubeconfig, $2 label selector for pods (may be empty), $3 "budgets" or empty, $4… names of the node, the best first
kubeconfig=$1 selector=$2 budgets=$3
shift 3
choose_node "$@" || exit

echo "== node"
k get node "$node" -o json || exit
echo "== pods"
k get pods --all-namespaces --field-selector "spec.nodeName=$node" -l "$selector" -o json || exit
if [ -n "$budgets" ]; then
	echo "== budgets"
	# They only explain: a kubeconfig without leave to read them is no reason to fail.
	k get poddisruptionbudgets --all-namespaces -o json || echo '{}'
fi
