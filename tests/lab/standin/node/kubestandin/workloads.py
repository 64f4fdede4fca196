"""The workload controllers: Deployments make ReplicaSets, these, DaemonSets and Jobs make pods; what lost its owner goes."""

import hashlib
import json
import uuid

from . import times
from .client import Client, Refused
from .disruption import healthy

HASH_LABEL = "pod-template-hash"
# Pods of a DaemonSet stay on nodes that are cordoned or in trouble.
DAEMON_TOLERATIONS = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
]


def template_hash(template: dict) -> str:
    return hashlib.md5(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]


def reconcile(client: Client) -> None:
    pods = client.list("Pod")
    sets = client.list("ReplicaSet")
    deployments = client.list("Deployment")
    jobs = client.list("Job")
    daemons = client.list("DaemonSet")
    nodes = client.list("Node")
    for deployment in deployments:
        _deployment(client, deployment, [s for s in sets if _owned(s, deployment)])
    for replica_set in sets:
        _replica_set(client, replica_set, [p for p in pods if _owned(p, replica_set)])
    for daemon in daemons:
        _daemon_set(client, daemon, [p for p in pods if _owned(p, daemon)], nodes)
    for job in jobs:
        _job(client, job, [p for p in pods if _owned(p, job)])
    _collect(client, sets, deployments)
    _collect(client, pods, sets + daemons + jobs)
    _collect_lost_pods(client, pods, nodes)


def _owned(document: dict, owner: dict) -> bool:
    return any(r["uid"] == owner["metadata"]["uid"] for r in document["metadata"].get("ownerReferences", []))


def _reference(owner: dict) -> dict:
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}


def _set_status(client: Client, document: dict, status: dict) -> None:
    if {key: document.get("status", {}).get(key) for key in status} != status:
        metadata = document["metadata"]
        client.merge(document["kind"], metadata["name"], {"status": status}, metadata["namespace"], "status")


def _deployment(client: Client, deployment: dict, sets: list) -> None:
    spec, metadata = deployment["spec"], deployment["metadata"]
    wanted, mark = spec.get("replicas", 1), template_hash(spec["template"])
    current = next((s for s in sets if s["metadata"]["labels"].get(HASH_LABEL) == mark), None)
    if current is None:
        current = _new_replica_set(client, deployment, mark)
        sets = sets + [current]
    if current["spec"]["replicas"] != wanted:
        client.merge("ReplicaSet", current["metadata"]["name"], {"spec": {"replicas": wanted}}, metadata["namespace"])
    # The old ones give way when the new one stands, so that the rollout costs no capacity.
    if current.get("status", {}).get("readyReplicas", 0) >= wanted:
        for old in sets:
            if old is not current and old["spec"]["replicas"]:
                client.merge("ReplicaSet", old["metadata"]["name"], {"spec": {"replicas": 0}}, metadata["namespace"])
    ready = sum(s.get("status", {}).get("readyReplicas", 0) for s in sets)
    available = ready >= wanted
    _set_status(client, deployment, {
        "replicas": sum(s.get("status", {}).get("replicas", 0) for s in sets),
        "updatedReplicas": current.get("status", {}).get("replicas", 0), "readyReplicas": ready, "availableReplicas": ready,
        "unavailableReplicas": max(0, wanted - ready), "observedGeneration": metadata.get("generation", 1),
        "conditions": [{"type": "Available", "status": "True" if available else "False",
                        "reason": "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable"}],
    })


def _new_replica_set(client: Client, deployment: dict, mark: str) -> dict:
    spec, metadata = deployment["spec"], deployment["metadata"]
    template = json.loads(json.dumps(spec["template"]))
    labels = {**template.get("metadata", {}).get("labels", {}), HASH_LABEL: mark}
    template.setdefault("metadata", {})["labels"] = labels
    selector = {"matchLabels": {**spec["selector"].get("matchLabels", {}), HASH_LABEL: mark}}
    return client.create({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": f"{metadata['name']}-{mark}", "namespace": metadata["namespace"], "labels": labels,
                     "ownerReferences": [_reference(deployment)]},
        "spec": {"replicas": spec.get("replicas", 1), "selector": selector, "template": template},
    }, metadata["namespace"])


