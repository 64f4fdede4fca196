# Shows whether the API server and its etcd are well, the node, and the control plane's pods.
# $1 kubeconfig, $2… names of the node, the best first
kubeconfig=$1
shift
choose_node "$@" || exit

echo "== api"
k get --raw=/readyz 2>&1
echo
echo "== etcd"
k get --raw=/readyz/etcd 2>&1
echo
echo "== node"
k get node "$node" -o json || exit
echo "== pods"
k -n kube-system get pods -l tier=control-plane -o json || exit
