"""The Node object and its Lease: how the cluster sees that this node is alive."""

import datetime
import json
import os
import subprocess
import time

from api import Refused

STATUS_SECONDS = 10  # the real kubelet's nodeStatusUpdateFrequency
LEASE_SECONDS = 10  # a quarter of the lease's duration, as the real one renews it
LEASE_DURATION = 40
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
CAPACITY = {"cpu": "2", "memory": "4Gi", "pods": "110", "ephemeral-storage": "10Gi"}
CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID"),
    ("Ready", "True", "KubeletReady"),
)


def now(fraction=False):
    moment = datetime.datetime.now(datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if fraction else "%Y-%m-%dT%H:%M:%SZ")


def first_address():
    """The address on the node's network card, which the lab names eth0."""
    command = ["ip", "-json", "-4", "address", "show", "dev", "eth0"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output)[0]["addr_info"][0]["local"]


class Node:
    """Registers the node and keeps its heartbeats going."""

    def __init__(self, client, name, version, log):
        self._client = client
        self._path = f"/api/v1/nodes/{name}"
        self._version = version
        self._log = log
        self._next_status = 0.0
        self._next_lease = 0.0
        self.name = name
        self.uid = None
        self.address = first_address()

    def sync(self):
        if self.uid is None or time.monotonic() >= self._next_status:
            node = self._client.get(self._path)
            if node is None and self.uid is None:
                node = self._register()
            elif node is None:
                # As the real one: it registers once, after its start.
                raise Refused(404, f'node "{self.name}" not found')
            self.uid = node["metadata"]["uid"]
            self._client.patch(f"{self._path}/status", {"status": self._status(node)})
            self._next_status = time.monotonic() + STATUS_SECONDS
        if time.monotonic() >= self._next_lease:
            self._renew_lease()
            self._next_lease = time.monotonic() + LEASE_SECONDS

    def reference(self):
        """What objects that belong to this node name as their owner."""
        return {"apiVersion": "v1", "kind": "Node", "name": self.name, "uid": self.uid}

    def _register(self):
        self._log(f"registering node {self.name}")
        labels = {
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
        }
        annotations = {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}
        metadata = {"name": self.name, "labels": labels, "annotations": annotations}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
        return self._client.create("/api/v1/nodes", node)

    def _status(self, node):
        return {
            "capacity": CAPACITY,
            "allocatable": CAPACITY,
            "addresses": [
                {"type": "InternalIP", "address": self.address},
                {"type": "Hostname", "address": self.name},
            ],
            "conditions": _conditions(node.get("status", {}).get("conditions", [])),
            "nodeInfo": {
                "kubeletVersion": self._version,
                "kubeProxyVersion": self._version,
                "osImage": "krun lab",
                "kernelVersion": os.uname().release,
                "containerRuntimeVersion": "containerd://1.6.20",
                "architecture": "amd64",
                "operatingSystem": "linux",
                "machineID": _first_line("/etc/machine-id"),
                "bootID": _first_line("/proc/sys/kernel/random/boot_id"),
                "systemUUID": "",
            },
        }

    def _renew_lease(self):
        path = f"{LEASES}/{self.name}"
        lease = self._client.get(path)
        spec = {
            "holderIdentity": self.name,
            "leaseDurationSeconds": LEASE_DURATION,
            "renewTime": now(fraction=True),
        }
        if lease:
            self._client.replace(path, {**lease, "spec": spec})
            return
        metadata = {"name": self.name, "ownerReferences": [self.reference()]}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        self._client.create(LEASES, {**lease, "metadata": metadata, "spec": spec})


def _conditions(previous):
    """A condition that stays as it was keeps the time of its last change."""
    changes = {(old["type"], old["status"]): old["lastTransitionTime"] for old in previous}
    moment = now()
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": f"the lab's kubelet reports {reason}",
            "lastHeartbeatTime": moment,
            "lastTransitionTime": changes.get((kind, status), moment),
        }
        for kind, status, reason in CONDITIONS
    ]


def _first_line(path):
    with open(path, encoding="ascii") as file:
        return file.readline().strip()
