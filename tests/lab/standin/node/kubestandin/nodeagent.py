"""The kubelet's side of the API: its Node and Lease, mirror pods, and the pods that are bound to the node."""

import hashlib
import json
import logging
import os
import socket
import subprocess
import time

from . import settings, times
from .client import Client, Refused
from .disruption import healthy

STATUS_SECONDS = 10.0
MIRROR, HASH = "kubernetes.io/config.mirror", "kubernetes.io/config.hash"
log = logging.getLogger("kubelet")


class NodeAgent:
    def __init__(self, client: Client, node: str, version: str, static_pods, docker: bool):
        self._client, self._node, self._version, self._static = client, node, version, static_pods
        self._docker = docker
        self._status_at = 0.0
        self._going = {}

    def sync(self) -> None:
        node = self._client.find("Node", self._node)
        if node is None:
            node = self._client.create(self._node_document())
            self._status_at = 0.0
            log.info("Successfully registered node %s", self._node)
        if time.monotonic() - self._status_at > STATUS_SECONDS or not self._looks_ready(node):
            self._client.merge("Node", self._node, {"status": self._status(node)}, subresource="status")
            self._status_at = time.monotonic()
        self._heartbeat(node)
        bound = self._client.list("Pod", fieldSelector=f"spec.nodeName={self._node}")
        by_name = {(pod["metadata"]["namespace"], pod["metadata"]["name"]): pod for pod in bound}
        for running in self._static.snapshot():
            self._mirror(running, by_name.pop((running.namespace, f"{running.name}-{self._node}"), None), node)
        for pod in by_name.values():
            self._pod(pod)

    def _looks_ready(self, node: dict) -> bool:
        status = node.get("status", {})
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
        # A restored etcd may hold an older state of this node.
        return ready and status.get("nodeInfo", {}).get("kubeletVersion") == self._version

    def _node_document(self) -> dict:
        labels = {"kubernetes.io/hostname": self._node, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        return {"apiVersion": "v1", "kind": "Node", "spec": {},
                "metadata": {"name": self._node, "labels": labels,
                             "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}}}

    def _status(self, node: dict) -> dict:
        capacity = {"cpu": "2", "memory": "4Gi", "pods": "110", "ephemeral-storage": "10Gi"}
        before = {c["type"]: c for c in node.get("status", {}).get("conditions", [])}
        conditions = []
        for kind, status, reason, message in (
            ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ):
            since = before.get(kind, {})
            changed = since["lastTransitionTime"] if since.get("status") == status else times.now()
            conditions.append({"type": kind, "status": status, "reason": reason, "message": message,
                               "lastHeartbeatTime": times.now(), "lastTransitionTime": changed})
        return {
            "capacity": capacity, "allocatable": capacity, "conditions": conditions,
            "addresses": [{"type": "InternalIP", "address": node_address()}, {"type": "Hostname", "address": self._node}],
            "nodeInfo": {
                "kubeletVersion": self._version, "kubeProxyVersion": self._version, "osImage": "krun lab",
                "kernelVersion": os.uname().release, "architecture": "amd64",
                "containerRuntimeVersion": "docker://20.10.24" if self._docker else settings.get("container_runtime"),
                "operatingSystem": "linux", "machineID": _read("/etc/machine-id"),
                "bootID": _read("/proc/sys/kernel/random/boot_id"), "systemUUID": _read("/etc/machine-id"),
            },
        }

    def _heartbeat(self, node: dict) -> None:
        lease = self._client.find("Lease", self._node, "kube-node-lease")
        spec = {"holderIdentity": self._node, "leaseDurationSeconds": 40, "renewTime": times.now_micro()}
        if lease is None:
            owner = {"apiVersion": "v1", "kind": "Node", "name": self._node, "uid": node["metadata"]["uid"]}
            self._client.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec,
                                 "metadata": {"name": self._node, "ownerReferences": [owner]}}, "kube-node-lease")
        else:
            self._client.merge("Lease", self._node, {"spec": spec}, "kube-node-lease")

    def _mirror(self, running, mirror, node: dict) -> None:
        """The API's picture of a static pod; kubeadm waits for its config.hash to change."""
        namespace, name = running.namespace, f"{running.name}-{self._node}"
        if mirror and (mirror["metadata"].get("annotations", {}).get(HASH) != running.digest or mirror["metadata"].get("deletionTimestamp")):
            self._client.delete("Pod", name, namespace, now=True)
            mirror = None
        if mirror is None:
            mirror = self._client.create(self._mirror_document(running, name, node), namespace)
        if running.alive() != healthy(mirror):
            self._report(mirror, "Running", running.alive(), running.restarts, node_address())

    def _mirror_document(self, running, name: str, node: dict) -> dict:
        metadata = {key: value for key, value in running.manifest["metadata"].items() if key != "creationTimestamp"}
        metadata["name"] = name
        metadata["annotations"] = {
            **(metadata.get("annotations") or {}), HASH: running.digest, MIRROR: running.digest,
            "kubernetes.io/config.source": "file", "kubernetes.io/config.seen": times.now(),
        }
        metadata["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": self._node,
                                        "uid": node["metadata"]["uid"], "controller": True}]
        spec = {**running.manifest["spec"], "nodeName": self._node, "tolerations": [{"operator": "Exists", "effect": "NoExecute"}]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def _pod(self, pod: dict) -> None:
        metadata = pod["metadata"]
        phase = pod.get("status", {}).get("phase", "Pending")
        if MIRROR in metadata.get("annotations", {}):
            # Its manifest is gone.
            self._client.delete("Pod", metadata["name"], metadata["namespace"], now=True)
        elif metadata.get("deletionTimestamp"):
            self._terminate(pod)
        elif phase == "Pending" and pod["spec"].get("restartPolicy", "Always") != "Always":
            self._report(pod, "Succeeded", False, 0, _pod_address(pod))
        elif phase == "Pending" or (phase == "Running" and not healthy(pod)):
            self._report(pod, "Running", True, 0, _pod_address(pod))

    def _terminate(self, pod: dict) -> None:
        metadata = pod["metadata"]
        since = self._going.setdefault(metadata["uid"], time.monotonic())
        grace = min(metadata.get("deletionGracePeriodSeconds", 30), settings.get("pod_grace_seconds"))
        if time.monotonic() - since >= grace:
            self._client.delete("Pod", metadata["name"], metadata["namespace"], now=True)
            del self._going[metadata["uid"]]

    def _report(self, pod: dict, phase: str, ready: bool, restarts: int, address: str) -> None:
        stamp = times.now()
        state = {"running": {"startedAt": stamp}} if phase == "Running" else {
            "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": stamp, "finishedAt": stamp}}
        conditions = [{"type": kind, "status": "True" if ready or kind in ("Initialized", "PodScheduled") else "False", "lastTransitionTime": stamp}
                      for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")]
        containers = [{"name": c["name"], "image": c["image"], "imageID": "", "containerID": f"containerd://{pod['metadata']['uid']}",
                       "ready": ready, "started": ready, "restartCount": restarts, "lastState": {}, "state": state}
                      for c in pod["spec"]["containers"]]
        status = {"phase": phase, "hostIP": node_address(), "podIP": address, "podIPs": [{"ip": address}],
                  "startTime": stamp, "conditions": conditions, "containerStatuses": containers}
        try:
            self._client.merge("Pod", pod["metadata"]["name"], {"status": status}, pod["metadata"]["namespace"], "status")
        except Refused as error:
            # Gone meanwhile.
            if error.code != 404:
                raise


def node_address() -> str:
    shown = subprocess.run(["ip", "-json", "-4", "address", "show", "dev", "eth0"], capture_output=True, text=True, timeout=10)
    try:
        return json.loads(shown.stdout)[0]["addr_info"][0]["local"]
    except (ValueError, IndexError, KeyError):
        return socket.gethostbyname(socket.gethostname())


def _pod_address(pod: dict) -> str:
    if pod["spec"].get("hostNetwork"):
        return node_address()
    digest = hashlib.md5(pod["metadata"]["uid"].encode()).digest()
    return f"10.244.{digest[0]}.{digest[1] % 253 + 1}"


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()
