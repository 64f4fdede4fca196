"""The cluster kind "real": kubeadm init and kubeadm join on the nodes of a lab.

Real are kubeadm, kubectl, the API server, the controller manager, the scheduler and
etcd. Ours is the kubelet: it runs static pods as processes, and all other pods only
in name, so there are no containers, no kube-proxy and no pod network.
"""

import json
import time
from datetime import datetime, timezone
from pathlib import Path

from labkit import packages
from labkit.errors import LabError
from real import binaries, repository

TOKEN = "abcdef.0123456789abcdef"
CERTIFICATE_KEY = "0123456789abcdef" * 4
CRI_SOCKET = "/run/containerd/containerd.sock"
# kubeadm's checks look for swap, control groups, images and kernel modules, which a node
# without containers has no use for; they are skipped only where a cluster is made.
SKIP_CHECKS = "--ignore-preflight-errors=all"
ADMIN_CONF = "/etc/kubernetes/admin.conf"
KUBECTL = ["/usr/bin/kubectl", f"--kubeconfig={ADMIN_CONF}", "--request-timeout=5s"]
KUBEADM = "/usr/bin/kubeadm"
SAMPLE = Path(__file__).resolve().parent / "sample-workload.yaml"

INIT_SECONDS = 300
JOIN_SECONDS = 300
READY_SECONDS = 180
POLL_SECONDS = 0.25
LEADERS = ("kube-controller-manager", "kube-scheduler")
STALE_LEASE_SECONDS = 5  # a leader renews its lease every 2 seconds


def prepare(cache: Path) -> None:
    packages.install(("createrepo-c", "debian-archive-keyring", "rpm"))
    binaries.build(cache)
    repository.build(cache)


def binds(cache: Path) -> list[tuple[str, str, bool]]:
    return [
        (str(repository.folder(cache)), repository.NODE_PATH, True),
        (str(binaries.folder(cache)), "/opt/k8s", True),  # the kubelet's "images"
    ]


def create(lab, version: str) -> None:
    if version not in binaries.VERSIONS:
        raise LabError(
            f"there is no real Kubernetes {version} in this lab",
            f"choose --version {' or '.join(binaries.VERSIONS)}, or --cluster stand-in",
        )
    if not lab.masters:
        raise LabError("a cluster needs a control plane", "give --masters 1 or more")
    lab.each(lambda node: _install(lab, node, version))
    first = lab.masters[0]
    _init(lab, first, version)
    # Workers may join at once, control planes only one after another: each one adds a
    # member to etcd, and etcd takes the next only when it has caught up.
    for node in lab.masters[1:]:
        _join(lab, node, control_plane=True)
    lab.each(lambda node: _join(lab, node, control_plane=False), lab.workers)
    _deploy_sample(lab)
    ready(lab)


def ready(lab) -> None:
    """Waits until every node is Ready and every pod that has a node runs."""
    deadline = time.monotonic() + READY_SECONDS
    while missing := _not_ready(lab):
        if time.monotonic() > deadline:
            raise LabError(
                f"the cluster is not ready after {READY_SECONDS} s: {missing}",
                "look at `journalctl -u kubelet` and /var/log/pods on the nodes",
            )
        time.sleep(POLL_SECONDS)


def _install(lab, node, version: str) -> None:
    """As an operator installs a node: all three packages by name, or the newest ones come along."""
    definition = repository.DEFINITION.encode()
    lab.run(node, ["tee", "/etc/yum.repos.d/kubernetes.repo"], input=definition)
    names = [f"{name}-{version}" for name in ("kubeadm", "kubelet", "kubectl")]
    lab.run(node, ["/usr/bin/dnf", "install", "-y", "-q", "--disableexcludes=kubernetes", *names])
    lab.run(node, ["/usr/bin/systemctl", "enable", "-q", "kubelet"])


def _init(lab, node, version: str) -> None:
    configuration = _init_configuration(node, version).encode()
    lab.run(node, ["tee", "/root/kubeadm-init.yaml"], input=configuration)
    command = [KUBEADM, "init", "--config", "/root/kubeadm-init.yaml", "--upload-certs", SKIP_CHECKS]
    lab.run(node, command, timeout=INIT_SECONDS)
    _give_root_a_kubeconfig(lab, node)


