# Prints the cluster's ClusterConfiguration.
# $1 kubeconfig
set -u
kubectl --kubeconfig="$1" --request-timeout=20s -n kube-system get configmap kubeadm-config \
	-o 'jsonpath={.data.ClusterConfiguration}' </dev/null
