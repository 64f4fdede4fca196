"""The real cluster, upgraded by hand: /usr/bin/python3 tests/lab/test_real.py (as root).

Skipped unless the Kubernetes programs are in the cache (`lab setup --cluster real` puts them
there) or KRUN_TEST_REAL=1 asks for building them.
"""

import json
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from labkit.cache import default_cache  # noqa: E402 (the path comes first)
from real import binaries  # noqa: E402

NAME = f"test-real-{os.getpid()}"
UP_SECONDS = 3 * 3600  # it may have to build Kubernetes
COMMAND_SECONDS = 300
OLD, NEW = binaries.VERSIONS


def lab(command: str, *arguments: str, check: bool = True, timeout: int = COMMAND_SECONDS) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [HERE / "lab", command, "--name", NAME, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"lab {command} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def on(node: str, script: str, check: bool = True) -> str:
    done = lab("run", node, "--", "sh", "-c", script, check=check)
    return (done.stdout + done.stderr).strip()


def nodes() -> dict[str, tuple[str, bool]]:
    """Node -> (kubelet version, whether it is Ready and takes pods)."""
    found = {}
    for item in json.loads(on("m1", "kubectl get nodes -o json"))["items"]:
        conditions = {entry["type"]: entry["status"] for entry in item["status"]["conditions"]}
        usable = conditions["Ready"] == "True" and not item["spec"].get("unschedulable")
        found[item["metadata"]["name"]] = (item["status"]["nodeInfo"]["kubeletVersion"], usable)
    return found


def cluster_version() -> str:
    """What kubeadm takes for the cluster's version."""
    stored = on("m1", "kubectl get configmap kubeadm-config -n kube-system -o jsonpath='{.data.ClusterConfiguration}'")
    (version,) = [line.split()[1] for line in stored.splitlines() if line.startswith("kubernetesVersion:")]
    return version


def server_version() -> str:
    return json.loads(on("m1", "kubectl version -o json"))["serverVersion"]["gitVersion"]


def wait_for(condition, what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.2)


@unittest.skipUnless(os.geteuid() == 0, "the lab needs root")
@unittest.skipUnless(
    binaries.are_built(default_cache()) or os.environ.get("KRUN_TEST_REAL") == "1",
    "the real Kubernetes is not built: `tests/lab/lab setup --cluster real` or KRUN_TEST_REAL=1 does that",
)
class RealCluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(lab, "clean")
        lab("up", "--cluster", "real", "--version", OLD, "--masters", "1", "--workers", "2", timeout=UP_SECONDS)

    def setUp(self):
        if any(node != (f"v{OLD}", True) for node in nodes().values()) or cluster_version() != f"v{OLD}":
            lab("reset")

    def install(self, node: str, *programs: str):
        names = " ".join(f"{program}-{NEW}" for program in programs)
        on(node, f"yum install -y -q {names} --disableexcludes=kubernetes")

    def test_a_new_cluster_is_ready_and_has_work(self):
        self.assertEqual(nodes(), {name: (f"v{OLD}", True) for name in ("m1", "w1", "w2")})
        self.assertEqual(server_version(), f"v{OLD}")
        budgets = json.loads(on("m1", "kubectl get pdb web -o json"))
        self.assertEqual(budgets["status"]["disruptionsAllowed"], 1)

    def test_upgrade_of_the_control_plane_and_a_worker(self):
        refusal = on("m1", f"kubeadm upgrade apply v{NEW} -y", check=False)
        self.assertIn(f'Specified version to upgrade to "v{NEW}" is higher than the kubeadm version "v{OLD}"', refusal)
        self.install("m1", "kubeadm")
        plan = on("m1", f"kubeadm upgrade plan v{NEW}")
        self.assertRegex(plan, rf"kube-apiserver +v{OLD} +v{NEW}")
        self.assertRegex(plan, rf"kubelet +3 x v{OLD} +v{NEW}")
        applied = on("m1", f"kubeadm upgrade apply v{NEW} -y")
        self.assertIn(f'[upgrade/successful] SUCCESS! Your cluster was upgraded to "v{NEW}". Enjoy!', applied)
        self.assertEqual((cluster_version(), server_version()), (f"v{NEW}", f"v{NEW}"))
        self.assertEqual(nodes()["m1"][0], f"v{OLD}", "apply leaves the kubelet alone")

        self.install("w1", "kubeadm")
        self.assertIn("The configuration for this node was successfully updated!", on("w1", "kubeadm upgrade node"))
        on("m1", "kubectl drain w1 --ignore-daemonsets --delete-emptydir-data --timeout=60s")
        left = on("m1", "kubectl get pods --field-selector spec.nodeName=w1 -o name")
        self.assertEqual(left, "", "the pods of the deployment are elsewhere")
        self.install("w1", "kubelet", "kubectl")
        self.assertEqual(nodes()["w1"], (f"v{OLD}", False), "a new package shows after a restart only")
        on("w1", "systemctl daemon-reload && systemctl restart kubelet")
        on("m1", "kubectl uncordon w1")
        wait_for(lambda: nodes()["w1"] == (f"v{NEW}", True), "w1 at the new version")
        self.assertEqual(nodes()["w2"], (f"v{OLD}", True))

    def test_a_drain_waits_for_the_disruption_budget(self):
        on("m1", """kubectl patch pdb web --type merge --patch '{"spec": {"minAvailable": 2}}'""")
        blocked = on("m1", "kubectl drain w1 --ignore-daemonsets --delete-emptydir-data --timeout=1s", check=False)
        self.assertIn("Cannot evict pod as it would violate the pod's disruption budget.", blocked)
        self.assertIn("global timeout reached: 1s", blocked)

    def test_a_power_cut_during_apply_is_made_good_by_a_second_apply(self):
        self.install("m1", "kubeadm")
        manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
        script = f"kubeadm upgrade apply v{NEW} -y >/root/apply.log 2>&1 & until grep -q :v{NEW} {manifest}; do sleep 0.1; done"
        on("m1", f"{script}; sync")
        lab("kill", "m1")
        lab("boot", "m1")
        wait_for(lambda: on("m1", "kubectl get --raw=/readyz", check=False) == "ok", "the API server")
        self.assertEqual((cluster_version(), server_version()), (f"v{OLD}", f"v{NEW}"), "half done")
        self.assertIn("SUCCESS!", on("m1", f"kubeadm upgrade apply v{NEW} -y"))
        self.assertEqual(cluster_version(), f"v{NEW}")

    def test_static_pods_follow_their_manifests_and_outlive_the_kubelet(self):
        scheduler = "pgrep -x kube-scheduler"
        before = on("m1", scheduler)
        on("m1", "systemctl restart kubelet")
        on("m1", "mv /etc/kubernetes/manifests/kube-controller-manager.yaml /root/")
        wait_for(lambda: on("m1", "pgrep -f ^/opt/k8s/.*/kube-controller-manager", check=False) == "", "its end")
        self.assertEqual(on("m1", scheduler), before, "the kubelet took over what ran")
        on("m1", "mv /root/kube-controller-manager.yaml /etc/kubernetes/manifests/")
        wait_for(lambda: on("m1", "pgrep -f ^/opt/k8s/.*/kube-controller-manager", check=False) != "", "its return")


if __name__ == "__main__":
    unittest.main()
