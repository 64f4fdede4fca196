"""The label and the taint of control planes, which went from "master" to "control-plane" between 1.20 and 1.25."""

from .. import versions
from ..client import Client

OLD, NEW = "node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"


def follow(client: Client, kubeadm: versions.Version) -> None:
    """What `kubeadm upgrade apply` of this version does to all masters."""
    masters = [node for node in client.list("Node") if {OLD, NEW} & set(node["metadata"].get("labels", {}))]
    if 20 <= kubeadm.minor <= 23:
        print(f"[upgrade/postupgrade] Applying label {NEW}='' to Nodes with label {OLD}='' (deprecated)")
        _each(client, masters, lambda node: {"metadata": {"labels": {NEW: ""}}})
    elif kubeadm.minor == 24:
        print(f"[upgrade/postupgrade] Removing the deprecated label {OLD}='' from all control plane Nodes. "
              f"After this step only the label {NEW}='' will be present on control plane Nodes.")
        print(f"[upgrade/postupgrade] Adding the new taint &Taint{{Key:{NEW},Value:,Effect:NoSchedule,TimeAdded:<nil>,}} to all "
              f"control plane Nodes. After this step both taints &Taint{{Key:{NEW},Value:,Effect:NoSchedule,TimeAdded:<nil>,}} and "
              f"&Taint{{Key:{OLD},Value:,Effect:NoSchedule,TimeAdded:<nil>,}} should be present on control plane Nodes.")
        _each(client, masters, lambda node: {"metadata": {"labels": {OLD: None}}, "spec": {"taints": _taints(node, adding=True)}})
    elif kubeadm.minor == 25:
        print(f"[upgrade/postupgrade] Removing the old taint &Taint{{Key:{OLD},Value:,Effect:NoSchedule,TimeAdded:<nil>,}} from all "
              f"control plane Nodes. After this step only the &Taint{{Key:{NEW},Value:,Effect:NoSchedule,TimeAdded:<nil>,}} taint will "
              "be present on control plane Nodes.")
        _each(client, masters, lambda node: {"spec": {"taints": [t for t in _taints(node) if t["key"] != OLD] or None}})


def _each(client: Client, masters: list, change) -> None:
    for node in masters:
        client.merge("Node", node["metadata"]["name"], change(node))


def _taints(node: dict, adding: bool = False) -> list:
    """The node's taints; with the new one where it has the old one (a master without taints is to stay without)."""
    taints = list(node["spec"].get("taints") or [])
    keys = {taint["key"] for taint in taints}
    if adding and OLD in keys and NEW not in keys:
        taints.append({"key": NEW, "effect": "NoSchedule"})
    return taints
