# Says how far a node's Kubernetes is, as key=value lines; changes nothing.
# $1 folder of Kubernetes' files, $2 folder of the kubelet's, $3 kubeconfig (empty: the node's own), $4 krun's record,
# $5 configuration for kubeadm (empty: none)
set -u
kubernetes=$1 kubelet=$2 kubeconfig=$3 record=$4 config=$5

say() { printf '%s=%s\n' "$1" "$2"; }
first_line() { printf '%s\n' "$1" | sed -n '/./{p;q;}'; }

if command -v kubeadm >/dev/null 2>&1; then
	say kubeadm "$(first_line "$(kubeadm version -o short 2>&1)")"
fi
if command -v kubelet >/dev/null 2>&1; then
	say kubelet "$(first_line "$(kubelet --version 2>&1)")"
fi

if [ -e "$kubernetes/manifests/kube-apiserver.yaml" ]; then
	say role control-plane
	own=$kubernetes/admin.conf
elif [ -e "$kubernetes/kubelet.conf" ]; then
	say role worker
	own=$kubernetes/kubelet.conf
else
	say role none
	own=
fi
for manifest in "$kubernetes"/manifests/*.yaml; do
	[ -e "$manifest" ] || continue
	name=${manifest##*/}
	say "image.${name%.yaml}" "$(sed -n 's/^ *\(- \)\{0,1\}image: *//p' "$manifest" | sed 1q | tr -d "\"'")"
done

[ -n "$kubeconfig" ] || kubeconfig=$own
ask() {
	kubectl --kubeconfig="$kubeconfig" --request-timeout=20s -n kube-system get configmap "$1" -o "jsonpath=$2" </dev/null 2>&1
}
if [ -z "$kubeconfig" ] || [ ! -e "$kubeconfig" ]; then
	say cluster_error "${kubeconfig:-a kubeconfig} is not there"
elif configuration=$(ask kubeadm-config '{.data.ClusterConfiguration}'); then
	cluster=$(printf '%s\n' "$configuration" | sed -n 's/^kubernetesVersion: *//p' | tr -d "\"'")
	say cluster "$cluster"
	minor=${cluster#v1.}
	minor=${minor%%.*}
	if wanted=$(ask kubelet-config '{.data.kubelet}') || wanted=$(ask "kubelet-config-1.$minor" '{.data.kubelet}'); then
		if [ "$wanted" = "$(cat "$kubelet/config.yaml" 2>/dev/null)" ]; then
			say kubelet_config same
		else
			say kubelet_config differs
		fi
	fi
else
	say cluster_error "$(first_line "$configuration")"
fi

if [ -n "$config" ] && [ -r "$config" ]; then
	say config_kinds "$(sed -n 's/^kind: *//p' "$config" | tr -d "\"'\r" | tr '\n' ' ')"
elif [ -n "$config" ]; then
	say config_missing "$config"
fi

[ ! -e "$record" ] || say record "$(first_line "$(cat "$record")")"
for backup in "$kubernetes"/tmp/kubeadm-backup-* "$kubernetes"/tmp/kubeadm-kubelet-*; do
	[ ! -d "$backup" ] || say "backup.${backup##*/}" "$backup"
done
