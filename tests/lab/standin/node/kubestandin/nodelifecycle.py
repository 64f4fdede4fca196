"""The node lifecycle controller: a node whose heartbeats stop is marked NotReady (status Unknown)."""

import time

from . import events, settings, times
from .client import Client

UNREACHABLE_TAINT = "node.kubernetes.io/unreachable"


class NodeLifecycle:
    def __init__(self):
        # Node -> the last heartbeat seen and when it was seen by our clock, as the real controller does it:
        # after a time without API server nobody is condemned for heartbeats that could not be written.
        self._seen = {}

    def check(self, client: Client) -> None:
        leases = {lease["metadata"]["name"]: lease["spec"].get("renewTime") for lease in client.list("Lease", "kube-node-lease")}
        grace = settings.get("node_grace_seconds")
        for node in client.list("Node"):
            name = node["metadata"]["name"]
            beat = leases.get(name)
            if name not in self._seen or self._seen[name][0] != beat:
                self._seen[name] = (beat, time.monotonic())
            silent = time.monotonic() - self._seen[name][1] > grace
            if silent and _ready(node) != "Unknown":
                self._condemn(client, node)
            elif not silent and _ready(node) == "True" and _taints(node) != _without_ours(node):
                client.merge("Node", name, {"spec": {"taints": _without_ours(node) or None}})

    def _condemn(self, client: Client, node: dict) -> None:
        name = node["metadata"]["name"]
        conditions = [
            {**condition, "status": "Unknown", "reason": "NodeStatusUnknown",
             "message": "Kubelet stopped posting node status.", "lastTransitionTime": times.now()}
            for condition in node.get("status", {}).get("conditions", [])
        ]
        client.merge("Node", name, {"status": {"conditions": conditions}}, subresource="status")
        taint = {"key": UNREACHABLE_TAINT, "effect": "NoSchedule", "timeAdded": times.now()}
        client.merge("Node", name, {"spec": {"taints": _without_ours(node) + [taint]}})
        events.record(client, node, "Node", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        for pod in client.list("Pod", fieldSelector=f"spec.nodeName={name}"):
            changed = [
                {**c, "status": "False", "lastTransitionTime": times.now()} if c["type"] == "Ready" else c
                for c in pod.get("status", {}).get("conditions", [])
            ]
            client.merge("Pod", pod["metadata"]["name"], {"status": {"conditions": changed}}, pod["metadata"]["namespace"], "status")


def _ready(node: dict) -> str:
    return next((c["status"] for c in node.get("status", {}).get("conditions", []) if c["type"] == "Ready"), "")


def _taints(node: dict) -> list:
    return list(node.get("spec", {}).get("taints") or [])


def _without_ours(node: dict) -> list:
    return [taint for taint in _taints(node) if taint["key"] != UNREACHABLE_TAINT]
