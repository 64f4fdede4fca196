# What the scripts about kubectl drain begin with: puts its options into the words of this host's kubectl.
# $1 kubeconfig, $2 node, $3 mark of krun's cordon, $4… options for kubectl drain
# shellcheck disable=SC2034
set -u
kubeconfig=$1 node=$2 mark=$3
shift 3
help=$(kubectl drain --help 2>/dev/null)
# Before kubectl 1.20 the option had another name.
case $help in
*--delete-emptydir-data*) ;;
*)
	for option; do
		shift
		case $option in
		--delete-emptydir-data*) option=--delete-local-data${option#--delete-emptydir-data} ;;
		esac
		set -- "$@" "$option"
	done
	;;
esac
