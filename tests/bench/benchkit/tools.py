"""The tools that are measured: how each of them is started for a case."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from benchkit import install, paths, steps
from benchkit.nodes import USER, Nodes

AT_ONCE = 50  # hosts in flight, for every tool; krun's default


@dataclass
class Case:
    """What a tool may need to know; its files are in `folder`."""

    nodes: Nodes
    hosts: list[tuple[str, str]]
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.nodes.work / f"case-{len(self.hosts)}"
        self.folder.mkdir(exist_ok=True)
        base, work = self.nodes.base(), self.nodes.work
        (self.folder / "hosts").write_text("".join(f"{name} {address}\n" for name, address in self.hosts))
        (self.folder / "steps").write_text(steps.text())
        options = [
            f"User {USER}",
            f"IdentityFile {self.key}",
            "IdentitiesOnly yes",
            "IdentityAgent none",
            f"UserKnownHostsFile {work}/home/.ssh/known_hosts",
            "StrictHostKeyChecking yes",
            "BatchMode yes",
        ]
        (self.folder / "ssh_config").write_text("\n".join(options) + "\n")
        variables = {"ansible_user": USER, "bench_base": base, "ansible_ssh_private_key_file": self.key}
        self._write_inventory("krun.ini", variables)
        # Only OpenSSH's client does not find its home in the environment.
        variables |= {
            "ansible_ssh_common_args": f"-F {self.folder}/ssh_config",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        self._write_inventory("ansible.ini", variables)
        data = "".join(f'    ("{name}", {{"ssh_hostname": "{address}"}}),\n' for name, address in self.hosts)
        common = {"ssh_user": USER, "ssh_key": str(self.key), "ssh_strict_host_key_checking": "yes"}
        (self.folder / "pyinfra_inventory.py").write_text(f"nodes = ([\n{data}], {common!r})\n")

    @property
    def key(self) -> Path:
        return self.nodes.work / "home/.ssh/id_ed25519"

    def _write_inventory(self, name: str, variables: dict) -> None:
        hosts = "".join(f"{host} ansible_host={address}\n" for host, address in self.hosts)
        common = "".join(f"{key}='{value}'\n" for key, value in variables.items())
        (self.folder / name).write_text(f"[nodes]\n{hosts}\n[nodes:vars]\n{common}")

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.nodes.work / "home"),
            "LC_ALL": "C.UTF-8",
            "BENCH_BASE": str(self.nodes.base()),
        }


@dataclass
class Tool:
    name: str
    command: Callable[[Case], list[str]]
    environment: Callable[[Case], dict[str, str]] = lambda case: {}
    # How many of the 20 tasks it does.
    tasks: int = 20


def _playbook(name: str) -> str:
    return str(paths.WORK / name)


def _krun(program: Path) -> list[Tool]:
    def command(playbook: str) -> Callable[[Case], list[str]]:
        return lambda case: [str(program), playbook, "-i", str(case.folder / "krun.ini")]

    return [Tool("krun", command(_playbook("upgrade.yml"))), Tool("krun-connect", command(_playbook("connect.yml")), tasks=1)]


def _by_hand(name: str) -> Tool:
    script = paths.WORK / name

    def command(case: Case) -> list[str]:
        each = ["xargs", "-a", str(case.folder / "hosts"), "-P", str(AT_ONCE), "-L", "1", str(script)]
        return [*each, str(case.folder / "ssh_config"), str(case.nodes.base())]

    return Tool(name, command)


def _floor(program: Path, way: str) -> Tool:
    def command(case: Case) -> list[str]:
        files = [str(case.key), str(case.folder / "hosts"), str(case.folder / "steps"), str(case.nodes.base())]
        return [str(program), way, *files, str(AT_ONCE)]

    return Tool(f"floor-{way}", command)


def _ansible(name: str, settings: dict[str, str], forks: bool = True) -> Tool:
    folder = install.environment("peers")

    def command(case: Case) -> list[str]:
        width = ["-f", str(AT_ONCE)] if forks else []
        program = str(folder / "bin/ansible-playbook")
        return [program, "-i", str(case.folder / "ansible.ini"), *width, _playbook("upgrade.yml")]

    fixed = {"ANSIBLE_RETRY_FILES_ENABLED": "0", "ANSIBLE_NOCOLOR": "1"}
    return Tool(name, command, lambda case: {**fixed, **settings})


def _mitogen() -> Tool:
    plugins = next(install.environment("peers").glob("lib/python3*/site-packages/ansible_mitogen/plugins/strategy"))
    settings = {"ANSIBLE_STRATEGY_PLUGINS": str(plugins), "ANSIBLE_STRATEGY": "mitogen_linear"}
    return _ansible("mitogen", {"ANSIBLE_PIPELINING": "1", **settings})


def _ansible_core_rs() -> Tool:
    program = install.environment("rust") / "bin/ansible"

    def command(case: Case) -> list[str]:
        inventory = str(case.folder / "ansible.ini")
        return [str(program), "playbook", "-i", inventory, "-f", str(AT_ONCE), _playbook("upgrade.yml")]

    return Tool("ansible-core-rs", command, lambda case: {"ANSIBLE_PIPELINING": "1"})


def _pyinfra() -> Tool:
    program = install.environment("peers") / "bin/pyinfra"

    def command(case: Case) -> list[str]:
        inventory = str(case.folder / "pyinfra_inventory.py")
        return [str(program), "-y", "--parallel", str(AT_ONCE), inventory, _playbook("deploy.py")]

    return Tool("pyinfra", command)


FLOORS = ["floor-script", "floor-shell", "floor-channel"]
BY_HAND = ["one-script", "by-hand"]
PEERS = ["pyinfra", "ansible-core-rs", "mitogen", "ansible-tuned", "ansible"]
ALL = ["krun", "krun-connect", *FLOORS, *BY_HAND, *PEERS]


def choose(names: list[str], krun: Path | None) -> list[Tool]:
    """The tools of these names; what they need is installed and built."""
    tools: dict[str, Tool] = {}
    if {"krun", "krun-connect"} & set(names):
        tools |= {tool.name: tool for tool in _krun(krun or install.krun())}
    if set(FLOORS) & set(names):
        program = install.floors()
        tools |= {name: _floor(program, name.removeprefix("floor-")) for name in FLOORS}
    makers = {
        "one-script": lambda: _by_hand("one-script"),
        "by-hand": lambda: _by_hand("by-hand"),
        "pyinfra": _pyinfra,
        "ansible-core-rs": _ansible_core_rs,
        "mitogen": _mitogen,
        "ansible-tuned": lambda: _ansible("ansible-tuned", {"ANSIBLE_PIPELINING": "1"}),
        "ansible": lambda: _ansible("ansible", {}, forks=False),
    }
    tools |= {name: make() for name, make in makers.items() if name in names}
    return [tools[name] for name in names]
