"""What turns running nodes into a cluster: one Python module a kind, found by the name of its folder.

`tests/lab/standin/cluster.py` is the kind "stand-in", `tests/lab/real/cluster.py` the kind "real". Such a
module offers these functions (see `Plugin` below for the exact signatures):

prepare(cache)
    Builds what the kind needs on this machine (packages, repositories, binaries) under the folder `cache`
    and installs the Debian packages it needs for that. Idempotent, and fast when everything is there. Two
    callers may come at once: build in a temporary folder under a lock and rename it when it is whole
    (`labkit.cache.build` does exactly that).

binds(cache)
    What is mounted into every node of such a lab: a list of (host_path, node_path, read_only). It is called
    after prepare(). By agreement the package repositories come to /srv/repo, read-only.

create(lab, version)
    Makes a cluster of Kubernetes `version` (such as "1.28.0") out of the nodes of `lab` (see `labkit.lab.Lab`),
    which run and answer on ssh, and returns when it is ready. It raises `labkit.errors.LabError`
    with a message for the user when it cannot.

ready(lab)
    Returns when the cluster works again after its nodes were booted from their saved ("golden") disks.
    It raises `LabError`, with what is missing, when that takes too long.

What the lab gives (`lab` above):

    lab.name               its name
    lab.masters, .workers  lists of nodes; lab.nodes is both. A node has .name ("m1") and .ip ("10.77.0.11")
    lab.run(node, argv, input=None, check=True, env=None, timeout=120)
                           runs a command as root in a node (not over ssh, so it leaves no login behind) and
                           returns a subprocess.CompletedProcess with stdout and stderr as bytes; with `check` a
                           failure raises LabError that shows the command and its output
    lab.each(function, nodes=None)
                           calls function(node) for all nodes (or those given) at once; returns the results in order
    lab.ctl(argv, input=None, check=True, timeout=120)
                           the same on the controller's side: on this machine, inside the lab's control network
    lab.root(node)         the node's root file system as a path of this machine (only while the node runs)
    lab.shared             folder that every node sees as /srv/lab
    lab.state, lab.cache   the lab's own folder; the cache that all labs share

Saved disks. After the first create() of a kind, version and size, the nodes are powered off cleanly and the
changes on their disks are saved; the next `up` of the same (and every `reset`) boots from that copy, then
calls ready(). So all that makes the cluster must be on the nodes' disks; nothing of it in lab.shared or in
processes on this machine. The copy is dropped as soon as a file in the folder of the kind or in
`tests/lab/kubeletkit` changes (documents and transcripts aside), or the base image does.

What is in a node: Debian 12 that poses as an RPM machine (dnf, yum, rpm; no apt; os-release says ID_LIKE="rhel
fedora"; the package `lab-release` provides system-release 9, /bin/sh, /bin/bash, systemd, iproute, iptables,
conntrack, ethtool, socat and util-linux to rpm), systemd, sshd, etcd and etcdctl 3.4, python3 with yaml,
openssl, jq, curl, conntrack, busybox.

Tracing and faults. `/usr/local/lib/krun-lab/labtrace` notes each call in the trace and applies the faults of
`faults.json`. The base image links systemctl, dnf, yum, etcdctl and reboot to it from /usr/local/bin. The programs
that come with packages bring their link themselves, so that nothing claims to be there before it is
installed: the kubeadm package contains /usr/local/bin/kubeadm -> ../lib/krun-lab/labtrace, the kubectl package the
same for kubectl. A matching fault whose action labtrace does not know is meant for the program itself: it
is counted, and the program is started with the fault's JSON object in the environment variable KRUN_LAB_FAULT.
"""

import importlib
import sys
from pathlib import Path
from typing import Protocol

from labkit.errors import LabError

LAB_DIR = Path(__file__).resolve().parent.parent
FOLDERS = {"stand-in": "standin", "real": "real"}
NOT_SOURCES = (".md", ".txt", ".pyc")
FUNCTIONS = ("prepare", "binds", "create", "ready")


class Plugin(Protocol):
    """The functions of a cluster.py."""

    def prepare(self, cache: Path) -> None: ...

    def binds(self, cache: Path) -> list[tuple[str, str, bool]]: ...

    def create(self, lab, version: str) -> None: ...

    def ready(self, lab) -> None: ...


def load(kind: str) -> Plugin:
    """The module of a kind of cluster; it may import its neighbours as `standin.x` or `real.x`."""
    folder = FOLDERS[kind]
    path = LAB_DIR / folder / "cluster.py"
    if not path.is_file():
        raise LabError(f"this lab has no {kind} cluster: {path} is missing", "use --cluster none, or another kind")
    if str(LAB_DIR) not in sys.path:
        sys.path.insert(0, str(LAB_DIR))
    module = importlib.import_module(f"{folder}.cluster")
    missing = [name for name in FUNCTIONS if not callable(getattr(module, name, None))]
    if missing:
        raise LabError(f"{path} does not define {', '.join(missing)}", "see the description in labkit/plugin.py")
    return module


def sources(kind: str) -> list[Path]:
    """The files whose content decides whether a saved cluster of this kind is still the right one."""
    folders = [LAB_DIR / FOLDERS[kind], LAB_DIR / "kubeletkit"]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in files if path.suffix not in NOT_SOURCES]
