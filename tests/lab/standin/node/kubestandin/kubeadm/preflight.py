"""The checks before an upgrade: root, a Job that runs, Ready control planes, static pod manifests."""

import os
import random
import string
import sys
import time

from .. import faults, manifests, settings, times, versions
from ..client import Client, Refused, Unreachable
from .context import NAMESPACE
from .failure import PreflightFailure

POLL_SECONDS = 0.2


def run(checks: list, ignored: set, prefix: str = "") -> None:
    """`checks` are pairs of name and function, which returns what is wrong; ignored ones only warn."""
    errors = []
    for name, check in checks:
        problem = check()
        if problem and not {name.lower(), "all"} & ignored:
            errors.append((name, problem))
        elif problem:
            print(f"\t[WARNING {name}]: {problem}", file=sys.stderr)
    if errors:
        raise PreflightFailure(errors, prefix)


def ignored_of(flags: dict) -> set:
    return {name.strip().lower() for name in flags.get("ignore-preflight-errors", "").split(",") if name.strip()}


def check_root(ignored: set) -> None:
    run([("IsPrivilegedUser", lambda: "" if os.geteuid() == 0 else "user is not running as root")], ignored)


def check_health(client: Client, version: versions.Version, ignored: set) -> None:
    print("[upgrade] Running cluster health checks")
    checks = [
        ("CreateJob", lambda: _create_job(client, version)),
        ("ControlPlaneNodesReady", lambda: _masters_ready(client)),
        ("StaticPodManifest", _static_pod_manifests),
    ]
    run(checks, ignored, "[upgrade/health] FATAL: ")


def _create_job(client: Client, version: versions.Version) -> str:
    """A Job in kube-system has to complete in 15 s; a cluster without a schedulable node fails here, as it really does."""
    name = "upgrade-health-check"
    if version.minor >= 29:
        # Named anew each time since then, so that a left-over one does not disturb.
        name += "-" + "".join(random.choices(string.ascii_lowercase, k=5))
    timeout = settings.get("health_check_timeout_seconds")
    problem = f'Job "{name}" in the namespace "{NAMESPACE}" did not complete in {times.go_duration(timeout)}: no condition of type Complete'
    if faults.handed("health-check-timeout"):
        return problem
    try:
        client.delete("Job", name, NAMESPACE)
        client.create(_job(name), NAMESPACE)
        try:
            return "" if _completes(client, name, timeout) else problem
        finally:
            client.delete("Job", name, NAMESPACE)
    except (Refused, Unreachable) as error:
        return f'could not create Job "{name}" in the namespace "{NAMESPACE}": {error}'


def _completes(client: Client, name: str, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        job = client.get("Job", name, NAMESPACE)
        if any(condition["type"] == "Complete" for condition in job.get("status", {}).get("conditions", [])):
            return True
        time.sleep(POLL_SECONDS)
    return False


def _job(name: str) -> dict:
    tolerations = [{"key": f"node-role.kubernetes.io/{role}", "operator": "Exists", "effect": "NoSchedule"} for role in ("master", "control-plane")]
    pod = {"restartPolicy": "Never", "tolerations": tolerations, "containers": [{"name": name, "image": "pause", "args": ["-v"]}]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}


def _masters_ready(client: Client) -> str:
    missing = []
    for node in client.list("Node"):
        labels = node["metadata"].get("labels", {})
        if not any(f"node-role.kubernetes.io/{role}" in labels for role in ("control-plane", "master")):
            continue
        conditions = node.get("status", {}).get("conditions", [])
        if any(c["type"] == "Ready" and c["status"] != "True" for c in conditions):
            missing.append(node["metadata"]["name"])
    return f"there are NotReady control-planes in the cluster: [{' '.join(missing)}]" if missing else ""


def _static_pod_manifests() -> str:
    paths = [f"{manifests.MANIFESTS}/{component}.yaml" for component in manifests.COMPONENTS]
    missing = [path for path in paths if not os.path.exists(path)]
    if not missing:
        return ""
    return (
        "The control plane seems to be Static Pod-hosted, but some of the manifests don't seem to exist on disk. This probably means "
        "you're running 'kubeadm upgrade' on a remote machine, which is not supported for a Static Pod-hosted cluster. "
        f"Manifest files not found: [{' '.join(missing)}]"
    )
