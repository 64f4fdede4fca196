"""Control groups of the bench: they tell what processor time a tool took, and none of its processes is ever lost."""

import os
import time
from pathlib import Path

from labkit import cgroups, wait

PREFIX = "krun-bench-"


class Group:
    def __init__(self, owner: int, member: str):
        self.path = cgroups.hierarchy() / f"{PREFIX}{owner}" / member
        self.path.mkdir(parents=True, exist_ok=True)

    def command(self, argv: list[str]) -> list[str]:
        """`argv`, started inside the group."""
        return ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.path / "cgroup.procs"), *argv]

    def cpu(self) -> float:
        """Seconds of processor time of all processes so far, the ended ones too."""
        for line in (self.path / "cpu.stat").read_text().splitlines():
            key, value = line.split()
            if key == "usage_usec":
                return int(value) / 1e6
        raise RuntimeError(f"{self.path}/cpu.stat tells no usage_usec")

    def memory(self) -> int:
        """Bytes of all processes now; what several share is shared out among them."""
        total = 0
        for pid in (self.path / "cgroup.procs").read_text().split():
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:  # ended meanwhile
                continue
            total += sum(int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Pss:"))
        return total

    def end(self) -> None:
        """Ends all processes of the group, at once; the group stays."""
        (self.path / "cgroup.kill").write_text("1")
        wait.until(self._is_empty, f"the processes of {self.path.name} to end", 20)

    def _is_empty(self) -> bool:
        return "populated 0" in (self.path / "cgroup.events").read_text()


def remove(owner: int) -> None:
    """Ends and removes all groups of a bench."""
    top = cgroups.hierarchy() / f"{PREFIX}{owner}"
    if not top.is_dir():
        return
    (top / "cgroup.kill").write_text("1")
    wait.until(lambda: "populated 0" in (top / "cgroup.events").read_text(), "the bench's processes to end", 20)
    cgroups.remove_tree(top)


def owners() -> list[int]:
    """The benches that have groups."""
    return [int(entry.name.removeprefix(PREFIX)) for entry in cgroups.hierarchy().glob(f"{PREFIX}*")]


def is_alive(owner: int) -> bool:
    """True for a bench that still runs; its number may be another program's by now, which only delays tidying up."""
    return os.path.exists(f"/proc/{owner}")


def settle(seconds: float = 0.1) -> None:
    """Lets what a run has left in the kernel (closing connections) come to rest."""
    time.sleep(seconds)
