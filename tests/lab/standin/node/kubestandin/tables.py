"""The tables behind `kubectl get`: the server picks the columns, kubectl only aligns them."""

from . import times
from .disruption import allowed_text, healthy


def table(resource, documents: list, revision: int) -> dict:
    columns, row = _COLUMNS.get(resource.plural, _DEFAULT)
    definitions = []
    for column in columns:
        wide = column.startswith("+")
        name = column.lstrip("+")
        definitions.append({
            "name": name, "type": "string", "format": "name" if name == "Name" else "", "description": "",
            "priority": 1 if wide else 0,
        })
    rows = [
        {
            "cells": row(document),
            "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": document["metadata"]},
        }
        for document in documents
    ]
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": str(revision)},
        "columnDefinitions": definitions, "rows": rows,
    }


def _name(document) -> str:
    return document["metadata"]["name"]


def _age(document) -> str:
    return times.age(document["metadata"]["creationTimestamp"])


def _node(document) -> list:
    status, spec, metadata = document.get("status", {}), document.get("spec", {}), document["metadata"]
    ready = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), None)
    words = ["Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"]
    if spec.get("unschedulable"):
        words.append("SchedulingDisabled")
    prefix = "node-role.kubernetes.io/"
    roles = sorted(label[len(prefix):] for label in metadata.get("labels", {}) if label.startswith(prefix))
    info = status.get("nodeInfo", {})
    address = next((a["address"] for a in status.get("addresses", []) if a["type"] == "InternalIP"), "<none>")
    return [
        metadata["name"], ",".join(words), ",".join(roles) or "<none>", _age(document), info.get("kubeletVersion", ""),
        address, "<none>", info.get("osImage", ""), info.get("kernelVersion", ""), info.get("containerRuntimeVersion", ""),
    ]


def _pod(document) -> list:
    status = document.get("status", {})
    containers = document["spec"].get("containers", [])
    ready = len(containers) if healthy(document) else 0
    state = "Terminating" if document["metadata"].get("deletionTimestamp") else status.get("phase", "Pending")
    if state == "Succeeded":
        state = "Completed"
    restarts = sum(container.get("restartCount", 0) for container in status.get("containerStatuses", []))
    return [
        _name(document), f"{ready}/{len(containers)}", state, str(restarts), _age(document),
        status.get("podIP", "<none>"), document["spec"].get("nodeName", "<none>"), "<none>", "<none>",
    ]


def _deployment(document) -> list:
    status, wanted = document.get("status", {}), document["spec"].get("replicas", 1)
    return [
        _name(document), f"{status.get('readyReplicas', 0)}/{wanted}", str(status.get("updatedReplicas", 0)),
        str(status.get("availableReplicas", 0)), _age(document),
    ]


def _replicas(document) -> list:
    status = document.get("status", {})
    return [_name(document), str(document["spec"].get("replicas", 1)), str(status.get("replicas", 0)),
            str(status.get("readyReplicas", 0)), _age(document)]


def _daemonset(document) -> list:
    status = document.get("status", {})
    wanted, ready = str(status.get("desiredNumberScheduled", 0)), str(status.get("numberReady", 0))
    current = str(status.get("currentNumberScheduled", 0))
    selector = document["spec"]["template"]["spec"].get("nodeSelector") or {}
    text = ",".join(f"{key}={value}" for key, value in selector.items()) or "<none>"
    return [_name(document), wanted, current, ready, current, ready, text, _age(document)]


def _pdb(document) -> list:
    spec = document["spec"]
    return [_name(document), str(spec.get("minAvailable", "N/A")), str(spec.get("maxUnavailable", "N/A")),
            allowed_text(document), _age(document)]


def _event(document) -> list:
    involved = document.get("involvedObject", {})
    seen = document.get("lastTimestamp") or document["metadata"]["creationTimestamp"]
    return [times.age(seen), document.get("type", ""), document.get("reason", ""),
            f"{involved.get('kind', '').lower()}/{involved.get('name', '')}", document.get("message", "")]


def _service(document) -> list:
    spec = document["spec"]
    ports = ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in spec.get("ports", []))
    return [_name(document), spec.get("type", "ClusterIP"), spec.get("clusterIP", "None"), "<none>", ports or "<none>", _age(document)]


def _endpoints(document) -> list:
    shown = [f"{address['ip']}:{port['port']}" for subset in document.get("subsets") or []
             for address in subset.get("addresses") or [] for port in subset.get("ports") or []]
    # As the real one: three, and how many more.
    more = f" + {len(shown) - 3} more..." if len(shown) > 3 else ""
    return [_name(document), (",".join(shown[:3]) or "<none>") + more, _age(document)]


def _job(document) -> list:
    done = document.get("status", {}).get("succeeded", 0)
    return [_name(document), f"{done}/{document['spec'].get('completions', 1)}", "", _age(document)]


_DEFAULT = (["Name", "Age"], lambda document: [_name(document), _age(document)])
_COLUMNS = {
    "nodes": (["Name", "Status", "Roles", "Age", "Version", "+Internal-IP", "+External-IP", "+OS-Image", "+Kernel-Version",
               "+Container-Runtime"], _node),
    "pods": (["Name", "Ready", "Status", "Restarts", "Age", "+IP", "+Node", "+Nominated Node", "+Readiness Gates"], _pod),
    "deployments": (["Name", "Ready", "Up-to-date", "Available", "Age"], _deployment),
    "replicasets": (["Name", "Desired", "Current", "Ready", "Age"], _replicas),
    "daemonsets": (["Name", "Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Age"], _daemonset),
    "poddisruptionbudgets": (["Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"], _pdb),
    "configmaps": (["Name", "Data", "Age"], lambda d: [_name(d), str(len(d.get("data") or {})), _age(d)]),
    "secrets": (["Name", "Type", "Data", "Age"], lambda d: [_name(d), d.get("type", "Opaque"), str(len(d.get("data") or {})), _age(d)]),
    "namespaces": (["Name", "Status", "Age"], lambda d: [_name(d), d.get("status", {}).get("phase", "Active"), _age(d)]),
    "events": (["Last Seen", "Type", "Reason", "Object", "Message"], _event),
    "leases": (["Name", "Holder", "Age"], lambda d: [_name(d), d["spec"].get("holderIdentity", ""), _age(d)]),
    "services": (["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age"], _service),
    "endpoints": (["Name", "Endpoints", "Age"], _endpoints),
    "jobs": (["Name", "Completions", "Duration", "Age"], _job),
}
