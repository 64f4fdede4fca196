# Cordons a node, unless somebody else did, and drains it.
# $1 kubeconfig, $2 node, $3 mark of krun's cordon (empty: leave the cordon as it is), $4… options for kubectl drain
set -u
kubeconfig=$1 node=$2 mark=$3
shift 3
if [ -n "$mark" ]; then
	kubectl --kubeconfig="$kubeconfig" --request-timeout=20s patch node "$node" \
		-p "{\"metadata\":{\"annotations\":{\"krun.dev/cordoned-by\":\"$mark\"}},\"spec\":{\"unschedulable\":true}}" \
		</dev/null || exit
fi
# Before kubectl 1.20 the option had another name.
if ! kubectl drain --help 2>/dev/null | grep -q -e --delete-emptydir-data; then
	for option; do
		shift
		case $option in
		--delete-emptydir-data*) option=--delete-local-data${option#--delete-emptydir-data} ;;
		esac
		set -- "$@" "$option"
	done
fi
kubectl --kubeconfig="$kubeconfig" drain "$node" "$@" </dev/null
