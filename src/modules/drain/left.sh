# Shows which pods are on a node and how the cluster's disruption budgets stand; a line each.
# $1 kubeconfig, $2 label selector for pods (may be empty), $3 node
set -u
kubeconfig=$1 selector=$2 node=$3
k() { kubectl --kubeconfig="$kubeconfig" --request-timeout=20s get --all-namespaces "$@" </dev/null; }
k pods --field-selector="spec.nodeName=$node" --selector="$selector" \
	--output='jsonpath={range .items[*]}pod {.metadata.namespace} {.metadata.name}{"\n"}{end}' || exit
# Without leave to read them the pods are shown all the same.
k poddisruptionbudgets --output='jsonpath={range .items[*]}budget {.metadata.namespace} {.metadata.name} {.status.desiredHealthy} {.status.currentHealthy} {.status.disruptionsAllowed}{"\n"}{end}' || :
