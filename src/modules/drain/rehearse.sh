# Asks the API server whether it would let the pods of a node leave; changes nothing. Status 5: this kubectl cannot ask.
# shellcheck disable=SC2154
case $help in
*"--dry-run='none'"* | *"--dry-run=\"none\""*) ;;
*)
	echo "kubectl before 1.18" >&2
	exit 5
	;;
esac
kubectl --kubeconfig="$kubeconfig" drain --dry-run=server "$@" "$node" </dev/null
