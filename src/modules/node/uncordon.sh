# Ends a node's cordon and takes krun's mark away, in one step.
# $1 kubeconfig, $2 node
set -u
kubectl --kubeconfig="$1" --request-timeout=20s patch node "$2" \
	-p '{"metadata":{"annotations":{"krun.dev/cordoned-by":null}},"spec":{"unschedulable":null}}' </dev/null
