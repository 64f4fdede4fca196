"""The objects of the cluster in etcd: one JSON document each, at the key where the real API server keeps it.

`metadata.resourceVersion` is etcd's revision of the key and is not stored, as in the real one; so a restored
snapshot brings back exactly the objects of its moment.
"""

from __future__ import annotations

import json
import uuid
from typing import Callable, Optional

from . import etcd, problems, times
from .resources import Resource

ATTEMPTS = 20


class Store:
    def __init__(self, client: etcd.Client):
        self.etcd = client

    def get(self, resource: Resource, namespace: str, name: str) -> dict:
        entry = self.etcd.get(_key(resource, namespace, name))
        if entry is None:
            raise problems.not_found(resource, name)
        return _object(entry)

    def list(self, resource: Resource, namespace: str = "", revision: int = 0) -> tuple[list[dict], int]:
        """All objects (of one namespace, or of all), and the revision of the whole."""
        prefix = f"/registry/{resource.registry}/" + (f"{namespace}/" if namespace else "")
        entries, at = self.etcd.list(prefix, revision)
        return [_object(entry) for entry in entries], at

    def create(self, resource: Resource, namespace: str, document: dict) -> dict:
        metadata = document.setdefault("metadata", {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
        if not metadata.get("name"):
            raise problems.bad_request(f"{resource.kind} is invalid: metadata.name: Required value: name or generateName is required")
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = times.now()
        metadata["generation"] = 1
        if resource.namespaced:
            metadata["namespace"] = namespace
        document["kind"], document["apiVersion"] = resource.kind, resource.api_version
        revision = self.etcd.put_if(_key(resource, namespace, metadata["name"]), _bytes(document), 0)
        if revision is None:
            raise problems.already_exists(resource, metadata["name"])
        metadata["resourceVersion"] = str(revision)
        return document

    def update(self, resource: Resource, namespace: str, name: str, change: Callable[[dict], Optional[dict]]) -> dict:
        """Reads, changes and writes, again when another writer came between; `change` returns None to leave all as it is."""
        key = _key(resource, namespace, name)
        for _ in range(ATTEMPTS):
            entry = self.etcd.get(key)
            if entry is None:
                raise problems.not_found(resource, name)
            old = _object(entry)
            new = change(json.loads(json.dumps(old)))
            if new is None or new == old:
                return old
            revision = self.etcd.put_if(key, _bytes(new), entry.revision)
            if revision is not None:
                new["metadata"]["resourceVersion"] = str(revision)
                return new
        raise problems.conflict(resource, name)

    def delete(self, resource: Resource, namespace: str, name: str) -> dict:
        key = _key(resource, namespace, name)
        for _ in range(ATTEMPTS):
            entry = self.etcd.get(key)
            if entry is None:
                raise problems.not_found(resource, name)
            if self.etcd.delete_if(key, entry.revision) is not None:
                return _object(entry)
        raise problems.conflict(resource, name)


def _key(resource: Resource, namespace: str, name: str) -> str:
    middle = f"{namespace}/" if resource.namespaced else ""
    return f"/registry/{resource.registry}/{middle}{name}"


def _object(entry: etcd.Entry) -> dict:
    document = json.loads(entry.value)
    document["metadata"]["resourceVersion"] = str(entry.revision)
    return document


def _bytes(document: dict) -> bytes:
    metadata = {key: value for key, value in document["metadata"].items() if key != "resourceVersion"}
    return json.dumps({**document, "metadata": metadata}, separators=(",", ":")).encode()
