# Changes the lock by a document on standard input, in which @NOW@ stands for this node's time.
# $1 kubeconfig, $2 name of the Lease, $3 how: create, replace, patch
kubeconfig=$1 lease=$2 how=$3
can_ask || exit
document=$(sed "s/@NOW@/$(date -u +%Y-%m-%dT%H:%M:%S.000000Z)/g")
case $how in
patch) k patch lease "$lease" --type=json -p "$document" </dev/null >/dev/null && exit 0 ;;
*) printf '%s\n' "$document" | k "$how" --validate=false -f - >/dev/null && exit 0 ;;
esac
look || exit
exit 5
