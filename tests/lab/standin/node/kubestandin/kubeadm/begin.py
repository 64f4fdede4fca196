"""The common start of plan and apply: configuration, root, health."""

import yaml

from .. import versions
from ..client import Client, Refused, Unreachable
from . import context, preflight
from .failure import Failure

FYI = "You can look at this config file with 'kubectl -n kube-system get cm kubeadm-config -o yaml'"
WITH_CONFIG = ("config", "ignore-preflight-errors", "dry-run", "kubeconfig", "yes", "rootfs", "v")
# Fields of an UpgradeConfiguration and the flags that they stand for.
FIELDS = {"etcdUpgrade": "etcd-upgrade", "certificateRenewal": "certificate-renewal", "forceUpgrade": "force", "dryRun": "dry-run"}


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


def begin(flags: dict, health: bool = True, applying: bool = False) -> State:
    own = context.own_version()
    client = context.connect(flags.get("kubeconfig", context.ADMIN_CONF))
    phased = versions.phased(own)
    if not phased:
        print("[upgrade/config] Making sure the configuration is correct:")
    elif not applying:
        print("[preflight] Running pre-flight checks.")
    chosen = from_file(flags.get("config"), own)
    config = _config(client, chosen, own, "[upgrade]" if applying and phased else "[upgrade/config]")
    ignored = preflight.ignored_of(flags)
    if not phased:
        print("[preflight] Running pre-flight checks.")
    elif applying:
        print("[upgrade/preflight] Running preflight checks")
    preflight.check_root(ignored)
    if health:
        preflight.check_health(client, own, ignored)
    return State(client, config, own, chosen)


def say_reading(own: versions.Version, prefix: str) -> None:
    if versions.phased(own):
        print(f'{prefix} Reading configuration from the "kubeadm-config" ConfigMap in namespace "kube-system"...')
        print(f"{prefix} Use 'kubeadm init phase upload-config --config your-config-file' to re-upload it.")
    else:
        print(f"{prefix} Reading configuration from the cluster...")
        print(f"{prefix} FYI: {FYI}")


def _config(client: Client, from_file: dict, own: versions.Version, prefix: str) -> dict:
    if not from_file.get("kubernetesVersion"):
        say_reading(own, prefix)
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
    documents = _documents(path)
    if own.minor >= 31:
        version = (_upgrade(documents).get("apply") or {}).get("kubernetesVersion")
        return {"kubernetesVersion": version} if version else {}
    return next((d for d in documents if d.get("kind") == "ClusterConfiguration"), {})


def with_file(flags: dict, section: str, own: versions.Version) -> dict:
    """The flags, with what the UpgradeConfiguration of --config says instead: nearly all flags are refused beside it."""
    if own.minor < 31 or "config" not in flags:
        return flags
    if mixed := sorted(name for name in flags if name not in WITH_CONFIG):
        raise Failure(f"can not mix '--config' with arguments [{' '.join(mixed)}]")
    chosen = _upgrade(_documents(flags["config"])).get(section) or {}
    found = {flag: chosen[field] for field, flag in FIELDS.items() if field in chosen}
    if folder := (chosen.get("patches") or {}).get("directory"):
        found["patches"] = folder
    if ignored := chosen.get("ignorePreflightErrors"):
        found["ignore-preflight-errors"] = ",".join(ignored)
    return {**found, **flags}


def _upgrade(documents: list) -> dict:
    return next((d for d in documents if d.get("kind") == "UpgradeConfiguration"), {})


def _documents(path) -> list:
    if not path:
        return []
    try:
        with open(path, encoding="utf-8") as file:
            return [document for document in yaml.safe_load_all(file) if document]
    except OSError as error:
        reason = {2: "no such file or directory"}.get(error.errno, str(error))
        raise Failure(f'[upgrade/config] FATAL: unable to read config from "{path}": open {path}: {reason}') from error
    except yaml.YAMLError as error:
        raise Failure(f"[upgrade/config] FATAL: {error}") from error


def reachable(action):
    """Runs an action and turns an API server that goes away meanwhile into kubeadm's failure."""
    try:
        return action()
    except (Unreachable, Refused) as error:
        raise Failure(str(error)) from error
