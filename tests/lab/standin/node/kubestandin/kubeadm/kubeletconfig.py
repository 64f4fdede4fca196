"""/var/lib/kubelet/config.yaml: written anew from the ConfigMap, the old one kept below /etc/kubernetes/tmp."""

import os
import re
import shutil

from .. import versions
from ..client import Client
from .context import NAMESPACE
from .failure import Failure
from .staticpods import temporary

FILE = "/var/lib/kubelet/config.yaml"
FLAGS_FILE = "/var/lib/kubelet/kubeadm-flags.env"
# The one flag that an upgrade has ever taken out of that file, since 1.35: the kubelet of 1.35 does not know it.
GONE = re.compile(r" ?--pod-infra-container-image=[^ \"]*")


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
    if kubeadm.minor >= 35:
        _drop_flag()
    if versions.phased(kubeadm):
        print("[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!")


def _drop_flag() -> None:
    try:
        with open(FLAGS_FILE, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return
    if (shorter := GONE.sub("", text)) != text:
        with open(FLAGS_FILE + ".new", "w", encoding="utf-8") as file:
            file.write(shorter)
        os.replace(FLAGS_FILE + ".new", FLAGS_FILE)
