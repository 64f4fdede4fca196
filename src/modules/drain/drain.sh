# Cordons a node, unless somebody else did, and drains it. A mark that is empty leaves the cordon as it is.
# shellcheck disable=SC2154
if [ -n "$mark" ]; then
	kubectl --kubeconfig="$kubeconfig" --request-timeout=20s patch node "$node" \
		-p "{\"metadata\":{\"annotations\":{\"krun.dev/cordoned-by\":\"$mark\"}},\"spec\":{\"unschedulable\":true}}" \
		</dev/null || exit
fi
kubectl --kubeconfig="$kubeconfig" drain "$node" "$@" </dev/null
