"""kubeadm upgrade node: the other control planes, and the kubelet configuration of workers."""

import os
import time

from .. import settings, versions
from . import begin, certs, context, kubeletconfig, preflight, staticpods, upload
from .failure import Failure
from .flags import parse
from .patches import Patches

FLAGS = {
    "dry-run": bool, "etcd-upgrade": bool, "certificate-renewal": bool, "ignore-preflight-errors": str, "kubeconfig": str,
    "patches": str,
}


def main(words: list) -> None:
    own = context.own_version()
    known = dict(FLAGS)
    if own.minor <= 21:
        known["experimental-patches"] = known.pop("patches")
    if own.minor >= 31:
        known["config"] = str
    flags, rest = parse(words, known)
    flags = begin.with_file(flags, "node", own)
    if rest:
        # Phases are run by name behind the word phase; the stand-in always runs all.
        raise Failure(f'unknown command "{rest[0]}" for "kubeadm upgrade node"')
    master = context.is_control_plane()
    client = context.connect(flags.get("kubeconfig") or (context.ADMIN_CONF if master else context.KUBELET_CONF))
    begin.say_reading(own, "[upgrade]")
    try:
        config = context.cluster_configuration(client)
    except Failure as error:
        raise Failure(f"unable to fetch the kubeadm-config ConfigMap: {error}") from error
    target = versions.parse(config["kubernetesVersion"])
    if (oldest := versions.Version(own.major, own.minor - 1, 0)) > target:
        raise Failure(
            f"unable to fetch the kubeadm-config ConfigMap: this version of kubeadm only supports deploying clusters with the control "
            f"plane version >= {str(oldest).removeprefix('v')}. Current version: {target}"
        )
    begin.reachable(lambda: _run(client, config, target, own, flags, master))


def _run(client, config: dict, target: versions.Version, own: versions.Version, flags: dict, master: bool) -> None:
    dry_run = flags.get("dry-run", False)
    phased = versions.phased(own)
    phase = "[upgrade/preflight]" if phased else "[preflight]"
    print(f"{phase} Running pre-flight checks")
    preflight.check_root(preflight.ignored_of(flags))
    if master:
        _pull(own, dry_run, phase)
        _control_plane(client, config, target, flags, dry_run)
        print("[upgrade/control-plane] The control plane instance for this node was successfully upgraded!" if phased
              else "[upgrade] The control plane instance for this node was successfully updated!")
    else:
        print(f"{phase} Skipping prepull. Not a control plane node.")
        print("[upgrade/control-plane] Skipping phase. Not a control plane node." if phased
              else "[upgrade] Skipping phase. Not a control plane node.")
    if dry_run:
        print(f'[dryrun] Would write file "{kubeletconfig.FILE}"')
    else:
        kubeletconfig.write(client, target, own)
    if master and own.minor >= 28 and not dry_run:
        _addons(client, config, target)
    if phased:
        if not master:
            print("[upgrade/addon] Skipping the addon/coredns phase. Not a control plane node.")
            print("[upgrade/addon] Skipping the addon/kube-proxy phase. Not a control plane node.")
        return
    print("[upgrade] The configuration for this node was successfully updated!")
    print("[upgrade] Now you should go ahead and upgrade the kubelet package using your package manager.")


def _pull(own: versions.Version, dry_run: bool, phase: str) -> None:
    if dry_run:
        print(f"{phase} Would pull the required images (like 'kubeadm config images pull')")
        return
    print(f"{phase} Pulling images required for setting up a Kubernetes cluster")
    print(f"{phase} This might take a minute or two, depending on the speed of your internet connection")
    print(f"{phase} You can also perform this action {'beforehand' if own.minor >= 31 else 'in beforehand'} using "
          "'kubeadm config images pull'", flush=True)
    time.sleep(settings.get("step_seconds"))


def _control_plane(client, config: dict, target: versions.Version, flags: dict, dry_run: bool) -> None:
    print(f'[upgrade] Upgrading your Static Pod-hosted control plane instance to version "{target}"...', flush=True)
    node = context.node_name()
    address = context.api_address(client, node)
    patches = Patches(flags.get("patches", "") or flags.get("experimental-patches", ""))
    if dry_run:
        return
    try:
        upgrade = staticpods.Upgrade(client, config, node, address, patches, flags.get("certificate-renewal", True))
        upgrade.run(flags.get("etcd-upgrade", True))
    except Failure as error:
        raise Failure(f"error execution phase control-plane: couldn't complete the static pod upgrade: {error}") from error
    if target.minor >= 29 and not os.path.exists(certs.path("super-admin.conf")):
        certs.split_admin()


def _addons(client, config: dict, target: versions.Version) -> None:
    waiting = upload.old_masters(client, target)
    if waiting:
        print(f"[upgrade/addons] skip upgrade addons because control plane instances [{' '.join(waiting)}] have not been upgraded")
    else:
        upload.apply_addons(client, config)
