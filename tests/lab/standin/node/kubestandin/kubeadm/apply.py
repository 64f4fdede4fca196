"""kubeadm upgrade apply."""

import os
import sys
import time

from .. import manifests, settings, times, versions
from . import begin, certs, context, kubeletconfig, policy, rolenames, staticpods, upload
from .failure import Failure
from .flags import parse
from .patches import Patches

FLAGS = {
    "yes": bool, "force": bool, "dry-run": bool, "etcd-upgrade": bool, "certificate-renewal": bool, "ignore-preflight-errors": str,
    "config": str, "kubeconfig": str, "patches": str, "allow-experimental-upgrades": bool, "allow-release-candidate-upgrades": bool,
    "feature-gates": str, "print-config": bool,
}


def known_flags(version: versions.Version) -> dict:
    """--patches was --experimental-patches up to 1.21."""
    flags = dict(FLAGS)
    if version.minor <= 21:
        flags["experimental-patches"] = flags.pop("patches")
    return flags


def main(words: list) -> None:
    flags, rest = parse(words, known_flags(context.own_version()), {"y": "yes", "f": "force"})
    if len(rest) > 1:
        raise Failure(f"accepts at most 1 arg(s), received {len(rest)}")
    flags = begin.with_file(flags, "apply", context.own_version())
    dry_run = flags.get("dry-run", False)
    # A dry run creates nothing, hence no Job either.
    state = begin.begin(flags, health=not dry_run, applying=True)
    target = _target(rest, state)
    begin.reachable(lambda: _apply(state, target, flags, dry_run))


def _target(rest: list, state: begin.State) -> versions.Version:
    text = rest[0] if rest else state.from_file.get("kubernetesVersion", "")
    if not text:
        raise Failure("missing one or more required arguments. Required arguments: [version]")
    try:
        return versions.parse(text)
    except ValueError as error:
        raise Failure(f"[upgrade/version] FATAL: {error}: could not parse \"{text}\" as version") from error


def _apply(state: begin.State, target: versions.Version, flags: dict, dry_run: bool) -> None:
    phased = versions.phased(state.own)
    if phased:
        print(f'[upgrade/preflight] You have chosen to upgrade the cluster version to "{target}"')
    else:
        print(f'[upgrade/version] You have chosen to change the cluster version to "{target}"')
    state.print_versions()
    force = flags.get("force", False)
    try:
        policy.enforce(state.cluster_version(), state.own, target, state.kubelets(), force)
    except Failure as error:
        raise Failure(f"error execution phase preflight: {error}" if phased else str(error)) from error
    # --force answers the question too.
    if not (flags.get("yes") or force or dry_run):
        _confirm()
    _pull(state.own, dry_run)
    config = {**state.config, "kubernetesVersion": str(target)}
    node = context.node_name()
    address = context.api_address(state.client, node)
    timeout = f" (timeout: {times.go_duration(settings.get('upgrade_manifest_timeout_seconds'))})" if state.own.minor >= 26 else ""
    what = "[upgrade/control-plane] Upgrading your static Pod-hosted" if phased else "[upgrade/apply] Upgrading your Static Pod-hosted"
    print(f'{what} control plane to version "{target}"{timeout}...', flush=True)
    patches = Patches(flags.get("patches", "") or flags.get("experimental-patches", ""))
    if dry_run:
        return _dry_run(config, node, address, patches)
    try:
        upgrade = staticpods.Upgrade(state.client, config, node, address, patches, flags.get("certificate-renewal", True))
        upgrade.run(flags.get("etcd-upgrade", True))
    except Failure as error:
        prefix = "error execution phase control-plane: couldn't complete the static pod upgrade:" if phased else "[upgrade/apply] FATAL:"
        raise Failure(f"{prefix} {error}") from error
    if phased:
        print("[upgrade/control-plane] The control plane instance for this node was successfully upgraded!")
    _post_upgrade(state, config, target)
    if phased:
        print(f'\n[upgrade] SUCCESS! A control plane node of your cluster was upgraded to "{target}".\n')
        print("[upgrade] Now please proceed with upgrading the rest of the nodes by following the right order.")
        return
    print(f'\n[upgrade/successful] SUCCESS! Your cluster was upgraded to "{target}". Enjoy!\n')
    print("[upgrade/kubelet] Now that your control plane is upgraded, please proceed with upgrading your kubelets if you haven't "
          "already done so.")


def _confirm() -> None:
    question = "[upgrade/confirm] Are you sure you want to proceed with the upgrade?" if context.own_version().minor <= 25 \
        else "[upgrade] Are you sure you want to proceed?"
    print(f"{question} [y/N]: ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failure("won't proceed; the user didn't answer (Y|y) in order to continue")


def _pull(own: versions.Version, dry_run: bool) -> None:
    prefix = "[upgrade/preflight]" if versions.phased(own) else "[upgrade/prepull]"
    if dry_run:
        print(f"{prefix} Would pull the required images (like 'kubeadm config images pull')")
        return
    print(f"{prefix} Pulling images required for setting up a Kubernetes cluster")
    print(f"{prefix} This might take a minute or two, depending on the speed of your internet connection")
    print(f"{prefix} You can also perform this action {'beforehand' if own.minor >= 31 else 'in beforehand'} using "
          "'kubeadm config images pull'", flush=True)
    time.sleep(settings.get("step_seconds"))


def _dry_run(config: dict, node: str, address: str, patches: Patches) -> None:
    for component in ("etcd", *manifests.COMPONENTS):
        text = manifests.text(patches.apply(component, manifests.manifest(component, config, node, address)))
        print(f'[dryrun] Would write file "{manifests.MANIFESTS}/{component}.yaml" with content:')
        print("".join(f"\t{line}\n" for line in text.splitlines()), end="")
    print('[upload-config] Storing the configuration used in ConfigMap "kubeadm-config" in the "kube-system" Namespace')
    print('[dryrun] Would perform action UPDATE on resource "configmaps" in API group "core/v1"')
    print("[dryrun] Finished dryrunning successfully!")


def _post_upgrade(state: begin.State, config: dict, target: versions.Version) -> None:
    phased = versions.phased(state.own)
    upload.configuration(state.client, config)
    if phased:
        print("[upgrade/kubeconfig] The kubeconfig files for this node were successfully upgraded!")
    kubeletconfig.write(state.client, target, state.own)
    if target.minor >= 29 and not os.path.exists(certs.path("super-admin.conf")):
        certs.split_admin()
    rolenames.follow(state.client, state.own)
    if phased:
        print("[upgrade/bootstrap-token] Configuring bootstrap token and cluster-info RBAC rules")
    upload.bootstrap_rules(state.own)
    waiting = upload.old_masters(state.client, target)
    # Since 1.28 the add-ons follow with the last control plane.
    if waiting and state.own.minor >= 28:
        print(f"[upgrade/addons] skip upgrade addons because control plane instances [{' '.join(waiting)}] have not been upgraded")
    else:
        upload.apply_addons(state.client, config)
