"""The stand-in kube-controller-manager: workloads, node lifecycle, and the status of disruption budgets."""

from . import disruption, loop, workloads
from .client import Client, Refused
from .nodelifecycle import NodeLifecycle

PERIOD_SECONDS = 0.5


def main(arguments: list) -> None:
    lifecycle = NodeLifecycle()

    def act(client: Client) -> None:
        lifecycle.check(client)
        workloads.reconcile(client)
        _budgets(client)

    loop.run("kube-controller-manager", loop.flag(arguments, "kubeconfig"), PERIOD_SECONDS, act)


def _budgets(client: Client) -> None:
    budgets = client.list("PodDisruptionBudget")
    if not budgets:
        return
    pods, sets = client.list("Pod"), {s["metadata"]["uid"]: s for s in client.list("ReplicaSet")}

    def expected(covered: list) -> int:
        owners = {r["uid"] for pod in covered for r in pod["metadata"].get("ownerReferences", []) if r["uid"] in sets}
        return sum(sets[uid]["spec"].get("replicas", 1) for uid in owners)

    for budget in budgets:
        status = disruption.recompute(budget, pods, expected)
        if budget.get("status") != status:
            budget["status"] = status
            metadata = budget["metadata"]
            path = f"/apis/policy/v1/namespaces/{metadata['namespace']}/poddisruptionbudgets/{metadata['name']}/status"
            try:
                client.call("PUT", path, budget)
            except Refused as error:
                # An eviction was charged meanwhile: its status counts, ours is computed again next time.
                if error.code not in (404, 409):
                    raise
