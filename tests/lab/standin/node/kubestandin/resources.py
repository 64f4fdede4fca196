"""The kinds of object that the stand-in API server serves, and its discovery documents."""

from typing import NamedTuple


class Resource(NamedTuple):
    plural: str
    kind: str
    group: str
    version: str
    namespaced: bool
    # Where the real API server keeps the kind in etcd, below /registry/.
    registry: str
    short_names: tuple = ()
    subresources: tuple = ()

    @property
    def api_version(self):
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self):
        return self.kind.lower()

    @property
    def qualified(self):
        """The name in error messages: pods, deployments.apps."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


ALL = [
    Resource("nodes", "Node", "", "v1", False, "minions", ("no",), ("status",)),
    Resource("namespaces", "Namespace", "", "v1", False, "namespaces", ("ns",), ("status",)),
    Resource("pods", "Pod", "", "v1", True, "pods", ("po",), ("status", "eviction", "binding")),
    Resource("configmaps", "ConfigMap", "", "v1", True, "configmaps", ("cm",)),
    Resource("secrets", "Secret", "", "v1", True, "secrets"),
    Resource("services", "Service", "", "v1", True, "services/specs", ("svc",)),
    Resource("endpoints", "Endpoints", "", "v1", True, "services/endpoints", ("ep",)),
    Resource("serviceaccounts", "ServiceAccount", "", "v1", True, "serviceaccounts", ("sa",)),
    Resource("events", "Event", "", "v1", True, "events", ("ev",)),
    Resource("deployments", "Deployment", "apps", "v1", True, "deployments", ("deploy",), ("status", "scale")),
    Resource("replicasets", "ReplicaSet", "apps", "v1", True, "replicasets", ("rs",), ("status",)),
    Resource("daemonsets", "DaemonSet", "apps", "v1", True, "daemonsets", ("ds",), ("status",)),
    Resource("jobs", "Job", "batch", "v1", True, "jobs", (), ("status",)),
    Resource("poddisruptionbudgets", "PodDisruptionBudget", "policy", "v1", True, "poddisruptionbudgets", ("pdb",), ("status",)),
    Resource("leases", "Lease", "coordination.k8s.io", "v1", True, "leases"),
]

_BY_PATH = {(resource.group, resource.version, resource.plural): resource for resource in ALL}
# Clients up to kubectl 1.20 ask for this older form of the same objects.
_BY_PATH[("policy", "v1beta1", "poddisruptionbudgets")] = _BY_PATH[("policy", "v1", "poddisruptionbudgets")]
_BY_KIND = {resource.kind: resource for resource in ALL}

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
REVIEW = "selfsubjectaccessreviews"


def find(group: str, version: str, plural: str):
    return _BY_PATH.get((group, version, plural))


def by_kind(kind: str) -> Resource:
    return _BY_KIND[kind]


def groups() -> dict:
    names = {}
    for resource in ALL:
        if resource.group:
            names.setdefault(resource.group, resource.version)
    names["authorization.k8s.io"] = "v1"
    documents = []
    for name, version in names.items():
        served = {"groupVersion": f"{name}/{version}", "version": version}
        documents.append({"name": name, "versions": [served], "preferredVersion": served})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": documents}


def group_resources(group: str, version: str):
    """The APIResourceList of a group, or None when it is not served."""
    listed = []
    if (group, version) == ("authorization.k8s.io", "v1"):
        listed.append({"name": REVIEW, "singularName": "", "namespaced": False, "kind": "SelfSubjectAccessReview", "verbs": ["create"]})
    for resource in ALL:
        if (resource.group, resource.version) != (group, version):
            continue
        entry = {
            "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": VERBS,
        }
        if resource.short_names:
            entry["shortNames"] = list(resource.short_names)
        if resource.plural in ("pods", "services", "deployments", "replicasets", "daemonsets", "jobs"):
            entry["categories"] = ["all"]
        listed.append(entry)
        listed += [_subresource(resource, name) for name in resource.subresources]
    if not listed:
        return None
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}


def _subresource(resource: Resource, name: str) -> dict:
    entry = {
        "name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": ["get", "patch", "update"],
    }
    if name == "eviction":
        # kubectl drain looks for exactly this entry to decide between eviction and deletion.
        entry.update(kind="Eviction", group="policy", version="v1", verbs=["create"])
    elif name == "binding":
        entry.update(kind="Binding", verbs=["create"])
    elif name == "scale":
        entry.update(kind="Scale", group="autoscaling", version="v1")
    return entry
