"""Where everything of a lab is: names, addresses, folders, network namespaces and control groups."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import LabError

DEFAULT_NAME = "lab"
SUBNET = "10.77.0"
CONTROLLER_IP = f"{SUBNET}.1"
FIRST_MASTER, FIRST_WORKER = 11, 101
MOST_MASTERS, MOST_WORKERS = 80, 120

# Every network namespace and control group of a lab starts with this, so that a lost one is recognised.
NETNS_PREFIX = "krl-"
CGROUP_PREFIX = "krun-lab-"


def state_root() -> Path:
    return Path(os.environ.get("KRUN_LAB_STATE") or "/var/lib/krun-lab")


def cgroup_parent() -> str:
    """The group above all labs of this state folder.

    Control groups are seen by the whole machine, also by the other side of a chroot, where the same names may
    be in use: so this one tells one root file system, and one state folder in it, from any other.
    """
    root = os.stat("/")
    identity = f"{root.st_dev}:{root.st_ino}:{state_root().absolute()}"
    return CGROUP_PREFIX + hashlib.sha256(identity.encode()).hexdigest()[:12]


def chosen_name(argument: str | None) -> str:
    name = argument or os.environ.get("KRUN_LAB_NAME") or DEFAULT_NAME
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise LabError(f"bad lab name `{name}`", "use lower case letters, digits and hyphens, a letter first, at most 31")
    return name


@dataclass(frozen=True)
class Layout:
    """The places of one lab."""

    name: str

    @property
    def state(self) -> Path:
        return state_root() / self.name

    @property
    def lock(self) -> Path:
        """Beside the state folder, since that comes and goes."""
        return state_root() / f"{self.name}.lock"

    @property
    def config(self) -> Path:
        return self.state / "lab.json"

    @property
    def shared(self) -> Path:
        return self.state / "shared"

    @property
    def tools(self) -> Path:
        """The programs for inside the nodes, as they were when the lab was made."""
        return self.state / "tools"

    @property
    def key(self) -> Path:
        return self.state / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.state / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        return self.state / "ssh_config"

    @property
    def control_netns(self) -> str:
        return NETNS_PREFIX + self.name

    def node_netns(self, node: str) -> str:
        """A dot cannot be in a lab's name, so this is never another lab's control namespace."""
        return f"{NETNS_PREFIX}{self.name}.{node}"

    def node_dir(self, node: str) -> Path:
        return self.state / "nodes" / node


@dataclass(frozen=True)
class Node:
    """A machine of the lab: a name and an address."""

    name: str
    ip: str

    @property
    def is_master(self) -> bool:
        return self.name.startswith("m")


def masters(count: int) -> list[Node]:
    _check_count("--masters", count, MOST_MASTERS)
    return [Node(f"m{i + 1}", f"{SUBNET}.{FIRST_MASTER + i}") for i in range(count)]


def workers(count: int) -> list[Node]:
    _check_count("--workers", count, MOST_WORKERS)
    return [Node(f"w{i + 1}", f"{SUBNET}.{FIRST_WORKER + i}") for i in range(count)]


def _check_count(option: str, count: int, most: int) -> None:
    if not 0 <= count <= most:
        raise LabError(f"{option} {count} is out of range", f"use 0 to {most}")
