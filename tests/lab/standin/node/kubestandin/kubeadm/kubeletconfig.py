"""/var/lib/kubelet/config.yaml: written anew from the ConfigMap, the old one kept below /etc/kubernetes/tmp."""

import os
import shutil

from .. import versions
from ..client import Client
from .context import NAMESPACE
from .failure import Failure
from .staticpods import temporary

FILE = "/var/lib/kubelet/config.yaml"


def write(client: Client, cluster: versions.Version, kubeadm: versions.Version) -> None:
    name = versions.kubelet_configmap(cluster)
    found = client.find("ConfigMap", name, NAMESPACE)
    if found is None:
        raise Failure(f'failed to get component configs: could not get kubelet configuration from ConfigMap "{name}": configmaps "{name}" not found')
    # Kept since 1.26.
    if kubeadm.minor >= 26:
        backup = os.path.join(temporary("kubeadm-kubelet-config"), "config.yaml")
        print(f"[upgrade] Backing up kubelet config file to {backup}")
        shutil.copy2(FILE, backup)
    print(f'[kubelet-start] Writing kubelet configuration to file "{FILE}"')
    with open(FILE + ".new", "w", encoding="utf-8") as file:
        file.write(found["data"]["kubelet"])
    os.replace(FILE + ".new", FILE)
