"""One node as a machine: switching it on and off in all the ways that a machine can be."""

import os
import signal
import subprocess
from pathlib import Path

from labkit import disk, netns, network, process, wait
from labkit.cgroups import Group
from labkit.disk import Disk
from labkit.errors import LabError
from labkit.layout import Layout, Node

SUPERVISOR = Path(__file__).resolve().parent / "supervisor.sh"
BOOT_TIMEOUT = 90
STOP_TIMEOUT = 60
POWER_OFF = signal.SIGRTMIN + 4  # what systemd understands as `poweroff`

# What a command in a node finds in its environment, whatever this tool was called with.
NODE_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "LANG": "C.UTF-8",
}


class Machine:
    def __init__(self, layout: Layout, node: Node):
        self._layout = layout
        self.node = node
        self.name = node.name
        self.disk = Disk(layout, node)
        self.group = Group(layout.name, node.name)
        self.console = layout.node_dir(node.name) / "console.log"

    def start(self, base: Path, saved: Path | None, binds: list[tuple[str, str, bool]]) -> None:
        """Switches the node on; see wait_for_ssh()."""
        if self.is_on():
            return
        network.make_node(self._layout, self.node)
        self.group.make()
        environment = {
            "PATH": NODE_ENVIRONMENT["PATH"],
            "CGROUP": str(self.group.path),
            "NODE_DIR": str(self.disk.folder),
            "LOWER": disk.lower_layers(base, saved, self.node),
            "NETNS": network.path(self._layout.node_netns(self.name)),
            "NODE_NAME": self.name,
            "MACHINE": f"{self._layout.name}-{self.name}",
        }
        options = [f"--bind{'-ro' if read_only else ''}={host}:{inside}" for host, inside, read_only in binds]
        with open(self.console, "ab") as console:
            subprocess.Popen(
                ["sh", str(SUPERVISOR), *options],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                cwd="/",
                start_new_session=True,
            )
        wait.until(self.is_on, f"{self.name}'s supervisor to start (see {self.console})", 10, pause=0.002)

    def is_on(self) -> bool:
        return self.group.is_populated()

    def wait_for_ssh(self) -> None:
        where = network.path(self._layout.control_netns)

        def answers() -> bool:
            if not self.is_on():
                raise LabError(f"{self.name} has switched itself off{self._last_words()}")
            return netns.banner(where, self.node.ip, 22, 2).startswith(b"SSH-")

        wait.until(answers, f"{self.name} to answer on ssh", BOOT_TIMEOUT, hint=f"see {self.console}")

    def init_pid(self) -> int | None:
        """The node's process 1, seen from this machine."""
        for pid in self.group.pids():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
            if len(numbers) > 1 and numbers[-1] == "1":
                return pid
        return None

    def _running_init(self) -> int:
        pid = self.init_pid()
        if pid is None:
            raise LabError(f"{self.name} is not running", f"`lab boot {self.name}` starts it")
        return pid

    def stop(self) -> None:
        """Shuts the node down as `poweroff` does."""
        if not self.is_on():
            return
        self.group.freeze(False)
        os.kill(self._running_init(), POWER_OFF)
        self.group.wait_empty(STOP_TIMEOUT, hint=f"see {self.console}, or use `lab kill {self.name}`")

    def kill(self) -> None:
        """Cuts the power: every process is gone at once, nothing is written out in order."""
        self.group.kill()

    def freeze(self, on: bool) -> None:
        if not self.is_on():
            raise LabError(f"{self.name} is not running", f"`lab boot {self.name}` starts it")
        self.group.freeze(on)

    def root(self) -> Path:
        return Path(f"/proc/{self._running_init()}/root")

    def enter(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` inside the node, as root."""
        namespaces = ["--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup"]
        # The root is the node's own also where nspawn could only chroot into it (see supervisor.sh).
        return ["nsenter", f"--target={self._running_init()}", *namespaces, "--root", "--wdns=/", "--", *argv]

    def run(self, argv: list[str], env: dict | None = None, **options) -> subprocess.CompletedProcess:
        environment = NODE_ENVIRONMENT | (env or {})
        return process.run(self.enter(argv), env=environment, name=self.name, **options)

    def memory_kib(self) -> int:
        """What the node's processes take, memory that they share with others counted in part."""
        total = 0
        for pid in self.group.pids():
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        return total

    def _last_words(self, lines: int = 15) -> str:
        said = self.console.read_text(errors="replace").strip().splitlines()[-lines:] if self.console.exists() else []
        return ":\n  " + "\n  ".join(said) if said else ""
