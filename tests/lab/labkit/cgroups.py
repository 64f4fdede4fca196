"""Control groups: every process of a lab is in a group of its own, which is how none of them is ever lost.

Only the version 2 hierarchy is used, and no controller of it. Where the machine shows none (a chroot with a
plain /sys), it is mounted in the state folder.
"""

import os
from pathlib import Path

from labkit import process, wait
from labkit.layout import cgroup_parent, state_root


def hierarchy() -> Path:
    """Where the version 2 hierarchy is mounted; mounts it where it is not."""
    if mounted := _mounted():
        return mounted
    mount_point = _own_mount()
    mount_point.mkdir(parents=True, exist_ok=True)
    process.run(["mount", "-t", "cgroup2", "cgroup2", str(mount_point)])
    return mount_point


def _mounted() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, filesystem = line.partition(" - ")
        root, mount_point = fields.split()[3:5]
        if filesystem.startswith("cgroup2 ") and root == "/":
            return Path(mount_point.replace("\\040", " "))
    return None


def forget_own_mount() -> None:
    """Undoes what hierarchy() may have mounted; for when no lab is left."""
    mount_point = _own_mount()
    if mount_point.is_dir():
        if os.path.ismount(mount_point):
            process.run(["umount", str(mount_point)])
        mount_point.rmdir()


def _own_mount() -> Path:
    return state_root() / ".cgroup2"


def lab_group(lab: str) -> Path:
    return hierarchy() / cgroup_parent() / lab


def labs() -> list[str]:
    """The labs of this state folder that have groups, whether anything else is known of them or not."""
    mounted = _mounted()
    if mounted is None:
        return []
    parent = mounted / cgroup_parent()
    return sorted(entry.name for entry in parent.iterdir() if entry.is_dir()) if parent.is_dir() else []


class Group:
    """One node's processes, or one helper's."""

    def __init__(self, lab: str, member: str):
        self.path = lab_group(lab) / member

    def make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)

    def add(self, pid: int) -> None:
        (self.path / "cgroup.procs").write_text(str(pid))

    def is_populated(self) -> bool:
        return self._event("populated")

    def is_frozen(self) -> bool:
        return self._event("frozen")

    def freeze(self, on: bool) -> None:
        (self.path / "cgroup.freeze").write_text("1" if on else "0")
        wait.until(lambda: self.is_frozen() == on, f"{self.path.name} to {'freeze' if on else 'thaw'}", 10)

    def pids(self) -> list[int]:
        """All processes of the group and of those below it."""
        found = []
        for procs in self.path.glob("**/cgroup.procs"):
            try:
                found += [int(pid) for pid in procs.read_text().split()]
            except OSError:  # the group went away in the meantime
                continue
        return found

    def kill(self) -> None:
        """Ends all processes at once, as a power cut does, and removes the group."""
        if self.is_populated():
            (self.path / "cgroup.kill").write_text("1")
        self.wait_empty(20)

    def wait_empty(self, timeout: float, hint: str = "") -> None:
        wait.until(lambda: not self.is_populated(), f"all processes of {self.path.name} to end", timeout, hint=hint)
        remove_tree(self.path)

    def _event(self, name: str) -> bool:
        try:
            return f"{name} 1" in (self.path / "cgroup.events").read_text()
        except OSError:
            return False


def kill_lab(lab: str) -> None:
    """Ends every process of a lab that is in its groups."""
    top = lab_group(lab)
    if not top.is_dir():
        return
    for member in [entry.name for entry in top.iterdir() if entry.is_dir()]:
        Group(lab, member).kill()
    remove_tree(top)
    try:
        top.parent.rmdir()
    except OSError:
        pass  # other labs have groups there


def remove_tree(path: Path) -> None:
    """Removes a group with all below it; they hold no process any more."""
    for folder, _, _ in os.walk(path, topdown=False):
        wait.until(lambda: _removed(folder), f"{folder} to be removable", 5)


def _removed(folder: str) -> bool:
    """A group whose last process has just died may be busy for a moment."""
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
