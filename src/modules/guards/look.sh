# What has to be known of a node before it is disturbed, as sections; changes nothing.
# $1 folder of Kubernetes' files, $2 folder of the kubelet's
set -u
kubernetes=$1 kubelet=$2
[ -e "$kubernetes/kubelet.conf" ] || exit 0
command -v kubectl >/dev/null 2>&1 || exit 0

k() { kubectl --kubeconfig="$own" --request-timeout=10s "$@" </dev/null 2>/dev/null; }

echo "== name"
name=$(sed -n 's/.*--hostname-override=\([^ "]*\).*/\1/p' "$kubelet/kubeadm-flags.env" 2>/dev/null)
printf '%s\n' "${name:-$(uname -n)}" | tr '[:upper:]' '[:lower:]'
echo "== cluster"
cksum <"$kubernetes/pki/ca.crt" 2>/dev/null
echo "== kubelet"
kubelet --version 2>/dev/null

own=$kubernetes/kubelet.conf
if [ -e "$kubernetes/manifests/kube-apiserver.yaml" ] || [ -e "$kubernetes/manifests/etcd.yaml" ]; then
	echo "== control-plane"
	[ ! -r "$kubernetes/admin.conf" ] || own=$kubernetes/admin.conf
	nodes=$(k get nodes -l node-role.kubernetes.io/control-plane -o json) || nodes=
	case $nodes in
	*'"name"'*) ;;
	*) nodes=$(k get nodes -l node-role.kubernetes.io/master -o json) || nodes= ;;
	esac
	echo "== nodes"
	printf '%s\n' "$nodes"
	echo "== pods"
	k -n kube-system get pods -l component=etcd -o json
fi

# The API servers that the kubelet may reach: the one that it is told, where that is one, and all behind a balancer.
echo "== servers"
server=$(kubectl --kubeconfig="$kubernetes/kubelet.conf" config view --minify -o 'jsonpath={.clusters[0].cluster.server}' </dev/null 2>/dev/null)
servers=$(k -n default get endpoints kubernetes -o 'jsonpath={range .subsets[*]}{range .addresses[*]}{.ip}{"\n"}{end}{end}') || servers=
host=${server#*://}
host=${host%%/*}
case $host in
*:*[0-9]) port=${host##*:} ;;
*) port=443 ;;
esac
host=${host%:"$port"}
host=${host#[}
host=${host%]}
case "
$servers
" in
*"
$host
"* | "

") k get --raw=/version ;;
*)
	for address in $servers; do
		case $address in *:*) address="[$address]" ;; esac
		kubectl --kubeconfig="$own" --request-timeout=5s --server="https://$address:$port" get --raw=/version </dev/null 2>/dev/null
	done
	;;
esac
exit 0
