"""The bench's nodes: one network namespace with any number of addresses, and one plain sshd that answers at all of them.

    controller 10.97.0.1 -- br0 -- (delay line) -- 10.97.0.2, and all of 10.98.0.0/16

Nothing leaves the two namespaces. The user that the tools log in as exists for this sshd only, in a private copy of
the machine's list of users; it has no start-up file.
"""

import re
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from labkit import delay, netns, network, process, wait

from benchkit import groups

USER = "bench"
USER_ID = 59998
FOLDER_PREFIX = "krun-bench-"
NETNS_PREFIX = "krb-"

SSHD_CONFIG = """\
Port 22
ListenAddress 0.0.0.0
HostKey {work}/host_key
AuthorizedKeysFile {work}/authorized_keys
PidFile none
UsePAM no
UseDNS no
StrictModes no
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
MaxStartups 1000:30:2000
MaxSessions 100
LogLevel ERROR
Subsystem sftp internal-sftp
"""

# Reads the copies over the real files, in a mount namespace of its own, which ends with sshd.
START_SSHD = """
for file in passwd shadow group; do mount --bind "$1/$file" "/etc/$file" || exit 1; done
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"
"""

HANDSHAKES = """
import socket, time
def handshake():
    start = time.monotonic()
    socket.create_connection(("10.98.0.1", 22), timeout=10).close()
    return time.monotonic() - start
print(min(handshake() for _ in range(5)) * 1000)
"""


class Nodes:
    """Everything that one bench has made; leaving the `with` block removes it."""

    def __init__(self, owner: int, sshd: bool = True):
        self.owner = owner
        self.controller = f"{NETNS_PREFIX}{owner}-c"
        self.nodes = f"{NETNS_PREFIX}{owner}-n"
        self.sshd = sshd

    def __enter__(self) -> "Nodes":
        remove_leftovers()
        try:
            self.work = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{self.owner}-"))
            self.work.chmod(0o755)
            self.tool = groups.Group(self.owner, "tool")
            self.node = groups.Group(self.owner, "node")
            self.line = groups.Group(self.owner, "line")
            self._make_network()
            self._make_keys()
            if self.sshd:
                self._start_sshd()
        except BaseException:
            remove(self.owner)
            raise
        return self

    def __exit__(self, *_) -> None:
        remove(self.owner)

    def inside(self, namespace: str, *argv: str) -> list[str]:
        return ["nsenter", f"--net={network.path(namespace)}", "--", *argv]

    def hosts(self, count: int) -> list[tuple[str, str]]:
        """Names and addresses."""
        return [(f"h{n + 1:04}", f"10.98.{n // 200}.{n % 200 + 1}") for n in range(count)]

    def base(self) -> Path:
        """Where the nodes keep what the work makes, a folder a host."""
        return self.work / "nodes"

    def clear(self) -> None:
        """Back to before the first run."""
        shutil.rmtree(self.base(), ignore_errors=True)
        self.base().mkdir()
        shutil.chown(self.base(), USER_ID, USER_ID)

    def delayed(self, milliseconds: int) -> "Delayed":
        return Delayed(self, milliseconds)

    def _make_network(self) -> None:
        for namespace in (self.controller, self.nodes):
            process.run(["ip", "netns", "add", namespace])
        self._ip(
            self.controller,
            "link set lo up",
            "link add br0 type bridge",
            "addr add 10.97.0.1/30 dev br0",
            "link set br0 up",
            f"link add cable type veth peer name eth0 netns {self.nodes}",
            "link set cable master br0 up",
            "route add 10.98.0.0/16 via 10.97.0.2",
        )
        self._ip(
            self.nodes,
            "link set lo up",
            "addr add 10.97.0.2/30 dev eth0",
            "link set eth0 up",
            "route add local 10.98.0.0/16 dev lo",
        )

    def _ip(self, namespace: str, *lines: str) -> None:
        process.run(self.inside(namespace, "ip", "-batch", "-"), input="\n".join(lines) + "\n")

    def reattach(self) -> None:
        self._ip(self.controller, "link set cable promisc off master br0")

    def _make_keys(self) -> None:
        home = self.work / "home"
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        for path in (self.work / "host_key", home / ".ssh" / "id_ed25519"):
            process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", str(path)])
        shutil.copy(home / ".ssh" / "id_ed25519.pub", self.work / "authorized_keys")
        (self.work / "authorized_keys").chmod(0o644)

    def know(self, hosts: list[tuple[str, str]]) -> None:
        """Writes known_hosts with a line a host, as they have grown in real life."""
        key = " ".join((self.work / "host_key.pub").read_text().split()[:2])
        text = "".join(f"{address} {key}\n" for _, address in hosts)
        (self.work / "home" / ".ssh" / "known_hosts").write_text(text)

    def _start_sshd(self) -> None:
        login = f"{USER}:x:{USER_ID}:{USER_ID}::{self.work}/user:/bin/sh\n"
        lines = {"passwd": login, "shadow": f"{USER}:*:19000:0:99999:7:::\n", "group": f"{USER}:x:{USER_ID}:\n"}
        for name, line in lines.items():
            copy = self.work / name
            copy.touch(mode=0o640 if name == "shadow" else 0o644)
            copy.write_text(Path("/etc", name).read_text() + line)
        (self.work / "user").mkdir()
        shutil.chown(self.work / "user", USER_ID, USER_ID)
        (self.work / "sshd_config").write_text(SSHD_CONFIG.format(work=self.work))
        Path("/run/sshd").mkdir(exist_ok=True)
        self.start_server(["unshare", "--mount", "/bin/sh", "-c", START_SSHD, "sshd", str(self.work)], "sshd")

    def start_server(self, argv: list[str], name: str, timeout: float = 20) -> None:
        """Starts what answers at the nodes' port 22, and waits until it does."""
        log = self.work / f"{name}.log"
        with open(log, "wb") as said:
            server = subprocess.Popen(
                self.node.command(self.inside(self.nodes, *argv)),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                cwd=self.work,
            )

        def answers() -> bool:
            if server.poll() is not None:
                raise RuntimeError(f"{name} ended with {server.returncode}: {log.read_text().strip()}")
            return netns.banner(network.path(self.controller), "10.98.0.1", 22, 1).startswith(b"SSH-")

        wait.until(answers, f"{name} to answer", timeout)


