# Common to the scripts of the lock. kubeconfig and lease have to be set before this text is used.
# Status 4: this host cannot ask the cluster at all; 5: the lock was not changed, and is shown as it is now.
# shellcheck disable=SC2154
set -u

k() { kubectl --kubeconfig="$kubeconfig" --request-timeout=10s --namespace=kube-system "$@"; }

can_ask() {
	if ! command -v kubectl >/dev/null 2>&1; then
		echo "there is no kubectl on this host" >&2
		return 4
	fi
	if [ ! -r "$kubeconfig" ]; then
		echo "$kubeconfig is not there, or may not be read" >&2
		return 4
	fi
}

# The time by this node's clock, and the lock.
look() {
	echo "== now"
	date -u +%s
	echo "== lease"
	k get lease "$lease" --ignore-not-found -o json </dev/null
}
