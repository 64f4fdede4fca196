"""Taking a lab away, whole or in pieces: whatever there still is of it, also after a crash."""

import os
import select
import signal
import time
from pathlib import Path

from labkit import cache, cgroups, claims, network, process
from labkit.layout import Layout, state_root

PATIENCE = 3  # seconds between asking a program to end and ending it


def all_labs() -> list[str]:
    """The names of all labs of this state folder of which anything is left: files, processes or networks."""
    root = state_root()
    folders = [entry.name for entry in root.iterdir() if entry.is_dir()] if root.is_dir() else []
    known = [name for name in folders if not name.startswith(".")]
    return sorted({*known, *cgroups.labs(), *claims.claimed()})


def remove(layout: Layout) -> bool:
    """Removes all there is of a lab; returns whether there was anything. The caller holds the lab's lock."""
    found = layout.name in all_labs()
    cgroups.kill_lab(layout.name)
    if claims.is_ours(layout.name):
        for netns in network.namespaces(layout.name):
            _end_strays(netns)
            network.remove(netns)
        claims.release(layout)
    cache.remove(layout.state)
    return found


def _end_strays(netns: str) -> None:
    """Ends what was started in the lab's network from outside (by `lab ctl`), but not whoever is calling us."""
    listed = process.output(["ip", "netns", "pids", netns], check=False).split()
    handles = [handle for pid in set(map(int, listed)) - _ancestry() if (handle := _open(pid)) is not None]
    for handle in handles:
        _signal(handle, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    for handle in handles:
        if not _ends_within(handle, end - time.monotonic()):
            _signal(handle, signal.SIGKILL)
            _ends_within(handle, PATIENCE)
        os.close(handle)


def _ancestry() -> set[int]:
    """This process and all that it descends from."""
    found, pid = set(), os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        status = Path(f"/proc/{pid}/status").read_text()
        pid = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))
    return found


def _open(pid: int) -> int | None:
    """A handle that stays this process's, even if its number is given to another."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _signal(handle: int, number: int) -> None:
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass


def _ends_within(handle: int, seconds: float) -> bool:
    return bool(select.select([handle], [], [], max(0.0, seconds))[0])
