"""CoreDNS and kube-proxy as `kubeadm init` and `kubeadm upgrade apply` create them."""

import yaml

from . import versions

CONTROL_PLANE_TAINTS = [
    {"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"},
    {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
]
COREFILE = """.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
"""


def coredns(repository: str, version: versions.Version) -> list:
    # Only the default repository has CoreDNS in a folder of its own, since 1.21.
    default = repository in ("k8s.gcr.io", "registry.k8s.io") and version.minor >= 21
    image = f"{repository}/{'coredns/' if default else ''}coredns:{versions.coredns_tag(version)}"
    labels = {"k8s-app": "kube-dns"}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata("coredns"), "data": {"Corefile": COREFILE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata("coredns")},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata("coredns", labels), "spec": {
            "replicas": 2, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "priorityClassName": "system-cluster-critical", "serviceAccountName": "coredns",
                "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}, *CONTROL_PLANE_TAINTS],
                "containers": [{"name": "coredns", "image": image, "args": ["-conf", "/etc/coredns/Corefile"]}],
                "volumes": [{"name": "config-volume", "configMap": {"name": "coredns"}}],
            }},
        }},
    ]


def kube_proxy(repository: str, version: versions.Version) -> list:
    labels = {"k8s-app": "kube-proxy"}
    config = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "clusterCIDR": "10.244.0.0/16"}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata("kube-proxy", {"app": "kube-proxy"}),
         "data": {"config.conf": yaml.safe_dump(config)}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata("kube-proxy")},
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": _metadata("kube-proxy", labels), "spec": {
            "selector": {"matchLabels": labels}, "updateStrategy": {"type": "RollingUpdate"},
            "template": {"metadata": {"labels": labels}, "spec": {
                "hostNetwork": True, "priorityClassName": "system-node-critical", "serviceAccountName": "kube-proxy",
                "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "kube-proxy", "image": f"{repository}/kube-proxy:{version}",
                                "command": ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf"]}],
                "volumes": [{"name": "kube-proxy", "configMap": {"name": "kube-proxy"}}],
            }},
        }},
    ]


def _metadata(name: str, labels: dict = None) -> dict:
    return {"name": name, "namespace": "kube-system", **({"labels": labels} if labels else {})}
