"""The arithmetic of PodDisruptionBudgets, as the eviction API and the disruption controller do it."""

import math

from . import selectors, times

# An eviction that was granted counts against the budget until its pod is gone, at most so long.
DISRUPTED_SECONDS = 120


def healthy(pod: dict) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def covers(budget: dict, pod: dict) -> bool:
    if budget["metadata"]["namespace"] != pod["metadata"]["namespace"]:
        return False
    selector = budget["spec"].get("selector")
    return selector is not None and selectors.object_matches(selector, pod["metadata"].get("labels"))


def recompute(budget: dict, pods: list, expected_of_owners) -> dict:
    """The budget's status from the pods as they are; `expected_of_owners(pods)` is the number of pods their controllers want."""
    covered = [pod for pod in pods if covers(budget, pod) and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
    names = {pod["metadata"]["name"] for pod in covered if not pod["metadata"].get("deletionTimestamp")}
    disrupted = {
        name: since for name, since in (budget.get("status", {}).get("disruptedPods") or {}).items()
        if name in names and times.seconds_since(since) < DISRUPTED_SECONDS
    }
    current = sum(1 for pod in covered if pod["metadata"]["name"] in names - disrupted.keys() and healthy(pod))
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        expected = expected_of_owners(covered)
        desired = max(0, expected - _scaled(spec["maxUnavailable"], expected))
    else:
        wanted = spec.get("minAvailable", 1)
        # With a plain number the real controller counts the pods that are there; with a percentage it asks their owners.
        expected = expected_of_owners(covered) if isinstance(wanted, str) else len(covered)
        desired = _scaled(wanted, expected)
    allowed = max(0, current - desired) if expected > 0 else 0
    status = {
        "currentHealthy": current, "desiredHealthy": desired, "expectedPods": expected, "disruptionsAllowed": allowed,
        "observedGeneration": budget["metadata"].get("generation", 1),
        "conditions": [{
            "type": "DisruptionAllowed", "status": "True" if allowed else "False", "message": "",
            "reason": "SufficientPods" if allowed else "InsufficientPods",
            "lastTransitionTime": budget["metadata"]["creationTimestamp"],
        }],
    }
    if disrupted:
        status["disruptedPods"] = disrupted
    return status


def _scaled(value, total: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return math.ceil(total * int(value[:-1]) / 100)
    return int(value)


def allowed_text(budget: dict) -> str:
    return str(budget.get("status", {}).get("disruptionsAllowed", 0))
