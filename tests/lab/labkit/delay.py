"""Starting and ending the delay line of a node's cable."""

import os
import select
import subprocess
import sys
from pathlib import Path

from labkit import network
from labkit.cgroups import Group
from labkit.errors import LabError
from labkit.layout import Layout, Node

PROGRAM = Path(__file__).resolve().parent / "delayline.py"
START_TIMEOUT = 10


def _group(layout: Layout, node: Node) -> Group:
    return Group(layout.name, f"delay-{node.name}")


def is_on(layout: Layout, node: Node) -> bool:
    return _group(layout, node).is_populated()


def start(layout: Layout, node: Node, delay_ms: float, loss_percent: float, jitter_ms: float) -> None:
    end(layout, node)
    group = _group(layout, node)
    group.make()
    said_path = layout.node_dir(node.name) / "delay.log"
    line = [sys.executable, "-I", "-S", str(PROGRAM), network.link(node.name), f"d-{node.name}", network.BRIDGE]
    amounts = [f"{delay_ms:g}", f"{loss_percent:g}", f"{jitter_ms:g}"]
    with open(said_path, "wb") as errors:
        program = subprocess.Popen(
            ["nsenter", f"--net={network.path(layout.control_netns)}", *line, *amounts],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            cwd="/",
        )
    group.add(program.pid)
    if not _says_up(program.stdout.fileno()):
        end(layout, node)
        raise LabError(f"the delay line of {node.name} did not start: {said_path.read_text().strip()}")


def end(layout: Layout, node: Node) -> None:
    """Back to a plain cable, whatever there was."""
    group = _group(layout, node)
    if group.path.is_dir():
        group.kill()
        network.reattach(layout, node)


def _says_up(pipe: int) -> bool:
    ready, _, _ = select.select([pipe], [], [], START_TIMEOUT)
    return bool(ready) and os.read(pipe, 16).startswith(b"up")
