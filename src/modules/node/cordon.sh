# Cordons a node and marks the cordon as krun's own, in one step.
# $1 kubeconfig, $2 node, $3 who did it
set -u
kubectl --kubeconfig="$1" --request-timeout=20s patch node "$2" \
	-p "{\"metadata\":{\"annotations\":{\"krun.dev/cordoned-by\":\"$3\"}},\"spec\":{\"unschedulable\":true}}" </dev/null
