"""What all of `kubeadm upgrade` begins with: the API client, the cluster's configuration, this node."""

import os
import socket

import yaml

from .. import manifests, versions
from ..client import Client, Refused, Unreachable
from .failure import Failure

ADMIN_CONF = "/etc/kubernetes/admin.conf"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
NAMESPACE, CONFIG_MAP = "kube-system", "kubeadm-config"


def own_version() -> versions.Version:
    return versions.parse(os.environ["STANDIN_VERSION"])


def connect(kubeconfig: str) -> Client:
    try:
        return Client(kubeconfig, timeout=10)
    except OSError as error:
        reason = {2: "no such file or directory", 13: "permission denied"}.get(error.errno, str(error))
        raise Failure(
            f'couldn\'t create a Kubernetes client from file "{kubeconfig}": failed to load admin kubeconfig: open {kubeconfig}: {reason}'
        ) from error
    except (Unreachable, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise Failure(f'couldn\'t create a Kubernetes client from file "{kubeconfig}": failed to load admin kubeconfig: {error}') from error


def cluster_configuration(client: Client) -> dict:
    """The ClusterConfiguration of the ConfigMap; raises the words that follow `FATAL: `."""
    try:
        found = client.find("ConfigMap", CONFIG_MAP, NAMESPACE)
    except Unreachable as error:
        raise Failure(f"failed to get config map: {error}") from error
    except Refused as error:
        raise Failure(f"failed to get config map: {error}") from error
    if found is None:
        raise Failure(f'the ConfigMap "{CONFIG_MAP}" in the {NAMESPACE} namespace was not found')
    return yaml.safe_load(found["data"]["ClusterConfiguration"])


def node_name() -> str:
    return socket.gethostname().lower()


def api_address(client: Client, node: str) -> str:
    """This master's address, which kubeadm keeps in an annotation of the API server's pod."""
    pod = client.find("Pod", f"kube-apiserver-{node}", NAMESPACE)
    endpoint = (pod or {}).get("metadata", {}).get("annotations", {}).get(manifests.ENDPOINT_ANNOTATION, "")
    if not endpoint:
        raise Failure(f'could not retrieve API endpoint for node "{node}" using pod annotations: timed out waiting for the condition')
    return endpoint.rpartition(":")[0]


def is_control_plane() -> bool:
    """As `kubeadm upgrade node` decides it."""
    return os.path.exists(os.path.join(manifests.MANIFESTS, "kube-apiserver.yaml"))
