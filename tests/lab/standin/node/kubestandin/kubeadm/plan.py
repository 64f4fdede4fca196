"""kubeadm upgrade plan."""

import json
import sys

import yaml

from .. import versions
from . import begin, context
from .context import NAMESPACE
from .failure import Failure
from .flags import parse
from .tabular import tabwriter

FLAGS = {"config": str, "kubeconfig": str, "ignore-preflight-errors": str}
RULE = "_" * 69
CONFIG_GROUPS = (("kubeproxy.config.k8s.io", "v1alpha1"), ("kubelet.config.k8s.io", "v1beta1"))
CONFIG_TEXT = """

The table below shows the current state of component configs as understood by this version of kubeadm.
Configs that have a "yes" mark in the "MANUAL UPGRADE REQUIRED" column require manual config upgrade or
resetting to kubeadm defaults before a successful upgrade can be performed. The version to manually
upgrade to is denoted in the "PREFERRED VERSION" column.
"""


def main(words: list) -> None:
    own = context.own_version()
    known, short = dict(FLAGS), {}
    # The machine-readable form came with 1.28.
    if own.minor >= 28:
        known["output"], short = str, {"o": "output"}
    flags, rest = parse(words, known, short)
    output = flags.get("output", "text")
    if output not in ("text", "json", "yaml"):
        raise Failure(f"invalid output format: {output}")
    if len(rest) > 1:
        raise Failure(f"accepts at most 1 arg(s), received {len(rest)}")
    real = sys.stdout
    if output != "text":
        # Everything but the document goes to standard error then.
        sys.stdout = sys.stderr
    try:
        state = begin.begin(flags)
        plan = begin.reachable(lambda: Plan(state, rest[0] if rest else ""))
        if output == "text":
            plan.print_text()
    finally:
        sys.stdout = real
    if output != "text":
        document = plan.document()
        print(json.dumps(document, indent=4) if output == "json" else yaml.safe_dump(document, sort_keys=False), end="\n" if output == "json" else "")