def _replica_set(client: Client, replica_set: dict, pods: list) -> None:
    metadata, wanted = replica_set["metadata"], replica_set["spec"].get("replicas", 1)
    alive = [p for p in pods if not p["metadata"].get("deletionTimestamp") and p.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
    for _ in range(wanted - len(alive)):
        _create_pod(client, replica_set, f"{metadata['name']}-{uuid.uuid4().hex[:5]}", replica_set["spec"]["template"])
    # Too many: those that do not run go first.
    for pod in sorted(alive, key=healthy)[:max(0, len(alive) - wanted)]:
        client.delete("Pod", pod["metadata"]["name"], metadata["namespace"])
    ready = sum(1 for p in alive if healthy(p))
    _set_status(client, replica_set, {"replicas": len(alive), "readyReplicas": ready, "availableReplicas": ready,
                                      "observedGeneration": metadata.get("generation", 1)})


def _create_pod(client: Client, owner: dict, name: str, template: dict, node: str = "", labels: dict = None) -> None:
    spec = json.loads(json.dumps(template["spec"]))
    if node:
        spec["nodeName"] = node
        spec["tolerations"] = (spec.get("tolerations") or []) + DAEMON_TOLERATIONS
    metadata = {**template.get("metadata", {}), "name": name, "ownerReferences": [_reference(owner)]}
    metadata["labels"] = {**metadata.get("labels", {}), **(labels or {})}
    metadata.pop("creationTimestamp", None)
    client.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, owner["metadata"]["namespace"])


def _daemon_set(client: Client, daemon: dict, pods: list, nodes: list) -> None:
    metadata, template = daemon["metadata"], daemon["spec"]["template"]
    mark = template_hash(template)
    selector = template["spec"].get("nodeSelector") or {}
    wanted = [n["metadata"]["name"] for n in nodes
              if all(n["metadata"].get("labels", {}).get(key) == value for key, value in selector.items())]
    here = {p["spec"].get("nodeName"): p for p in pods if not p["metadata"].get("deletionTimestamp")}
    for node in wanted:
        if node not in here and not any(p["spec"].get("nodeName") == node for p in pods):
            name = f"{metadata['name']}-{uuid.uuid4().hex[:5]}"
            _create_pod(client, daemon, name, template, node, {"controller-revision-hash": mark})
    # A changed template replaces one pod at a time, as maxUnavailable 1 does.
    outdated = [p for node, p in here.items() if p["metadata"]["labels"].get("controller-revision-hash") != mark]
    if outdated and len(here) == len(pods) >= len(wanted) and all(healthy(p) for p in here.values()):
        client.delete("Pod", outdated[0]["metadata"]["name"], metadata["namespace"])
    ready = sum(1 for p in here.values() if healthy(p))
    _set_status(client, daemon, {
        "desiredNumberScheduled": len(wanted), "currentNumberScheduled": len(here), "numberReady": ready, "numberAvailable": ready,
        "updatedNumberScheduled": len(here) - len(outdated), "numberMisscheduled": 0, "observedGeneration": metadata.get("generation", 1),
    })


def _job(client: Client, job: dict, pods: list) -> None:
    metadata = job["metadata"]
    if any(c["type"] == "Complete" for c in job.get("status", {}).get("conditions", [])):
        return
    if not pods:
        labels = {"job-name": metadata["name"]}
        _create_pod(client, job, f"{metadata['name']}-{uuid.uuid4().hex[:5]}", job["spec"]["template"], labels=labels)
    elif any(p.get("status", {}).get("phase") == "Succeeded" for p in pods):
        done = {"type": "Complete", "status": "True", "lastTransitionTime": times.now()}
        _set_status(client, job, {"succeeded": 1, "completionTime": times.now(), "conditions": [done]})


def _collect(client: Client, documents: list, owners: list) -> None:
    """Deletes what refers to an owner that is gone (mirror pods belong to nodes and are their kubelet's business)."""
    alive = {owner["metadata"]["uid"] for owner in owners}
    for document in documents:
        references = [r for r in document["metadata"].get("ownerReferences", []) if r.get("controller") and r["kind"] != "Node"]
        if references and references[0]["uid"] not in alive and not document["metadata"].get("deletionTimestamp"):
            # The owner may be younger than our list of owners.
            if _still_there(client, references[0], document["metadata"]["namespace"]):
                continue
            client.delete(document["kind"], document["metadata"]["name"], document["metadata"]["namespace"])


def _still_there(client: Client, reference: dict, namespace: str) -> bool:
    try:
        return client.get(reference["kind"], reference["name"], namespace)["metadata"]["uid"] == reference["uid"]
    except Refused as error:
        if error.code == 404:
            return False
        raise
    except KeyError:
        # A kind that is not served here: not ours to judge.
        return True


def _collect_lost_pods(client: Client, pods: list, nodes: list) -> None:
    names = {node["metadata"]["name"] for node in nodes}
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if node and node not in names:
            client.delete("Pod", pod["metadata"]["name"], pod["metadata"]["namespace"], now=True)
