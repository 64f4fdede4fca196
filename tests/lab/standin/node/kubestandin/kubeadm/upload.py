"""What an upgrade changes in the cluster itself: ConfigMaps and add-ons."""

import yaml

from .. import addons, versions
from ..client import Client
from .context import CONFIG_MAP, NAMESPACE

BOOTSTRAP_RULES = (
    "to allow Node Bootstrap tokens to get nodes",
    "to allow Node Bootstrap tokens to post CSRs in order for nodes to get long term certificate credentials",
    "to allow the csrapprover controller automatically approve CSRs from a Node Bootstrap Token",
    "to allow certificate rotation for all node client certificates in the cluster",
)


def configuration(client: Client, config: dict) -> None:
    version = versions.parse(config["kubernetesVersion"])
    print(f'[upload-config] Storing the configuration used in ConfigMap "{CONFIG_MAP}" in the "{NAMESPACE}" Namespace')
    _config_map(client, CONFIG_MAP, {"ClusterConfiguration": yaml.safe_dump(in_form_of(version, config))})
    name = versions.kubelet_configmap(version)
    print(f'[kubelet] Creating a ConfigMap "{name}" in namespace {NAMESPACE} with the configuration for the kubelets in the cluster')
    _config_map(client, name, {"kubelet": _kubelet_text(client, version)})


def bootstrap_rules(kubeadm: versions.Version) -> None:
    verb = "configured" if kubeadm.minor <= 20 else "Configured"
    for rule in BOOTSTRAP_RULES:
        print(f"[bootstrap-token] {verb} RBAC rules {rule}")


def apply_addons(client: Client, config: dict) -> None:
    version, repository = versions.parse(config["kubernetesVersion"]), config["imageRepository"]
    for name, documents in (("CoreDNS", addons.coredns(repository, version)), ("kube-proxy", addons.kube_proxy(repository, version))):
        for document in documents:
            _apply(client, document)
        print(f"[addons] Applied essential addon: {name}")


def old_masters(client: Client, version: versions.Version) -> list:
    """Masters whose API server is not at this version yet."""
    pods = client.list("Pod", NAMESPACE, labelSelector="component=kube-apiserver")
    return sorted(pod["spec"]["nodeName"] for pod in pods if not pod["spec"]["containers"][0]["image"].endswith(f":{version}"))


def in_form_of(version: versions.Version, config: dict) -> dict:
    """The configuration as kubeadm of this version writes it: extraArgs became lists with v1beta4."""
    changed = {**config, "apiVersion": f"kubeadm.k8s.io/{versions.config_api(version)}"}
    if version.minor >= 31:
        for section in ("apiServer", "controllerManager", "scheduler"):
            extra = (config.get(section) or {}).get("extraArgs")
            if isinstance(extra, dict):
                changed[section] = {**config[section], "extraArgs": [{"name": k, "value": v} for k, v in extra.items()]}
    return changed


def _kubelet_text(client: Client, version: versions.Version) -> str:
    """The present configuration, which an upgrade keeps; its ConfigMap may be named after an older minor."""
    for minor in (version.minor, version.minor - 1):
        name = versions.kubelet_configmap(versions.Version(version.major, minor, 0))
        if found := client.find("ConfigMap", name, NAMESPACE):
            return found["data"]["kubelet"]
    raise ValueError("the cluster has no ConfigMap with the kubelets' configuration")


def _config_map(client: Client, name: str, data: dict) -> None:
    _apply(client, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, "data": data})


def _apply(client: Client, document: dict) -> None:
    kind, name = document["kind"], document["metadata"]["name"]
    if client.find(kind, name, NAMESPACE) is None:
        client.create(document, NAMESPACE)
    else:
        client.merge(kind, name, document, NAMESPACE)
