"""The eviction subresource: a deletion that asks the PodDisruptionBudgets first."""

from . import disruption, faults, resources, times
from .problems import ApiError

BUDGETS, PODS = resources.by_kind("PodDisruptionBudget"), resources.by_kind("Pod")
REPLICASETS = resources.by_kind("ReplicaSet")


def evict(store, namespace: str, name: str, options: dict, delete) -> dict:
    """Evicts or raises the 429 of the real API; `delete(dry_run)` is the deletion that follows a grant."""
    pod = store.get(PODS, namespace, name)
    dry_run = bool(options.get("dryRun"))
    if faults.take("kube-apiserver", f"eviction {namespace}/{name}", "refuse-eviction"):
        raise _refusal("The disruption budget injected-fault does not allow evicting pods currently")
    if not _exempt(pod):
        _ask_budgets(store, namespace, name, dry_run)
    delete(dry_run)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _exempt(pod: dict) -> bool:
    """Pods that are finished, not started or already going may always be evicted."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


def _ask_budgets(store, namespace: str, name: str, dry_run: bool) -> None:
    pod = store.get(PODS, namespace, name)
    budgets = [budget for budget in store.list(BUDGETS, namespace)[0] if disruption.covers(budget, pod)]
    if len(budgets) > 1:
        raise ApiError(500, "InternalError", "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")
    for budget in budgets:
        # Written only if nobody else changed the budget meanwhile, so that two evictions cannot both take the last disruption.
        store.update(BUDGETS, namespace, budget["metadata"]["name"], lambda current: _charge(store, current, pod, dry_run))


def _charge(store, budget: dict, pod: dict, dry_run: bool):
    pods, _ = store.list(PODS, pod["metadata"]["namespace"])
    status = disruption.recompute(budget, pods, lambda covered: expected_of_owners(store, covered))
    label, name = budget["metadata"]["name"], pod["metadata"]["name"]
    if not disruption.healthy(pod):
        policy = budget["spec"].get("unhealthyPodEvictionPolicy", "IfHealthyBudget")
        if policy == "AlwaysAllow" or status["currentHealthy"] >= status["desiredHealthy"] > 0:
            return None
    if status["disruptionsAllowed"] < 1:
        needs, has = status["desiredHealthy"], status["currentHealthy"]
        raise _refusal(f"The disruption budget {label} needs {needs} healthy pods and has {has} currently")
    if dry_run:
        return None
    status["disruptionsAllowed"] -= 1
    status.setdefault("disruptedPods", {})[name] = times.now()
    budget["status"] = status
    return budget


def expected_of_owners(store, pods: list) -> int:
    """How many pods the controllers of these pods want."""
    owners = {
        (pod["metadata"]["namespace"], reference["name"])
        for pod in pods for reference in pod["metadata"].get("ownerReferences", [])
        if reference.get("controller") and reference["kind"] == "ReplicaSet"
    }
    total = 0
    for namespace, name in owners:
        try:
            total += store.get(REPLICASETS, namespace, name)["spec"].get("replicas", 1)
        except ApiError:
            continue
    return total


def _refusal(cause: str) -> ApiError:
    details = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    return ApiError(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", details)
