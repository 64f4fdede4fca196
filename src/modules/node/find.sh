# Common to the scripts that ask the cluster about one node.
# kubeconfig has to be set before this text is used. Status 3: no such node; 4: this host cannot ask the cluster at all.
# shellcheck disable=SC2086,SC2154
set -u -f

k() { kubectl --kubeconfig="$kubeconfig" --request-timeout=20s "$@" </dev/null; }

# Names of the nodes that have this name, hostname label or address.
find_node() {
	printf '%s\n' "$nodes" | while read -r name others; do
		for word in $name $others; do
			[ "$word" != "$1" ] || printf '%s\n' "$name"
		done
	done | sort -u
}

# Sets node to the first name given that a node answers to; the better names stand first.
choose_node() {
	if ! command -v kubectl >/dev/null 2>&1; then
		echo "there is no kubectl on this host" >&2
		return 4
	fi
	if [ ! -r "$kubeconfig" ]; then
		echo "$kubeconfig is not there, or may not be read" >&2
		return 4
	fi
	nodes=$(k get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.metadata.labels.kubernetes\.io/hostname}{" "}{.status.addresses[*].address}{"\n"}{end}') || return 1
	for wanted in "$@"; do
		node=$(find_node "$wanted")
		case $node in
		'') ;;
		*[[:space:]]*)
			echo "several nodes answer to $wanted: $(printf '%s ' $node)" >&2
			return 3
			;;
		*) return 0 ;;
		esac
	done
	echo "no node of the cluster has one of these names or addresses: $*" >&2
	printf 'nodes:' >&2
	printf '%s\n' "$nodes" | while read -r name others; do printf ' %s' "$name" >&2; done
	echo >&2
	return 3
}
