"""Running tools in turn, and what each run took."""

import statistics
import subprocess
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchkit import groups, paths
from benchkit.tools import Case, Tool

RUN_LIMIT = 1800


class ToolFailed(Exception):
    pass


@dataclass
class Sample:
    """One run: seconds by the clock, seconds of processor time here and on the nodes."""

    wall: float
    cpu: float
    node_cpu: float


@dataclass
class Series:
    """All counted runs of one tool in one case."""

    tool: str
    tasks: int
    hosts: int
    delay: int
    run: str  # "first" or "second"
    samples: list[Sample]
    memory: int = 0

    def median(self, what: str = "wall") -> float:
        return statistics.median(getattr(sample, what) for sample in self.samples)

    def spread(self, what: str = "wall") -> tuple[float, float]:
        values = [getattr(sample, what) for sample in self.samples]
        return min(values), max(values)

    def as_json(self) -> dict:
        return asdict(self)


class MemoryWatch:
    """Looks at the tool's memory again and again. It costs time itself, so it watches only runs that do not count."""

    def __init__(self, group: groups.Group):
        self.group, self.peak, self.over = group, 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.over.wait(0.02):
            self.peak = max(self.peak, self.group.memory())


def run_once(case: Case, tool: Tool) -> Sample:
    nodes = case.nodes
    command = nodes.tool.command(nodes.inside(nodes.controller, *tool.command(case)))
    environment = case.environment() | tool.environment(case)
    log = case.folder / f"{tool.name}.log"
    cpu, node_cpu = nodes.tool.cpu(), nodes.node.cpu()
    with open(log, "wb") as said:
        start = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=environment,
            cwd=paths.WORK,
            start_new_session=True,
        )
        # wait() with a limit of its own looks only every 50 ms.
        limit = threading.Timer(RUN_LIMIT, process.kill)
        limit.start()
        try:
            status = process.wait()
            wall = time.monotonic() - start
        finally:
            limit.cancel()
            # Shared connections that it has left behind, and itself when this is an interruption.
            nodes.tool.end()
            process.wait()
    if wall >= RUN_LIMIT:
        raise ToolFailed(f"{tool.name} did not end within {RUN_LIMIT} s")
    if status != 0:
        raise ToolFailed(f"{tool.name} ended with {status}:\n{_tail(log)}")
    sample = Sample(wall, nodes.tool.cpu() - cpu, nodes.node.cpu() - node_cpu)
    groups.settle()
    return sample


def check_work(case: Case, tool: Tool) -> None:
    """A tool that did not do the work has no time."""
    if tool.tasks == 1:
        return
    for name, _ in case.hosts:
        folder = case.nodes.base() / name
        for file in "abc":
            made = folder / "conf.d" / f"{file}.conf"
            if not made.is_file() or made.read_bytes() != (paths.WORK / f"files/{file}.conf").read_bytes():
                raise ToolFailed(f"{tool.name} has not written {made}\n{_tail(case.folder / f'{tool.name}.log')}")
        if (folder / "conf.d/c.conf").stat().st_mode & 0o777 != 0o600:
            raise ToolFailed(f"{tool.name} has given {folder}/conf.d/c.conf another mode")
        service = (folder / "service.conf").read_text()
        if f"key_19 = {name}-4.2.1-133" not in service or "NODE_VERSION=4.2.1" not in (folder / "node.env").read_text():
            raise ToolFailed(f"{tool.name} has written something else into {folder}")


def measure(case: Case, tools: list[Tool], delay: int, runs: int, said) -> list[Series]:
    """Every tool in turn, first and second run, and all of that again; the first round does not count."""
    series = {
        (tool.name, run): Series(tool.name, tool.tasks, len(case.hosts), delay, run, [])
        for tool in tools
        for run in ("first", "second")
    }
    out: set[str] = set()
    for round in range(runs + 1):
        for tool in (tool for tool in tools if tool.name not in out):
            try:
                case.nodes.clear()
                for run in ("first", "second"):
                    one = series[tool.name, run]
                    if round == 0:
                        with MemoryWatch(case.nodes.tool) as watch:
                            sample = run_once(case, tool)
                        one.memory = watch.peak
                    else:
                        sample = run_once(case, tool)
                        one.samples.append(sample)
                    check_work(case, tool)
                    said(f"{len(case.hosts)} hosts, {delay} ms, round {round}, {tool.name}, {run} run: {sample.wall:.2f} s")
            except ToolFailed as error:
                said(f"LEFT OUT: {error}")
                out.add(tool.name)
    return [one for one in series.values() if one.samples and one.tool not in out]


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
