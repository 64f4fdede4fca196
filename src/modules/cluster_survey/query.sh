# Says what an upgrade has to know of the cluster; changes nothing.
# $1 kubeconfig
# shellcheck shell=sh disable=SC2016 # the templates are kubectl's
set -u
kubeconfig=$1

k() { kubectl --kubeconfig="$kubeconfig" --request-timeout=30s "$@" </dev/null; }
# What cannot be had is told and does no harm: section, then the question.
ask() {
	section=$1
	shift
	if said=$(k "$@" 2>&1); then
		printf '== %s\n%s\n' "$section" "$said"
	else
		printf '== %s error\n%s\n' "$section" "$said"
	fi
}

if ! command -v kubectl >/dev/null 2>&1; then
	echo "there is no kubectl on this host" >&2
	exit 4
fi
if [ ! -r "$kubeconfig" ]; then
	echo "$kubeconfig is not there, or may not be read" >&2
	exit 4
fi

# A line for each, with tabs between, and no more than is needed: there may be thousands.
nodes=$(k get nodes -o go-template='{{range .items}}{{.metadata.name}}{{"\t"}}{{with .spec.unschedulable}}{{.}}{{end}}{{"\t"}}{{with .metadata.annotations}}{{with index . "krun.dev/cordoned-by"}}{{.}}{{end}}{{end}}{{"\t"}}{{with .status}}{{range .conditions}}{{if eq .type "Ready"}}{{.status}} {{.reason}}{{end}}{{end}}{{"\t"}}{{with .nodeInfo}}{{.kubeletVersion}}{{"\t"}}{{.osImage}}{{"\t"}}{{.kernelVersion}}{{"\t"}}{{.containerRuntimeVersion}}{{else}}{{"\t\t\t"}}{{end}}{{"\t"}}{{range .addresses}}{{.address}} {{end}}{{else}}{{"\t\t\t\t\t"}}{{end}}{{"\t"}}{{range $key, $value := .metadata.labels}}{{$key}}={{$value}},{{end}}{{"\t"}}{{range .spec.taints}}{{.key}} {{end}}{{"\n"}}{{end}}') || exit
printf '== nodes\n%s\n' "$nodes"
pods=$(k get pods --all-namespaces -o go-template='{{range .items}}{{.metadata.namespace}}{{"\t"}}{{.metadata.name}}{{"\t"}}{{with .spec.nodeName}}{{.}}{{end}}{{"\t"}}{{with .status}}{{with .phase}}{{.}}{{end}}{{end}}{{"\t"}}{{range .metadata.ownerReferences}}{{if .controller}}{{.kind}}{{end}}{{end}}{{"\t"}}{{with .metadata.annotations}}{{with index . "kubernetes.io/config.mirror"}}yes{{end}}{{end}}{{"\t"}}{{range .spec.volumes}}{{range $key, $value := .}}{{if eq $key "emptyDir"}}yes{{end}}{{end}}{{end}}{{"\t"}}{{with .status}}{{range .conditions}}{{if eq .type "Ready"}}{{.status}}{{end}}{{end}}{{end}}{{"\t"}}{{with index .spec.containers 0}}{{.image}}{{end}}{{"\t"}}{{range $key, $value := .metadata.labels}}{{$key}}={{$value}},{{end}}{{"\n"}}{{end}}') || exit
printf '== pods\n%s\n' "$pods"

ask budgets get poddisruptionbudgets --all-namespaces -o json
ask kubeadm-config -n kube-system get configmap kubeadm-config -o go-template='{{index .data "ClusterConfiguration"}}'
addon='{{.metadata.name}}{{"\t"}}{{with .spec}}{{with .template}}{{with index .spec.containers 0}}{{.image}}{{end}}{{end}}{{end}}{{"\t"}}{{range .metadata.managedFields}}{{.manager}}/{{with .subresource}}{{.}}{{end}} {{end}}'
for object in deployment/coredns daemonset/kube-proxy; do
	ask "addon $object" -n kube-system get --ignore-not-found "$object" -o go-template="$addon"
done
ask lock -n kube-system get lease krun --ignore-not-found -o go-template='{{with .spec}}{{with .holderIdentity}}{{.}}{{end}}{{"\t"}}{{.renewTime}}{{"\t"}}{{.leaseDurationSeconds}}{{end}}'

hooks=$(k get validatingwebhookconfigurations,mutatingwebhookconfigurations -o go-template='{{range .items}}{{$name := .metadata.name}}{{range .webhooks}}{{$policy := .failurePolicy}}{{with .clientConfig.service}}{{$name}}{{"\t"}}{{.namespace}}/{{.name}}{{"\t"}}{{$policy}}{{"\n"}}{{end}}{{end}}{{end}}' 2>&1)
case $? in
0) printf '== webhooks\n%s\n' "$hooks" ;;
*)
	hooks=$(printf '%s\n' "$hooks" | sed 1q)
	printf '== webhooks error\n%s\n' "$hooks"
	hooks=''
	;;
esac
echo "== endpoints"
printf '%s\n' "$hooks" | cut -f2 -s | sort -u | while IFS=/ read -r namespace service; do
	addresses=$(k -n "$namespace" get endpoints "$service" --ignore-not-found -o go-template='{{range .subsets}}{{range .addresses}}x{{end}}{{end}}' 2>/dev/null) || continue
	printf '%s/%s\t%s\n' "$namespace" "$service" "${#addresses}"
done

echo "== deprecated"
k get --raw /metrics 2>/dev/null | grep '^apiserver_requested_deprecated_apis{'
echo "== time"
date +%s
