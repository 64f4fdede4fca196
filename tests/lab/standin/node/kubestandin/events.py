"""Events, as kubectl get events and describe show them."""

import uuid

from . import times
from .client import Client


def record(client: Client, document: dict, kind: str, reason: str, message: str, warning: bool = False) -> None:
    metadata = document["metadata"]
    namespace = metadata.get("namespace", "default")
    client.create({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
        "involvedObject": {"kind": kind, "name": metadata["name"], "namespace": metadata.get("namespace", ""), "uid": metadata["uid"]},
        "reason": reason, "message": message, "type": "Warning" if warning else "Normal",
        "firstTimestamp": times.now(), "lastTimestamp": times.now(), "count": 1,
    }, namespace)