class Plan:
    def __init__(self, state: begin.State, wanted: str):
        self.own = state.own
        print("[upgrade] Fetching available versions to upgrade to")
        self.cluster = state.cluster_version()
        state.print_versions()
        self.target = self._target(wanted or state.from_file.get("kubernetesVersion", ""))
        # Nodes by name, with their kubelets' versions.
        self.kubelets = [(n["metadata"]["name"], n["status"]["nodeInfo"]["kubeletVersion"]) for n in state.client.list("Node")
                         if n.get("status", {}).get("nodeInfo")]
        self.masters = {
            component: sorted((pod["spec"]["nodeName"], pod["spec"]["containers"][0]["image"].rpartition(":")[2])
                              for pod in state.client.list("Pod", NAMESPACE, labelSelector=f"component={component}"))
            for component in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
        }
        self.dns = self._tag(state, "Deployment", "coredns")
        self.proxy = self._tag(state, "DaemonSet", "kube-proxy")

    @property
    def series(self) -> str:
        if self.target.minor == self.cluster.minor:
            return f"version in the v{self.cluster.major}.{self.cluster.minor} series"
        return "stable version"

    @property
    def needed(self) -> bool:
        return self.target > self.cluster

    def _target(self, wanted: str) -> versions.Version:
        if wanted:
            try:
                target = versions.parse(wanted)
            except ValueError as error:
                raise Failure(f'[upgrade/versions] FATAL: {error}: could not parse "{wanted}" as version') from error
        else:
            # The lab has no way out: kubeadm falls back to its own version, as on a machine without Internet.
            print('could not fetch a Kubernetes version from the internet: unable to get URL "https://dl.k8s.io/release/stable.txt": '
                  'Get "https://dl.k8s.io/release/stable.txt": dial tcp: lookup dl.k8s.io: no such host', file=sys.stderr)
            print(f"falling back to the local client version: {self.own}", file=sys.stderr)
            target = self.own
        print(f"[upgrade/versions] Target version: {target}")
        print(f"[upgrade/versions] Latest version in the v{self.cluster.major}.{self.cluster.minor} series: {target}")
        return target

    def _tag(self, state: begin.State, kind: str, name: str) -> str:
        found = state.client.find(kind, name, NAMESPACE)
        return found["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2] if found else ""

    def rows(self) -> list:
        """(component, node, current, target) of what `apply` changes."""
        rows = []
        for component in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
            rows += [(component, node, tag, str(self.target)) for node, tag in self.masters[component]]
        # 1.30 took these from the image, where kube-proxy's lost its v.
        proxy = self.proxy.removeprefix("v") if self.own.minor >= 30 else self.proxy
        rows.append(("kube-proxy", "", proxy, str(self.target)))
        rows.append(("CoreDNS", "", self.dns, versions.coredns_tag(self.target)))
        rows += [("etcd", node, tag, versions.etcd_tag(self.target)) for node, tag in self.masters["etcd"]]
        return rows

    def print_text(self) -> None:
        print()
        if not self.needed:
            print("Awesome, you're up-to-date! Enjoy!")
        else:
            self._print_upgrade()
        print(CONFIG_TEXT)
        table = [["API GROUP", "CURRENT VERSION", "PREFERRED VERSION", "MANUAL UPGRADE REQUIRED"]]
        print(tabwriter(table + [[group, version, version, "no"] for group, version in CONFIG_GROUPS]), end="")
        print(f"{RULE}\n")

    def _print_upgrade(self) -> None:
        old = [(node, version) for node, version in self.kubelets if version != str(self.target)]
        by_node = self.own.minor >= 30
        if old:
            print("Components that must be upgraded manually after you have upgraded the control plane with 'kubeadm upgrade apply':")
            print(tabwriter(self._kubelet_table(old, by_node)), end="")
            print()
        print(f"Upgrade to the latest {self.series}:\n")
        if by_node:
            table = [["COMPONENT", "NODE", "CURRENT", "TARGET"]] + [list(row) for row in self.rows()]
        else:
            # One line a component: the version of the API server stands for all.
            table = [["COMPONENT", "CURRENT", "TARGET"]]
            seen = {}
            for component, _, current, target in self.rows():
                seen.setdefault(component, [component, current, target])
            table += seen.values()
        print(tabwriter(table), end="")
        print(f"\nYou can now apply the upgrade by executing the following command:\n\n\tkubeadm upgrade apply {self.target}\n")
        if self.own < self.target:
            print(f"Note: Before you can perform this upgrade, you have to update kubeadm to {self.target}.\n")
        print(RULE)

    def _kubelet_table(self, old: list, by_node: bool) -> list:
        if by_node:
            return [["COMPONENT", "NODE", "CURRENT", "TARGET"]] + [["kubelet", node, version, str(self.target)] for node, version in sorted(old)]
        counts = {}
        for _, version in old:
            counts[version] = counts.get(version, 0) + 1
        table = [["COMPONENT", "CURRENT", "TARGET"]]
        for index, version in enumerate(sorted(counts)):
            table.append(["" if index else "kubelet", f"{counts[version]} x {version}", str(self.target)])
        return table

    def document(self) -> dict:
        """-o json and yaml; 1.30 gave it another shape."""
        base = {"kind": "UpgradePlan", "apiVersion": "output.kubeadm.k8s.io/v1alpha3"}
        kubelets = [("kubelet", node, version, str(self.target)) for node, version in self.kubelets]
        configs = [{"group": group, "currentVersion": version, "preferredVersion": version, "manualUpgradeRequired": False}
                   for group, version in CONFIG_GROUPS]
        if self.own.minor < 30:
            seen = {}
            for name, _, current, target in kubelets + self.rows() if self.needed else []:
                seen.setdefault((name, current), {"name": name, "currentVersion": current, "newVersion": target})
            return {**base, "components": list(seen.values()), "configVersions": configs}
        components = []
        for name, node, current, target in kubelets + self.rows():
            entry = {"name": name, "currentVersion": current, "newVersion": target}
            components.append({**entry, "nodeName": node} if node else entry)
        upgrades = [{"description": self.series, "components": components}] if self.needed else []
        return {**base, "availableUpgrades": upgrades, "configVersions": configs}
