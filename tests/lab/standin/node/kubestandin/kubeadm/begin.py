"""The common start of plan and apply: configuration, root, health."""

import yaml

from .. import versions
from ..client import Client, Refused, Unreachable
from . import context, preflight
from .failure import Failure

FYI = "You can look at this config file with 'kubectl -n kube-system get cm kubeadm-config -o yaml'"


class State:
    """What is known before an upgrade."""

    def __init__(self, client: Client, config: dict, own: versions.Version, from_file: dict):
        self.client, self.config, self.own, self.from_file = client, config, own, from_file

    def cluster_version(self) -> versions.Version:
        return versions.parse(self.client.call("GET", "/version")["gitVersion"])

    def kubelets(self) -> list:
        return [node["status"]["nodeInfo"]["kubeletVersion"] for node in self.client.list("Node") if node.get("status", {}).get("nodeInfo")]

    def print_versions(self) -> None:
        # Without the v from 1.31 on.
        cluster = str(self.cluster_version())
        print(f"[upgrade/versions] Cluster version: {cluster.removeprefix('v') if self.own.minor >= 31 else cluster}")
        print(f"[upgrade/versions] kubeadm version: {self.own}")


def begin(flags: dict, health: bool = True) -> State:
    own = context.own_version()
    client = context.connect(flags.get("kubeconfig", context.ADMIN_CONF))
    print("[upgrade/config] Making sure the configuration is correct:")
    chosen = from_file(flags.get("config"), own)
    config = _config(client, chosen)
    ignored = preflight.ignored_of(flags)
    print("[preflight] Running pre-flight checks.")
    preflight.check_root(ignored)
    if health:
        preflight.check_health(client, own, ignored)
    return State(client, config, own, chosen)


def _config(client: Client, from_file: dict) -> dict:
    if not from_file.get("kubernetesVersion"):
        print("[upgrade/config] Reading configuration from the cluster...")
        print(f"[upgrade/config] FYI: {FYI}")
    try:
        stored = context.cluster_configuration(client)
    except Failure as error:
        if "was not found" in str(error):
            print("\n[upgrade/config] In order to upgrade, a ConfigMap called \"kubeadm-config\" in the kube-system namespace must exist.")
            print("[upgrade/config] Without this information, 'kubeadm upgrade' won't know how to configure your upgraded cluster.\n")
        raise Failure(f"[upgrade/config] FATAL: {error}") from error
    return {**stored, **from_file}


def from_file(path, own: versions.Version) -> dict:
    """The ClusterConfiguration of --config. From v1beta4 (1.31) on it is not looked at any more."""
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            documents = [document for document in yaml.safe_load_all(file) if document]
    except OSError as error:
        reason = {2: "no such file or directory"}.get(error.errno, str(error))
        raise Failure(f'[upgrade/config] FATAL: unable to read config from "{path}": open {path}: {reason}') from error
    except yaml.YAMLError as error:
        raise Failure(f"[upgrade/config] FATAL: {error}") from error
    if own.minor >= 31:
        upgrade = next((d for d in documents if d.get("kind") == "UpgradeConfiguration"), {})
        version = (upgrade.get("apply") or {}).get("kubernetesVersion")
        return {"kubernetesVersion": version} if version else {}
    return next((d for d in documents if d.get("kind") == "ClusterConfiguration"), {})


def reachable(action):
    """Runs an action and turns an API server that goes away meanwhile into kubeadm's failure."""
    try:
        return action()
    except (Unreachable, Refused) as error:
        raise Failure(str(error)) from error