def _init_configuration(node, version: str) -> str:
    """Without a pod subnet, which nothing here would use: handing it out to the nodes keeps
    a starting controller manager busy for ten seconds."""
    return f"""\
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
bootstrapTokens:
- token: {TOKEN}
  ttl: 24h0m0s
  usages: [signing, authentication]
  groups: [system:bootstrappers:kubeadm:default-node-token]
certificateKey: {CERTIFICATE_KEY}
localAPIEndpoint:
  advertiseAddress: {node.ip}
  bindPort: 6443
nodeRegistration:
  name: {node.name}
  criSocket: {CRI_SOCKET}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v{version}
controlPlaneEndpoint: {node.ip}:6443
"""


def _join(lab, node, control_plane: bool) -> None:
    command = [KUBEADM, "join", f"{lab.masters[0].ip}:6443", "--token", TOKEN]
    command += ["--discovery-token-unsafe-skip-ca-verification", SKIP_CHECKS]
    command += ["--cri-socket", CRI_SOCKET, "--node-name", node.name]
    if control_plane:
        command += ["--control-plane", "--certificate-key", CERTIFICATE_KEY]
        command += ["--apiserver-advertise-address", node.ip]
    lab.run(node, command, timeout=JOIN_SECONDS)
    if control_plane:
        _give_root_a_kubeconfig(lab, node)


def _give_root_a_kubeconfig(lab, node) -> None:
    lab.run(node, ["install", "-D", "-m", "600", ADMIN_CONF, "/root/.kube/config"])


def _deploy_sample(lab) -> None:
    lab.run(lab.masters[0], [*KUBECTL, "apply", "-f", "-"], input=SAMPLE.read_bytes())


def _not_ready(lab) -> str:
    """What the cluster still lacks, or nothing."""
    probe = lab.run(lab.masters[0], [*KUBECTL, "get", "--raw=/readyz"], check=False)
    if probe.returncode != 0:
        return "the API server does not answer"
    known = {item["metadata"]["name"]: item["status"] for item in _objects(lab, "nodes")}
    missing = [node.name for node in lab.nodes if not _is_ready(lab, node, known.get(node.name))]
    if missing:
        return f"not Ready: {', '.join(missing)}"
    waiting = [item["metadata"]["name"] for item in _objects(lab, "pods") if item["status"]["phase"] == "Pending"]
    if waiting:
        return f"pending pods: {', '.join(sorted(waiting))}"
    idle = _leaderless(lab)
    if idle:
        return f"no leader: {', '.join(idle)}"
    return ""


def _is_ready(lab, node, status) -> bool:
    """Ready, and said so since the node was booted: what etcd remembers may be older."""
    if not status:
        return False
    boot = lab.run(node, ["cat", "/proc/sys/kernel/random/boot_id"]).stdout.decode().strip()
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    return conditions.get("Ready") == "True" and status["nodeInfo"]["bootID"] == boot


def _leaderless(lab) -> list[str]:
    """The components that no process works for, though they run.

    A fresh process leads only 15 seconds after its predecessor's last sign of life. Until
    then no job is started, and kubeadm's health check, which is a job, may fail. A lease
    that nobody renews belongs to a process from before the nodes were booted: without
    it, the next one takes over at once.
    """
    leases = {item["metadata"]["name"]: item["spec"] for item in _objects(lab, "leases", "kube-system")}
    idle = []
    for component in LEADERS:
        lease = leases.get(component)
        if lease is None:
            idle.append(component)
        elif _age(lease["renewTime"]) > STALE_LEASE_SECONDS:
            idle.append(component)
            lab.run(lab.masters[0], [*KUBECTL, "delete", "lease", component, "-n", "kube-system"], check=False)
    return idle


def _age(moment: str) -> float:
    written = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return (datetime.now(timezone.utc) - written).total_seconds()


def _objects(lab, kind: str, namespace: str = "") -> list[dict]:
    where = f"--namespace={namespace}" if namespace else "--all-namespaces"
    command = [*KUBECTL, "get", kind, where, "-o", "json"]
    shown = lab.run(lab.masters[0], command, check=False)
    # The API server may go away between two questions; then nothing is ready.
    return json.loads(shown.stdout)["items"] if shown.returncode == 0 else []
