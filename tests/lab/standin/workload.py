"""What runs in a new cluster: namespaces, kubeadm's ConfigMaps and add-ons, a network, and a small application."""

import json


def application() -> list:
    """A Deployment under a disruption budget, and one that uses an emptyDir."""
    return [
        _deployment("web", 2, {}),
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
         "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}},
        _deployment("scratch", 1, {"volumes": [{"name": "scratch", "emptyDir": {}}]}),
        _network(),
    ]


def namespaces() -> list:
    names = ("default", "kube-system", "kube-public", "kube-node-lease")
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}} for name in names]


def config_map(name: str, data: dict) -> dict:
    """kubeadm keeps its configuration as YAML texts; JSON is YAML."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-system"}, "data": texts}


def _deployment(name: str, replicas: int, extra: dict) -> dict:
    labels = {"app": name}
    container = {"name": name, "image": "registry.example/web:1"}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], **extra}}},
    }


def _network() -> dict:
    labels = {"app": "network"}
    return {
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "network", "namespace": "kube-system", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "hostNetwork": True, "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "network", "image": "registry.example/network:1"}],
        }}},
    }