class Delayed:
    """A round trip of so many milliseconds between the controller and the nodes, checked."""

    def __init__(self, nodes: Nodes, milliseconds: int):
        self.nodes = nodes
        self.milliseconds = milliseconds

    def __enter__(self) -> float:
        """Gives the round-trip time as measured, in milliseconds."""
        try:
            if self.milliseconds:
                self._start()
            return self._measure()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_) -> None:
        if self.milliseconds:
            self.nodes.line.end()
            self.nodes.reattach()

    def _start(self) -> None:
        line = [sys.executable, "-I", "-S", str(delay.PROGRAM), "cable", "tap0", "br0"]
        amounts = [f"{self.milliseconds / 2:g}", "0", "0"]
        program = subprocess.Popen(
            self.nodes.line.command(self.nodes.inside(self.nodes.controller, *line, *amounts)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )
        with program.stdout as said:
            if not (select.select([said], [], [], delay.START_TIMEOUT)[0] and said.read(2) == b"up"):
                raise RuntimeError("the delay line did not start")

    def _measure(self) -> float:
        """What a round trip takes: the shortest of some TCP handshakes (ping is not on every machine)."""
        asked = self.nodes.inside(self.nodes.controller, sys.executable, "-I", "-S", "-c", HANDSHAKES)
        measured = float(process.output(asked))
        if not self.milliseconds * 0.95 <= measured <= self.milliseconds + 5:
            raise RuntimeError(f"a round trip takes {measured:.1f} ms where it should take {self.milliseconds} ms")
        return measured


def remove(owner: int) -> None:
    """Everything that a bench may have left."""
    groups.remove(owner)
    for end in ("c", "n"):
        if network.exists(f"{NETNS_PREFIX}{owner}-{end}"):
            network.remove(f"{NETNS_PREFIX}{owner}-{end}")
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}{owner}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers() -> None:
    """What benches left that were killed, in whatever they were doing."""
    names = [path.name for path in network.RUN_NETNS.glob(f"{NETNS_PREFIX}*")]
    names += [path.name for path in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*")]
    found = (re.match(rf"(?:{NETNS_PREFIX}|{FOLDER_PREFIX})(\d+)-", name) for name in names)
    for owner in {*groups.owners(), *(int(match[1]) for match in found if match)}:
        if not groups.is_alive(owner):
            remove(owner)
