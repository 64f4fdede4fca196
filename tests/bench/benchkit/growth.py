"""From 10 to 1,000 hosts: what a host costs krun, the more of them there are. The hosts are simulated by one process."""

import statistics
from dataclasses import dataclass
from pathlib import Path

from benchkit import install, paths
from benchkit.measure import MemoryWatch, run_once
from benchkit.nodes import Nodes
from benchkit.tools import Case, Tool

COUNTS = [10, 30, 100, 300, 1000]
TASKS = 6


@dataclass
class Point:
    hosts: int
    wall: float
    cpu: float  # seconds a host
    cpu_low: float
    cpu_high: float
    memory: int


def measure(owner: int, krun: Path | None, counts: list[int], runs: int, said) -> list[Point]:
    program = krun or install.krun()
    python = install.environment("simulated") / "bin/python"
    points = []
    with Nodes(owner, sshd=False) as nodes:
        server = [str(python), "-I", str(paths.BENCH / "simulated_hosts.py")]
        nodes.start_server([*server, str(nodes.work / "host_key"), str(nodes.work / "authorized_keys")], "simulated")
        nodes.clear()
        playbook = str(paths.WORK / "growth.yml")
        tool = Tool("krun", lambda case: [str(program), playbook, "-i", str(case.folder / "krun.ini")])
        for count in counts:
            case = Case(nodes, nodes.hosts(count))
            nodes.know(case.hosts)
            with MemoryWatch(nodes.tool) as watch:
                run_once(case, tool)
            samples = [run_once(case, tool) for _ in range(runs)]
            cpus = [sample.cpu / count for sample in samples]
            wall = statistics.median(sample.wall for sample in samples)
            points.append(Point(count, wall, statistics.median(cpus), min(cpus), max(cpus), watch.peak))
            said(f"{count} simulated hosts: {wall:.2f} s, {points[-1].cpu * 1000:.2f} ms of CPU a host")
    return points


def table(points: list[Point]) -> str:
    lines = [
        "| hosts | seconds | krun's CPU a host, median (min to max) | memory | memory a host |",
        "| --- | --- | --- | --- | --- |",
    ]
    for point in points:
        cpu = f"{point.cpu * 1000:.1f} ms ({point.cpu_low * 1000:.1f} to {point.cpu_high * 1000:.1f})"
        each = f"{point.memory / point.hosts / 1000:.0f} kB"
        lines.append(f"| {point.hosts} | {point.wall:.2f} | {cpu} | {point.memory / 1e6:.1f} MB | {each} |")
    return "\n".join(lines) + "\n"
