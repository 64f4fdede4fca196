"""What needs no node: starting, reading long playbooks and inventories, tasks without a connection."""

import os
import resource
import statistics
import subprocess
import time
from pathlib import Path

from benchkit import install

TASKS = 500
MANY_HOSTS = 10_000
DEBUG_HOSTS, DEBUG_TASKS = 1000, 10
FEW_HOSTS = 20  # for ansible, which would take ten minutes for a thousand
LIMIT = 600


def measure(folder: Path, names: list[str], krun: Path | None, runs: int, said) -> dict[str, dict[str, float]]:
    """Milliseconds by tool and case."""
    cases = _write(folder)
    programs: dict[str, list[str]] = {}
    if "krun" in names:
        programs["krun"] = [str(krun or install.krun())]
    if "ansible-core-rs" in names:
        programs["ansible-core-rs"] = [str(install.environment("rust") / "bin/ansible"), "playbook"]
    if {"ansible", "ansible-tuned"} & set(names):
        programs["ansible"] = [str(install.environment("peers") / "bin/ansible-playbook")]
    found: dict[str, dict[str, float]] = {}
    for tool, program in programs.items():
        version = [program[0], "--version"]
        found[tool] = {"--version": _median(version, 2 * runs, folder)[0]}
        for name, arguments, share in cases:
            counted = runs if tool != "ansible" else 1
            if tool == "ansible" and share:
                arguments, share = [*arguments, "--limit", f"nodes[0:{FEW_HOSTS - 1}]"], FEW_HOSTS * DEBUG_TASKS
            try:
                wall, cpu = _median([*program, *arguments], counted, folder)
            except (subprocess.SubprocessError, OSError) as error:
                said(f"LEFT OUT: {tool}, {name}: {error}")
                continue
            found[tool][name] = cpu / share if share else wall
            said(f"{tool}, {name}: {found[tool][name]:.3g} ms")
    return found


def _median(command: list[str], runs: int, folder: Path) -> tuple[float, float]:
    """Milliseconds by the clock and of processor time; one run before does not count."""
    walls, cpus = [], []
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    for _ in range(runs + 1):
        before = _children()
        start = time.monotonic()
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=LIMIT,
            check=True,
        )
        walls.append((time.monotonic() - start) * 1000)
        cpus.append((_children() - before) * 1000)
    return statistics.median(walls[1:]), statistics.median(cpus[1:])


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write(folder: Path) -> list[tuple[str, list[str], int]]:
    """The cases: name, arguments, and by how many hosts and tasks the processor time is shared (0: the clock counts)."""
    folder.mkdir(exist_ok=True)
    kinds = [
        "command: /bin/true",
        'shell: "echo {{ version }}"',
        "file: {path: /tmp/x, state: directory}",
        "stat: {path: /tmp/x}",
        'copy: {content: "{{ version }}", dest: /tmp/x/a, mode: "0644"}',
    ]
    tasks = "".join(
        f"    - name: Task {n}\n      {kinds[n % len(kinds)]}\n      when: go\n      tags: [t{n % 7}]\n"
        for n in range(TASKS)
    )
    head = "- name: Bench\n  hosts: all\n  gather_facts: false\n"
    (folder / "long.yml").write_text(f"{head}  vars: {{version: '1', go: false}}\n  tasks:\n{tasks}")
    debug = "    - name: Say {0}\n      debug: {{msg: \"hello {{{{ inventory_hostname }}}} {{{{ number }}}} {0}\"}}\n"
    (folder / "one.yml").write_text(f"{head}  tasks:\n{debug.format(0)}")
    (folder / "debug.yml").write_text(f"{head}  tasks:\n" + "".join(debug.format(n) for n in range(DEBUG_TASKS)))
    for name, count in (("one.ini", 1), ("many.ini", MANY_HOSTS), ("debug.ini", DEBUG_HOSTS)):
        hosts = "".join(f"node{n:05} ansible_host=10.{n >> 8}.{n & 255}.1 number={n}\n" for n in range(count))
        (folder / name).write_text(f"[nodes]\n{hosts}")
    at = {name: str(folder / name) for name in ("long.yml", "one.yml", "debug.yml", "one.ini", "many.ini", "debug.ini")}
    return [
        ("500 tasks listed", [at["long.yml"], "-i", at["one.ini"], "--list-tasks"], 0),
        ("500 tasks skipped", [at["long.yml"], "-i", at["one.ini"]], 0),
        ("one of 10,000 hosts", [at["one.yml"], "-i", at["many.ini"], "--limit", "node05000"], 0),
        ("500 tasks, one of 10,000 hosts", [at["long.yml"], "-i", at["many.ini"], "--limit", "node05000"], 0),
        (
            "a task without a connection, CPU a host",
            [at["debug.yml"], "-i", at["debug.ini"]],
            DEBUG_HOSTS * DEBUG_TASKS,
        ),
    ]
