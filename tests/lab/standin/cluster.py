"""The cluster kind "stand-in": everything around Kubernetes is real (systemd, dnf, etcd, kubectl), Kubernetes itself is ours.

Made without `kubeadm init`: certificates, manifests and objects are written as kubeadm would have left them. Many
masters have one stacked etcd. There is no load balancer: masters talk to their own API server, workers to the first one's.
"""

import io
import json
import sys
import tarfile
import time
from pathlib import Path

from labkit import packages
from labkit.errors import LabError
from standin import pki, programs, repository, workload

sys.path.insert(0, str(programs.SOURCE))
# What the programs in the nodes use too.
from kubestandin import addons, clusterconfig, manifests, versions  # noqa: E402

ADMIN_CONF = "/etc/kubernetes/admin.conf"
KUBECTL = ["/usr/bin/kubectl", f"--kubeconfig={ADMIN_CONF}", "--request-timeout=5s"]
READY_SECONDS = 90
POLL_SECONDS = 0.2
# 1.24 has both, so that what tolerates the old one still finds its place.
MASTER_TAINT, OLD_TAINT = "node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"


def prepare(cache: Path) -> None:
    packages.install(("createrepo-c", "debian-archive-keyring", "openssl", "python3-yaml", "rpm"))
    programs.build(cache)
    repository.build(cache)


def binds(cache: Path) -> list[tuple[str, str, bool]]:
    return [
        (str(repository.folder(cache)), repository.NODE_PATH, True),
        (str(programs.folder(cache)), programs.NODE_PATH, True),
    ]


def create(lab, version: str) -> None:
    if version not in repository.VERSIONS:
        raise LabError(f"there is no stand-in Kubernetes {version}", f"choose --version {', '.join(repository.VERSIONS)}")
    if not lab.masters:
        raise LabError("a cluster needs a control plane", "give --masters 1 or more")
    parsed = versions.parse(version)
    config = clusterconfig.cluster_configuration(parsed, f"{lab.masters[0].ip}:6443")
    with pki.Cluster() as authorities:
        files = {node.name: _files(lab, node, authorities, config) for node in lab.nodes}
    lab.each(lambda node: _install(lab, node, version, files[node.name]))
    _seed(lab, config)
    ready(lab)


def ready(lab) -> None:
    """Waits until every node is Ready since its last boot and every pod runs."""
    deadline = time.monotonic() + READY_SECONDS
    while missing := _missing(lab):
        if time.monotonic() > deadline:
            raise LabError(f"the cluster is not ready after {READY_SECONDS} s: {missing}",
                           "look at `journalctl -u kubelet` and /var/log/pods on the nodes")
        time.sleep(POLL_SECONDS)


def _files(lab, node, authorities, config: dict) -> dict[str, bytes]:
    """The files of a node under their full paths."""
    version = versions.parse(config["kubernetesVersion"])
    own = node.ip if node.is_master else lab.masters[0].ip
    files = authorities.node_files(node, own)
    if node.is_master:
        files |= authorities.master_files(node, version.minor)
        members = ",".join(f"{master.name}=https://{master.ip}:2380" for master in lab.masters)
        for component in ("etcd", *manifests.COMPONENTS):
            document = manifests.manifest(component, config, node.name, node.ip, members)
            files[f"manifests/{component}.yaml"] = manifests.text(document).encode()
    full = {f"/etc/kubernetes/{name}": content for name, content in files.items()}
    if node.is_master:
        full["/root/.kube/config"] = files["admin.conf"]
    full["/var/lib/kubelet/config.yaml"] = manifests.text(clusterconfig.kubelet_configuration()).encode()
    full["/var/lib/kubelet/kubeadm-flags.env"] = f'KUBELET_KUBEADM_ARGS="{clusterconfig.kubelet_flags(version)}"\n'.encode()
    full["/etc/yum.repos.d/kubernetes.repo"] = repository.definition(str(version).removeprefix("v")).encode()
    return full


