"""What a test may set for all nodes at once: /srv/lab/standin.json (absent: the defaults). Read at each use."""

import json

FILE = "/srv/lab/standin.json"

DEFAULTS = {
    # How long kubeadm dwells on each component beyond the real waiting, in seconds.
    "step_seconds": 0.1,
    # A node without heartbeat for so long is marked NotReady. The real default is 40 s, too long for tests.
    "node_grace_seconds": 6.0,
    # How long a deleted pod takes to go, at most (the pod's own grace period may be shorter).
    "pod_grace_seconds": 0.3,
    # How long kubeadm waits for one component. The real one waits 5 minutes.
    "upgrade_manifest_timeout_seconds": 300,
    # How long the job of kubeadm's health check may take.
    "health_check_timeout_seconds": 15,
    # What the nodes report as their container runtime (a kubelet with the dockershim says docker://20.10.24).
    "container_runtime": "containerd://2.1.4",
}


def get(name: str):
    try:
        with open(FILE, encoding="utf-8") as file:
            chosen = json.load(file)
    except (OSError, ValueError):
        chosen = {}
    return chosen.get(name, DEFAULTS[name])
