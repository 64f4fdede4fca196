"""The folder that all nodes of a lab see as /srv/lab, with the trace of commands and the faults to strike."""

import fcntl
import json
from pathlib import Path

from labkit import cache
from labkit.layout import Layout

FOR_ALL_USERS = 0o666  # any user of a node may run a traced program


def make_empty(layout: Layout) -> None:
    """Starts afresh; only root may make files in it, everybody may write to the trace."""
    cache.remove(layout.shared)
    layout.shared.mkdir()
    layout.shared.chmod(0o755)
    clear_trace(layout)


def _trace(layout: Layout) -> Path:
    return layout.shared / "trace"


def read_trace(layout: Layout) -> str:
    return _trace(layout).read_text(errors="replace")


def clear_trace(layout: Layout) -> None:
    _trace(layout).write_text("")
    _trace(layout).chmod(FOR_ALL_USERS)


def _faults(layout: Layout) -> Path:
    return layout.shared / "faults.json"


def read_faults(layout: Layout) -> list[dict]:
    try:
        text = _faults(layout).read_text()
    except FileNotFoundError:
        return []
    return json.loads(text) if text.strip() else []


def add_fault(layout: Layout, fault: dict) -> None:
    """Adds to the file under the lock that the nodes take to count down."""
    with open(_faults(layout), "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _faults(layout).chmod(FOR_ALL_USERS)
        file.seek(0)
        text = file.read()
        faults = (json.loads(text) if text.strip() else []) + [fault]
        file.truncate(0)
        file.write(json.dumps(faults, indent=1) + "\n")


def clear_faults(layout: Layout) -> None:
    _faults(layout).unlink(missing_ok=True)