def _install(lab, node, version: str, files: dict[str, bytes]) -> None:
    """As an operator installs a node: all three packages by name, or the newest ones come along."""
    lab.run(node, ["tar", "-x", "-C", "/"], input=_archive(files))
    release = repository.base_of(version)[1]
    names = [f"{name}-{version}-{release}" for name in ("kubeadm", "kubelet", "kubectl")]
    lab.run(node, ["/usr/bin/dnf", "install", "-y", "-q", "--disableexcludes=kubernetes", *names])
    lab.run(node, ["/usr/bin/systemctl", "enable", "-q", "--now", "kubelet"])


def _archive(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mtime = len(content), int(time.time())
            entry.mode = 0o644 if path.endswith((".crt", ".pub", ".repo", ".env")) or path.startswith("/var") else 0o600
            archive.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


def _seed(lab, config: dict) -> None:
    version = versions.parse(config["kubernetesVersion"])
    repository_of_images = config["imageRepository"]
    objects = workload.namespaces() + [
        workload.config_map("kubeadm-config", {"ClusterConfiguration": manifests.text(config)}),
        workload.config_map(versions.kubelet_configmap(version), {"kubelet": manifests.text(clusterconfig.kubelet_configuration())}),
    ]
    first = lab.masters[0]
    _create_objects(lab, first, objects)
    _wait_for_nodes(lab)
    for master in lab.masters:
        # The role label of versions before 1.24 was "master"; from 1.20 on both were there.
        roles = [name for name, there in (("control-plane", version.minor >= 20), ("master", version.minor < 24)) if there]
        lab.run(first, [*KUBECTL, "label", "--overwrite", "node", master.name, *(f"node-role.kubernetes.io/{role}=" for role in roles)])
        taints = [name for name, there in ((MASTER_TAINT, version.minor >= 24), (OLD_TAINT, version.minor <= 24)) if there]
        lab.run(first, [*KUBECTL, "taint", "--overwrite", "node", master.name, *(f"{taint}:NoSchedule" for taint in taints)])
    _create_objects(lab, first, addons.coredns(repository_of_images, version) + addons.kube_proxy(repository_of_images, version)
                    + workload.application())


def _create_objects(lab, node, objects: list) -> None:
    lab.run(node, [f"{programs.NODE_PATH}/run", "seed"], input=json.dumps(objects).encode())


def _wait_for_nodes(lab) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while missing := {node.name for node in lab.nodes} - {item["metadata"]["name"] for item in _objects(lab, "nodes")}:
        if time.monotonic() > deadline:
            raise LabError(f"these nodes have not registered after {READY_SECONDS} s: {', '.join(sorted(missing))}",
                           "look at `journalctl -u kubelet` on them")
        time.sleep(POLL_SECONDS)


def _missing(lab) -> str:
    """What the cluster still lacks, or nothing."""
    probe = lab.run(lab.masters[0], [*KUBECTL, "get", "--raw=/readyz"], check=False)
    if probe.returncode != 0:
        return "the API server does not answer"
    known = {item["metadata"]["name"]: item["status"] for item in _objects(lab, "nodes")}
    unready = [node.name for node in lab.nodes if not _is_ready(lab, node, known.get(node.name))]
    if unready:
        return f"not Ready: {', '.join(unready)}"
    short = [f"{item['kind']} {item['metadata']['name']}" for item in _objects(lab, "deployments,daemonsets") if not _is_complete(item)]
    return f"not complete: {', '.join(short)}" if short else ""


def _is_ready(lab, node, status) -> bool:
    """Ready, and said so since the node was booted: what etcd remembers may be older."""
    if not status or "conditions" not in status:
        return False
    boot = lab.run(node, ["cat", "/proc/sys/kernel/random/boot_id"]).stdout.decode().strip()
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    return conditions.get("Ready") == "True" and status["nodeInfo"]["bootID"] == boot


def _is_complete(item: dict) -> bool:
    status = item.get("status", {})
    if item["kind"] == "DaemonSet":
        return status.get("numberReady", -1) == status.get("desiredNumberScheduled")
    return status.get("readyReplicas", -1) >= item["spec"]["replicas"]


def _objects(lab, kinds: str) -> list[dict]:
    shown = lab.run(lab.masters[0], [*KUBECTL, "get", kinds, "--all-namespaces", "-o", "json"], check=False)
    # The API server may go away between two questions; then nothing is ready.
    return json.loads(shown.stdout)["items"] if shown.returncode == 0 else []
