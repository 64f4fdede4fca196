"""The Pod objects of this node: mirrors of the static pods, and all the others.

A pod that is no static pod has no process here: it "runs" as soon as it is bound
to this node, a job's pod has succeeded at once, and a pod that is being deleted
is gone at the next look.
"""

import urllib.parse

from node import now

HASH = "kubernetes.io/config.hash"
MIRROR = "kubernetes.io/config.mirror"


class Pods:
    def __init__(self, client, node, static_pods, log):
        self._client = client
        self._node = node
        self._static_pods = static_pods
        self._log = log

    def sync(self):
        selector = urllib.parse.quote(f"spec.nodeName={self._node.name}")
        items = self._client.call("GET", f"/api/v1/pods?fieldSelector={selector}")["items"]
        known = {(pod["metadata"]["namespace"], pod["metadata"]["name"]): pod for pod in items}
        for static in self._static_pods:
            self._mirror(static, known.pop((static.namespace, self._mirror_name(static)), None))
        for pod in known.values():
            self._settle(pod)

    def _mirror_name(self, static):
        return f"{static.name}-{self._node.name}"

    def _mirror(self, static, pod):
        """kubeadm upgrade waits until the mirror pod's hash has changed."""
        if pod and (_annotations(pod).get(HASH) != static.hash or _is_going(pod)):
            self._client.delete_now(_path(pod))
            pod = None
        if pod is None:
            self._log(f"creating a mirror pod for {static.name}")
            pod = self._client.create(
                f"/api/v1/namespaces/{static.namespace}/pods", self._mirror_object(static)
            )
        state = _running() if static.active else _crashed()
        self._report(pod, "Running", state, static.restarts)

    def _mirror_object(self, static):
        source = static.manifest["metadata"]
        marks = {
            HASH: static.hash,
            MIRROR: static.hash,
            "kubernetes.io/config.source": "file",
            "kubernetes.io/config.seen": now(),
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self._mirror_name(static),
                "namespace": static.namespace,
                "labels": source.get("labels") or {},
                "annotations": {**(source.get("annotations") or {}), **marks},
                "ownerReferences": [{**self._node.reference(), "controller": True}],
            },
            "spec": {
                **static.manifest["spec"],
                "nodeName": self._node.name,
                "tolerations": [{"operator": "Exists", "effect": "NoExecute"}],
            },
        }

    def _settle(self, pod):
        if _is_going(pod) or MIRROR in _annotations(pod):  # a mirror without its static pod
            self._client.delete_now(_path(pod))
        elif pod["status"].get("phase") == "Pending":
            if pod["spec"].get("restartPolicy") == "Always":
                self._report(pod, "Running", _running(), 0)
            else:
                self._report(pod, "Succeeded", _completed(), 0)

    def _report(self, pod, phase, state, restarts):
        """Sends the status if it is another one than the cluster knows."""
        (kind,) = state
        if _summary(pod) == (phase, kind, restarts):
            return
        ready = kind == "running"
        status = {
            "phase": phase,
            "hostIP": self._node.address,
            "podIP": self._node.address,  # there is no pod network
            "podIPs": [{"ip": self._node.address}],
            "startTime": pod["status"].get("startTime") or now(),
            "conditions": _conditions(ready),
            "containerStatuses": [
                self._container_status(container, state, ready, restarts)
                for container in pod["spec"]["containers"]
            ],
        }
        self._client.patch(f"{_path(pod)}/status", {"status": status})

    def _container_status(self, container, state, ready, restarts):
        return {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "containerID": f"lab://{self._node.name}/{container['name']}",
            "ready": ready,
            "started": ready,
            "restartCount": restarts,
            "lastState": {},
            "state": state,
        }


def _path(pod):
    metadata = pod["metadata"]
    return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"


def _annotations(pod):
    return pod["metadata"].get("annotations") or {}


def _is_going(pod):
    return bool(pod["metadata"].get("deletionTimestamp"))


def _summary(pod):
    """What of a pod's reported status can change here."""
    status = pod["status"]
    containers = status.get("containerStatuses")
    if not containers:
        return None
    kinds = list(containers[0].get("state", {}))
    return (status.get("phase"), kinds[0] if kinds else None, containers[0]["restartCount"])


def _conditions(ready):
    moment = now()
    values = {"Initialized": True, "Ready": ready, "ContainersReady": ready, "PodScheduled": True}
    return [
        {"type": kind, "status": str(value), "lastTransitionTime": moment}
        for kind, value in values.items()
    ]


def _running():
    return {"running": {"startedAt": now()}}


def _crashed():
    return {"waiting": {"reason": "CrashLoopBackOff", "message": "the process has exited"}}


def _completed():
    moment = now()
    reason = {"exitCode": 0, "reason": "Completed", "startedAt": moment, "finishedAt": moment}
    return {"terminated": reason}
