"""The stand-in kube-scheduler: gives each pod without a node one that is Ready, schedulable and tolerated."""

from . import events, loop
from .client import Client, Refused

PERIOD_SECONDS = 0.4


def main(arguments: list) -> None:
    loop.run("kube-scheduler", loop.flag(arguments, "kubeconfig"), PERIOD_SECONDS, schedule)


def schedule(client: Client) -> None:
    pods = client.list("Pod")
    waiting = [pod for pod in pods if not pod["spec"].get("nodeName") and not pod["metadata"].get("deletionTimestamp")]
    if not waiting:
        return
    nodes = client.list("Node")
    for pod in waiting:
        fitting = [node for node in nodes if fits(pod, node)]
        if not fitting:
            _unschedulable(client, pod, len(nodes))
            continue
        chosen = min(fitting, key=lambda node: _load(node["metadata"]["name"], pod, pods))["metadata"]["name"]
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": chosen}}
        try:
            client.call("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/binding", binding)
            pod["spec"]["nodeName"] = chosen
            events.record(client, pod, "Pod", "Scheduled", f"Successfully assigned {namespace}/{name} to {chosen}")
        except Refused as error:
            # Deleted or bound meanwhile.
            if error.code not in (404, 409):
                raise


def fits(pod: dict, node: dict) -> bool:
    spec, labels = node.get("spec", {}), node["metadata"].get("labels", {})
    if any(labels.get(key) != value for key, value in (pod["spec"].get("nodeSelector") or {}).items()):
        return False
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", []))
    taints = list(spec.get("taints") or [])
    if spec.get("unschedulable"):
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    return ready and all(_tolerated(taint, pod["spec"].get("tolerations") or []) for taint in taints)


def _tolerated(taint: dict, tolerations: list) -> bool:
    if taint["effect"] == "PreferNoSchedule":
        return True
    return any(
        t.get("effect") in (None, "", taint["effect"])
        and (t.get("key") == taint["key"] or (not t.get("key") and t.get("operator") == "Exists"))
        and (t.get("operator") == "Exists" or t.get("value", "") == taint.get("value", ""))
        for t in tolerations
    )


def _load(node: str, pod: dict, pods: list) -> tuple:
    """Fewest pods of the same owner first (they spread), then fewest pods."""
    there = [other for other in pods if other["spec"].get("nodeName") == node]
    owner = _owner(pod)
    return sum(1 for other in there if owner and _owner(other) == owner), len(there), node


def _owner(pod: dict):
    return next((reference["uid"] for reference in pod["metadata"].get("ownerReferences", [])), None)


def _unschedulable(client: Client, pod: dict, nodes: int) -> None:
    message = f"0/{nodes} nodes are available: no node is ready, schedulable and tolerated."
    conditions = pod.get("status", {}).get("conditions", [])
    if any(c["type"] == "PodScheduled" and c["status"] == "False" for c in conditions):
        return
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    client.merge("Pod", pod["metadata"]["name"], {"status": {"conditions": [condition]}}, pod["metadata"]["namespace"], "status")
    events.record(client, pod, "Pod", "FailedScheduling", message, warning=True)
