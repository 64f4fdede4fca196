"""The stand-in cluster, tested on real nodes: /usr/bin/python3 tests/lab/test_standin.py (as root).

A lab of its own name is made and removed; labs that happen to be up are not touched.
"""

import json
import os
import subprocess
import time
import unittest
from pathlib import Path

LAB = Path(__file__).resolve().parent / "lab"
NAME = f"standin-{os.getpid()}"
STATE = Path(os.environ.get("KRUN_LAB_STATE") or "/var/lib/krun-lab") / NAME
TIMEOUT = 300  # the first call may build the base image and the packages
ETCDCTL = (
    "ETCDCTL_API=3 etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt "
    "--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key"
)
MANIFESTS = "/etc/kubernetes/manifests"


def lab(*arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    command, *rest = arguments
    done = subprocess.run(
        [LAB, command, "--name", NAME, *rest], capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
    )
    if check and done.returncode != 0:
        raise AssertionError(f"lab {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def run(node: str, script: str) -> str:
    return lab("run", node, "--", "sh", "-c", script).stdout.strip()


def fails(node: str, script: str) -> str:
    """Runs what must fail; returns all that it said."""
    done = lab("run", node, "--", "sh", "-c", script, check=False)
    if done.returncode == 0:
        raise AssertionError(f"`{script}` on {node} did not fail:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def get(kind: str, name: str, namespace: str = "default") -> dict:
    return json.loads(run("m1", f"kubectl get -n {namespace} {kind} {name} -o json"))


def node_lines() -> dict:
    """Node -> (status, version) of kubectl get nodes."""
    lines = [line.split() for line in run("m1", "kubectl get nodes --no-headers").splitlines()]
    return {words[0]: (words[1], words[4]) for words in lines}


def wait_until(condition, what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.1)


def install(node: str, *packages: str) -> None:
    run(node, f"dnf install -y -q --disableexcludes=kubernetes {' '.join(packages)}")


def set_faults(*faults: dict) -> None:
    file = STATE / "shared" / "faults.json"
    file.write_text(json.dumps(faults))
    # Any user's call counts them down.
    file.chmod(0o666)


def create_config_map(name: str) -> str:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}
    return f"echo '{json.dumps(document)}' | kubectl apply -f -"


def api_image() -> str:
    return run("m1", f"sed -n 's/.*image: //p' {MANIFESTS}/kube-apiserver.yaml")


def hop(node: str, version: str, repository: str) -> str:
    """Brings a node to a version, as an operator does it by hand; what kubeadm said."""
    run(node, f"sed -i 's#^baseurl=.*#baseurl=file:///srv/repo/{repository}/#' /etc/yum.repos.d/kubernetes.repo")
    install(node, f"kubeadm-{version}")
    said = run(node, f"kubeadm upgrade apply v{version} -y" if node == "m1" else "kubeadm upgrade node")
    install(node, f"kubelet-{version}", f"kubectl-{version}")
    run(node, "systemctl daemon-reload && systemctl restart kubelet")
    return said


def come_to(version: str, *nodes: str) -> None:
    wait_until(lambda: all(node_lines()[node] == ("Ready", f"v{version}") for node in nodes), f"{nodes} are at {version}")


class Versions(unittest.TestCase):
    """What differs between the minors, on clusters that are taken through them."""

    def tearDown(self):
        lab("clean")

    def test_1_from_before_the_dockershim_went_to_after(self):
        lab("up", "--cluster", "stand-in", "--version", "1.23.17", "--masters", "1", "--workers", "1")
        self.assertIn("docker://", run("m1", "kubectl get node m1 -o wide"))
        self.assertEqual(self._master(), ({"master", "control-plane"}, {"master"}))
        self.assertIn("Removing the deprecated label", hop("m1", "1.24.17", "legacy"))
        wait_until(lambda: "unknown flag: --network-plugin" in run("m1", "journalctl -u kubelet"), "the kubelet refuses the flag")
        self.assertEqual(self._master(), ({"control-plane"}, {"control-plane", "master"}))
        run("m1", "sed -i 's/--network-plugin=cni //' /var/lib/kubelet/kubeadm-flags.env")
        come_to("1.24.17", "m1")
        self.assertIn("containerd://", run("m1", "kubectl get node m1 -o wide"))
        # kubeadm refuses to go on while a kubelet is two minors behind.
        run("w1", "sed -i 's/--network-plugin=cni //' /var/lib/kubelet/kubeadm-flags.env")
        hop("w1", "1.24.17", "legacy")
        come_to("1.24.17", "w1")
        hop("m1", "1.25.16", "legacy")
        self.assertEqual(self._master(), ({"control-plane"}, {"control-plane"}))
        maps = run("m1", "kubectl -n kube-system get configmaps -o name")
        self.assertIn("configmap/kubelet-config\n", maps + "\n")
        self.assertIn("configmap/kubelet-config-1.23", maps)
        self.assertNotIn("configmap/kubelet-config-1.24", maps)

    def _master(self) -> tuple:
        """The names of its roles and those of its taints."""
        node = get("node", "m1")
        prefix = "node-role.kubernetes.io/"
        roles = {label.removeprefix(prefix) for label in node["metadata"]["labels"] if label.startswith(prefix)}
        return roles, {taint["key"].removeprefix(prefix) for taint in node["spec"].get("taints", []) if taint["key"].startswith(prefix)}

    def test_2_to_the_newest(self):
        lab("up", "--cluster", "stand-in", "--version", "1.33.5", "--masters", "1", "--workers", "1")
        for version in ("1.34.2", "1.35.0", "1.36.0"):
            said = hop("m1", version, f"v{version.rpartition('.')[0]}/rpm")
            self.assertIn(f'SUCCESS! A control plane node of your cluster was upgraded to "v{version}".', said)
            come_to(version, "m1")
            self.assertEqual(json.loads(run("m1", "kubectl get --raw=/version"))["gitVersion"], f"v{version}")
        # A kubelet may be three minors behind.
        self.assertIn("[upgrade/control-plane] Skipping phase. Not a control plane node.", hop("w1", "1.36.0", "v1.36/rpm"))
        come_to("1.36.0", "w1")
        self.assertIn("image: registry.k8s.io/etcd:3.6.8-0", run("m1", f"cat {MANIFESTS}/etcd.yaml"))
        self.assertNotIn("pod-infra", run("w1", "cat /var/lib/kubelet/kubeadm-flags.env"), "gone since 1.35")
        self.assertIn("is deprecated in v1.33+", run("m1", "kubectl get endpoints 2>&1"))
        config = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\napply: {certificateRenewal: false}\n"
        run("m1", f"printf '{config}' >/root/upgrade.yaml")
        mixed = fails("m1", "kubeadm upgrade apply v1.36.0 -y --config /root/upgrade.yaml --patches /root --force")
        self.assertIn("can not mix '--config' with arguments [force patches]", mixed)
        run("m1", f"sed -i 's/v1.36.0/v1.35.0/' {MANIFESTS}/kube-scheduler.yaml")
        applied = run("m1", "kubeadm upgrade apply v1.36.0 -y --config /root/upgrade.yaml")
        self.assertIn('Component "kube-scheduler" upgraded successfully!', applied)
        self.assertNotIn("Renewing", applied)

    def test_3_every_api_server_is_listed(self):
        lab("up", "--cluster", "stand-in", "--version", "1.28.0", "--masters", "3", "--workers", "1")
        listed = lambda: [(a["ip"], s["ports"][0]["name"], s["ports"][0]["port"])
                          for s in get("endpoints", "kubernetes")["subsets"] for a in s["addresses"]]
        wait_until(lambda: listed() == [(f"10.77.0.1{number}", "https", 6443) for number in (1, 2, 3)], "all three are listed")
        run("m2", f"mv {MANIFESTS}/kube-apiserver.yaml /root")
        wait_until(lambda: len(listed()) == 2, "the second has taken itself away")
        run("m2", f"mv /root/kube-apiserver.yaml {MANIFESTS}")
        wait_until(lambda: len(listed()) == 3, "the second is back")
        self._two_writers_of_a_lease()
        lab("kill", "m3")
        wait_until(lambda: len(listed()) == 2, "the third has not renewed its lease", 40)

    def _two_writers_of_a_lease(self) -> None:
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock", "namespace": "kube-system"},
                 "spec": {"holderIdentity": "one", "leaseDurationSeconds": 30, "renewTime": "2026-01-01T00:00:00.000000Z"}}
        write = lambda verb, document: f"echo '{json.dumps(document)}' | kubectl {verb} -f -"
        run("m1", write("create", lease))
        again = fails("m1", write("create", lease))
        self.assertIn('Error from server (AlreadyExists): error when creating "STDIN": leases.coordination.k8s.io "lock" already exists', again)
        read = get("lease", "lock", "kube-system")
        read["spec"]["holderIdentity"] = "two"
        run("m1", write("replace", read))
        late = fails("m1", write("replace", read))
        self.assertIn("Error from server (Conflict): error when replacing", late)
        self.assertIn("the object has been modified; please apply your changes to the latest version and try again", late)
        self.assertEqual(get("lease", "lock", "kube-system")["spec"]["holderIdentity"], "two")
        run("m1", "kubectl -n kube-system delete lease lock")
        self.assertIn("NotFound", fails("m1", write("replace", read)))


class StandIn(unittest.TestCase):
    # A cluster that is made anew for each test costs too much: the tests run in the order of their numbers, each leaves the cluster
    # whole, and up to number 7 it stays at 1.28.0.

    @classmethod
    def setUpClass(cls):
        lab("up", "--cluster", "stand-in", "--version", "1.28.0", "--masters", "1", "--workers", "2")

    @classmethod
    def tearDownClass(cls):
        lab("clean")

    def setUp(self):
        set_faults()

    def test_1_a_fresh_cluster_is_ready(self):
        self.assertEqual(node_lines(), {name: ("Ready", "v1.28.0") for name in ("m1", "w1", "w2")})
        self.assertEqual(run("m1", "kubeadm version -o short"), "v1.28.0")
        self.assertEqual(run("m1", "kubectl get --raw=/readyz"), "ok")
        self.assertIn("Server Version: v1.28.0", run("m1", "kubectl version"))
        self.assertEqual(run("m1", "kubectl auth can-i '*' nodes"), "yes")
        self.assertIn("is healthy", run("m1", f"{ETCDCTL} endpoint health 2>&1"))
        self.assertEqual(run("m1", "curl -s http://127.0.0.1:10248/healthz"), "ok")
        self.assertEqual(run("m1", "rpm -q kubeadm"), "kubeadm-1.28.0-0.noarch")
        self.assertEqual(get("pdb", "web")["status"]["disruptionsAllowed"], 1)

    def test_2_kubeadm_refuses_what_the_real_one_refuses(self):
        newer = fails("m1", "kubeadm upgrade apply v1.28.2 -y")
        self.assertIn('Specified version to upgrade to "v1.28.2" is higher than the kubeadm version "v1.28.0"', newer)
        self.assertIn("To see the stack trace of this error execute with --v=5 or higher", newer)
        self.assertIn("at least one minor release higher than the kubeadm minor release (29 > 28)", fails("m1", "kubeadm upgrade apply v1.29.0 -y --force"))
        self.assertIn("kubeadm can upgrade only 1 minor version at a time", fails("m1", "kubeadm upgrade apply v1.30.0 -y"))
        self.assertIn("too low; kubeadm can downgrade only 1 minor version", fails("m1", "kubeadm upgrade apply v1.26.0 -y"))
        self.assertIn("won't proceed; the user didn't answer", fails("m1", "kubeadm upgrade apply v1.28.0 </dev/null"))
        self.assertIn("open /etc/kubernetes/admin.conf: no such file", fails("w1", "kubeadm upgrade apply v1.28.0 -y"))
        self.assertIn("permission denied", fails("m1", "setpriv --reuid=ops --clear-groups kubeadm upgrade apply v1.28.0 -y"))
        self.assertIn('invalid subcommand: "view"', fails("m1", "kubeadm config view"))
        self.assertIn("unknown flag: --nope", fails("m1", "kubeadm upgrade apply v1.28.0 --nope"))
        # A kubelet's login is no administrator's.
        # (kubectl cordon says so and yet ends with 0.)
        self.assertIn("forbidden", run("w1", "kubectl --kubeconfig=/etc/kubernetes/kubelet.conf cordon w2 2>&1"))

    def test_3_refuses_a_control_plane_that_is_not_whole(self):
        run("m1", f"mv {MANIFESTS}/kube-scheduler.yaml /root")
        try:
            self.assertIn("[ERROR StaticPodManifest]", fails("m1", "kubeadm upgrade plan"))
        finally:
            run("m1", f"mv /root/kube-scheduler.yaml {MANIFESTS}")
        set_faults({"program": "kubeadm", "match": "^upgrade plan", "action": "health-check-timeout"})
        self.assertIn("[ERROR CreateJob]", fails("m1", "kubeadm upgrade plan"))
        set_faults({"program": "kubeadm", "match": "^version", "action": "lie-version", "version": "1.28.9"})
        self.assertEqual(run("m1", "kubeadm version -o short"), "v1.28.9")

    def test_4_silence_makes_a_node_not_ready(self):
        lab("cut", "w2")
        wait_until(lambda: node_lines()["w2"][0] == "NotReady", "w2 is NotReady")
        lab("heal", "w2")
        wait_until(lambda: node_lines()["w2"][0] == "Ready", "w2 is Ready again")

    def test_5_a_disruption_budget_blocks_a_drain(self):
        set_faults({"program": "kube-apiserver", "match": "eviction default/scratch", "action": "refuse-eviction", "times": -1})
        where = run("m1", "kubectl get pods -l app=scratch -o jsonpath='{.items[0].spec.nodeName}'")
        refused = fails("m1", f"kubectl drain {where} --ignore-daemonsets --delete-emptydir-data --timeout=2s")
        self.assertIn("will retry after 5s", refused)
        run("m1", f"kubectl uncordon {where}")
        set_faults()
        run("m1", """kubectl patch pdb web --type merge -p '{"spec":{"minAvailable":2}}'""")
        blocked = fails("m1", "kubectl drain w1 w2 --ignore-daemonsets --delete-emptydir-data --timeout=6s")
        self.assertIn("Cannot evict pod as it would violate the pod's disruption budget", blocked)
        run("m1", """kubectl uncordon w1 w2; kubectl patch pdb web --type merge -p '{"spec":{"minAvailable":1}}'""")
        run("m1", "kubectl drain w1 --ignore-daemonsets --delete-emptydir-data --timeout=30s && kubectl uncordon w1")

    def test_6_a_snapshot_brings_objects_back(self):
        run("m1", create_config_map("precious"))
        run("m1", f"{ETCDCTL} snapshot save /root/snapshot.db")
        run("m1", f"kubectl delete configmap precious; {create_config_map('later')}")
        # Moved away, the manifests stop etcd and the API server.
        run("m1", f"mv {MANIFESTS} {MANIFESTS}.bak")
        wait_until(lambda: not run("m1", "crictl ps -q"), "the static pods have stopped")
        fails("m1", "kubectl get nodes --request-timeout=2s")
        restore = "--name=m1 --initial-cluster=m1=https://10.77.0.11:2380 --initial-advertise-peer-urls=https://10.77.0.11:2380"
        run("m1", f"mv /var/lib/etcd /var/lib/etcd.bak && ETCDCTL_API=3 etcdctl snapshot restore /root/snapshot.db --data-dir=/var/lib/etcd {restore}")
        run("m1", f"mv {MANIFESTS}.bak {MANIFESTS}")
        wait_until(lambda: lab("run", "m1", "--", "kubectl", "get", "--raw=/readyz", check=False).returncode == 0, "the API server is back")
        self.assertEqual(get("configmap", "precious")["data"], {"a": "1"})
        self.assertIn("NotFound", fails("m1", "kubectl get configmap later"))

    def test_7_a_failed_component_is_rolled_back(self):
        install("m1", "kubeadm-1.28.2")
        set_faults({"program": "kubeadm", "match": "^upgrade apply", "action": "rollback", "component": "kube-controller-manager"})
        failed = fails("m1", "kubeadm upgrade apply v1.28.2 -y")
        self.assertIn("[upgrade/apply] FATAL: couldn't upgrade control plane. kubeadm has tried to recover everything", failed)
        self.assertEqual(api_image(), "registry.k8s.io/kube-apiserver:v1.28.0")
        wait_until(lambda: "v1.28.0" in lab("run", "m1", "--", "kubectl", "version", check=False).stdout.partition("Server")[2],
                   "the old API server is back")

    def test_8_power_cut_in_the_middle_of_an_apply(self):
        install("m1", "kubeadm-1.28.2")
        wait_until(lambda: node_lines()["m1"][0] == "Ready", "m1 is Ready")
        run("m1", "systemd-run --quiet --unit=upgrade kubeadm upgrade apply v1.28.2 -y")
        wait_until(lambda: api_image().endswith("v1.28.2"), "the API server's manifest is new")
        lab("kill", "m1")
        lab("boot", "m1")
        wait_until(lambda: lab("run", "m1", "--", "kubectl", "get", "--raw=/readyz", check=False).returncode == 0, "the API server is back")
        config = get("configmap", "kubeadm-config", "kube-system")["data"]["ClusterConfiguration"]
        self.assertIn("kubernetesVersion: v1.28.0", config, "the old version stands until the upgrade is through")
        wait_until(lambda: node_lines()["m1"][0] == "Ready", "m1 is Ready")
        self.assertIn("SUCCESS!", run("m1", "kubeadm upgrade apply v1.28.2 -y"))

    def test_9_upgrade_of_a_master_and_a_worker(self):
        lab("reset")
        install("m1", "kubeadm-1.28.2")
        plan = run("m1", "kubeadm upgrade plan v1.28.2")
        self.assertIn("kubelet     3 x v1.28.0   v1.28.2", plan)
        self.assertIn("\tkubeadm upgrade apply v1.28.2", plan)
        self.assertIn("+    image: registry.k8s.io/kube-apiserver:v1.28.2", run("m1", "kubeadm upgrade diff v1.28.2"))
        run("m1", "kubeadm upgrade apply v1.28.2 -y --dry-run")
        self.assertEqual(api_image(), "registry.k8s.io/kube-apiserver:v1.28.0")
        applied = run("m1", "kubeadm upgrade apply v1.28.2 -y")
        self.assertIn('[upgrade/successful] SUCCESS! Your cluster was upgraded to "v1.28.2". Enjoy!', applied)
        self.assertEqual(api_image(), "registry.k8s.io/kube-apiserver:v1.28.2")
        self.assertIn("kubernetesVersion: v1.28.2", get("configmap", "kubeadm-config", "kube-system")["data"]["ClusterConfiguration"])
        self.assertTrue(run("m1", "ls -d /etc/kubernetes/tmp/kubeadm-backup-etcd-*/member"))
        self.assertIn("up-to-date", run("m1", "kubeadm upgrade plan v1.28.2"))
        self._upgrade_kubelet("m1")
        install("w1", "kubeadm-1.28.2")
        self.assertIn("Skipping phase. Not a control plane node.", run("w1", "kubeadm upgrade node"))
        self.assertIn("cannot delete Pods with local storage", fails("m1", "kubectl drain w1 w2 --ignore-daemonsets --timeout=20s"))
        run("m1", "kubectl uncordon w1 w2")
        self._upgrade_kubelet("w1", "--delete-emptydir-data")
        self.assertEqual(node_lines(), {"m1": ("Ready", "v1.28.2"), "w1": ("Ready", "v1.28.2"), "w2": ("Ready", "v1.28.0")})

    def _upgrade_kubelet(self, node: str, *options: str) -> None:
        run("m1", f"kubectl drain {node} --ignore-daemonsets --timeout=60s {' '.join(options)}")
        self.assertEqual(node_lines()[node], ("Ready,SchedulingDisabled", "v1.28.0"))
        placed = run("m1", f"kubectl get pods -n default --no-headers --field-selector spec.nodeName={node} 2>/dev/null")
        self.assertEqual(placed, "", "nothing of the application is left on a drained node")
        install(node, "kubelet-1.28.2", "kubectl-1.28.2")
        run(node, "systemctl daemon-reload")
        self.assertEqual(node_lines()[node][1], "v1.28.0", "the old kubelet runs until it is restarted")
        run(node, "systemctl restart kubelet")
        wait_until(lambda: node_lines()[node][1] == "v1.28.2", f"{node} reports its new version")
        run("m1", f"kubectl uncordon {node}")


if __name__ == "__main__":
    unittest.main()
