"""The command line of the lab: `lab COMMAND …`; one function a command."""

import argparse
import json
import os
import re
import sys
from pathlib import Path

from labkit import cache, cgroups, config, delay, fill, inventory, network, shared
from labkit.config import NO_CLUSTER, Config
from labkit.errors import LabError
from labkit.lab import Lab, open_lab, prepare, up
from labkit.layout import Layout, chosen_name, state_root
from labkit.machine import NODE_ENVIRONMENT
from labkit.plugin import FOLDERS
from labkit.remove import all_labs, remove

DESCRIPTION = """\
Several Linux machines on this one, to upgrade and to break: each with systemd, sshd, dnf and etcd, an address of its
own and, if wanted, a Kubernetes cluster over all of them. Nothing in a lab can reach the outside.

  lab setup                      install and build what is needed, once
  lab up --workers 2             m1, w1 and w2 with a stand-in cluster
  lab ssh m1 -- kubectl get nodes
  lab inventory > hosts.ini      for a runner that is started by `lab ctl -- …`
  lab kill w1; lab boot w1       a power cut, and on again
  lab reset                      back to how it was after `up`
  lab clean                      all gone"""


def main() -> int:
    options = _parser().parse_args()
    try:
        if os.geteuid() != 0:
            raise LabError("the lab needs root", "it makes namespaces and mounts: use sudo")
        options.layout = Layout(chosen_name(options.name))
        options.cache = cache.default_cache().absolute()
        return options.function(options) or 0
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        if error.hint:
            print(f"     {error.hint}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 141
    except OSError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; `lab up` starts over, `lab clean` takes everything away", file=sys.stderr)
        return 130


def say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")

    def command(name: str, function, about: str, more: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}. {more}".strip())
        added.add_argument("--name", metavar="LAB", help="which lab (default: $KRUN_LAB_NAME, else `lab`)")
        added.set_defaults(function=function)
        return added

    added = command("setup", setup, "install and build what the lab needs", "Quick when everything is there.")
    kinds = [NO_CLUSTER, *FOLDERS]
    added.add_argument("--cluster", choices=kinds, default="stand-in", help="for this kind of cluster (%(default)s)")

    added = command("up", bring_up, "make a lab, or start what is off in it")
    added.add_argument("--masters", type=int, default=1, metavar="N", help="control-plane nodes (%(default)s)")
    added.add_argument("--workers", type=int, default=2, metavar="N", help="worker nodes (%(default)s)")
    added.add_argument("--cluster", choices=kinds, default="stand-in", help="what runs on them (%(default)s)")
    added.add_argument("--version", metavar="V", help="Kubernetes version (stand-in 1.28.0, real 1.20.0)")

    command("down", down, "end the lab and remove its disks")
    command("reset", reset, "bring the lab back to how it was after `up`: disks, cables, trace, faults")

    nodes = [
        ("stop", stop, "shut nodes down in order"),
        ("kill", kill, "cut the power of nodes: every process gone at once, disks as they are"),
        ("boot", boot, "switch nodes on"),
        ("freeze", freeze, "let every process of nodes stand still"),
        ("thaw", thaw, "let frozen nodes go on"),
        ("cut", cut, "unplug the cables of nodes"),
        ("heal", heal, "plug the cables of nodes in"),
        ("nodelay", nodelay, "end the delay of nodes' cables"),
        ("norate", norate, "lift the rate limit of nodes' cables"),
    ]
    for name, function, about in nodes:
        command(name, function, about).add_argument("nodes", nargs="+", metavar="NODE")

    added = command("delay", set_delay, "make a node's cable slow or lossy", "The delay counts each way.")
    added.add_argument("node", metavar="NODE")
    added.add_argument("ms", type=float, metavar="MS", help="delay each way in milliseconds")
    added.add_argument("--loss", type=float, default=0, metavar="PERCENT", help="lost frames (%(default)s)")
    added.add_argument("--jitter", type=float, default=0, metavar="MS", help="up to so much more delay (%(default)s)")

    added = command("rate", set_rate, "limit what a node's cable carries, each way")
    added.add_argument("node", metavar="NODE")
    added.add_argument("rate", metavar="RATE", help="as tc writes it, such as 64kbit or 1mbit")

    added = command("fill", fill_folder, "make a folder of a node a full disk", "Its content stays (64 MiB at most).")
    added.add_argument("node", metavar="NODE")
    added.add_argument("folder", metavar="FOLDER")
    added.add_argument("--free", type=int, default=0, metavar="KIB", help="space to leave (%(default)s)")
    added = command("unfill", unfill_folder, "give a filled folder its space back")
    added.add_argument("node", metavar="NODE")
    added.add_argument("folder", metavar="FOLDER")

    added = command("run", run, "run a command in a node as root, not over ssh")
    added.add_argument("node", metavar="NODE")
    _add_argv(added)
    added = command("ssh", ssh, "run a command in a node over ssh, or a shell")
    added.add_argument("--user", default="root", help="root, ops (may use sudo) or nosudo (%(default)s)")
    added.add_argument("node", metavar="NODE")
    _add_argv(added)
    added = command("ctl", ctl, "run a command on the controller's side of the network", "From there the nodes are reached.")
    _add_argv(added)

    added = command("status", status, "show the nodes and how they are")
    added.add_argument("--all", action="store_true", help="list all labs instead")
    added = command("inventory", print_inventory, "print an inventory of the lab")
    added.add_argument("--user", default="root", help="whom to log in as (%(default)s)")
    added = command("trace", trace, "print the commands that ran on the nodes")
    added.add_argument("--clear", action="store_true", help="forget them instead")

    fault = command("fault", None, "make programs on the nodes fail", "See labkit/node/faults.py.")
    actions = fault.add_subparsers(metavar="add|list|clear", required=True)
    _add_fault_options(actions.add_parser("add", help="add a fault"))
    actions.add_parser("list", help="print the faults that are set").set_defaults(function=list_faults)
    actions.add_parser("clear", help="remove all faults").set_defaults(function=clear_faults)
    for action in actions.choices.values():  # --name may stand before or after the action
        action.add_argument("--name", metavar="LAB", default=argparse.SUPPRESS, help="which lab")

    added = command("clean", clean, "remove the lab and all that a crash may have left of it", "The cache stays.")
    added.add_argument("--all", action="store_true", help="every lab on this machine")
    return parser


def _add_argv(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD…")


def _add_fault_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--action", required=True, help="fail, lie, hang, delay, kill-after, or one of the program's own")
    parser.add_argument("--node", help="only on this node")
    parser.add_argument("--program", help="only this program")
    parser.add_argument("--match", help="only if this regular expression is in the arguments")
    parser.add_argument("--skip", type=int, help="let so many calls pass first")
    parser.add_argument("--times", type=int, help="strike so often (once; -1: always)")
    parser.add_argument("--exit", type=int, help="exit status of `fail` (1)")
    parser.add_argument("--stdout", help="what to print")
    parser.add_argument("--stderr", help="what to print as error")
    parser.add_argument("--seconds", type=float, help="for `delay` and `kill-after` (1)")
    parser.set_defaults(function=add_fault)


FAULT_KEYS = ("node", "program", "match", "skip", "times", "action", "exit", "stdout", "stderr", "seconds")
DEFAULT_VERSIONS = {NO_CLUSTER: "", "stand-in": "1.28.0", "real": "1.20.0"}


def _open(options) -> Lab:
    return open_lab(options.layout, options.cache)


def _locked(options):
    return cache.locked(options.layout.lock)


def setup(options) -> None:
    prepare(options.cache, [] if options.cluster == NO_CLUSTER else [options.cluster], say)


def bring_up(options) -> None:
    version = (options.version or DEFAULT_VERSIONS[options.cluster]).removeprefix("v")
    if options.cluster == NO_CLUSTER and version:
        raise LabError("--version needs a cluster", "leave it out, or choose another --cluster")
    if options.masters + options.workers == 0:
        raise LabError("a lab without nodes is none", "give --masters or --workers")
    if options.cluster != NO_CLUSTER and options.masters == 0:
        raise LabError("a cluster needs a master", "give --masters 1")
    with _locked(options):
        lab = up(options.layout, options.cache, Config(options.masters, options.workers, options.cluster, version), say)
    for node in lab.nodes:
        print(f"{node.name}\t{node.ip}")


def down(options) -> None:
    with _locked(options):
        _open(options)
        remove(options.layout)
        options.layout.lock.unlink(missing_ok=True)


def reset(options) -> None:
    with _locked(options):
        lab = _open(options)
        if not lab.config.complete:
            raise LabError(f"lab {lab.name} was never finished", "`lab up` starts it over")
        lab.reset()


def _change_nodes(options, change) -> None:
    with _locked(options):
        lab = _open(options)
        nodes = [lab.node(name) for name in dict.fromkeys(options.nodes)]
        lab.each(lambda node: change(lab, node), nodes)


def stop(options) -> None:
    _change_nodes(options, lambda lab, node: lab.machine(node).stop())


def kill(options) -> None:
    _change_nodes(options, lambda lab, node: lab.machine(node).kill())


def boot(options) -> None:
    _change_nodes(options, lambda lab, node: lab.boot([node]))


def freeze(options) -> None:
    _change_nodes(options, lambda lab, node: lab.machine(node).freeze(True))


def thaw(options) -> None:
    _change_nodes(options, lambda lab, node: lab.machine(node).freeze(False))


def cut(options) -> None:
    _change_nodes(options, lambda lab, node: network.set_link(lab.layout, node, up=False))


def heal(options) -> None:
    _change_nodes(options, lambda lab, node: network.set_link(lab.layout, node, up=True))


def nodelay(options) -> None:
    _change_nodes(options, lambda lab, node: delay.end(lab.layout, node))


def norate(options) -> None:
    _change_nodes(options, lambda lab, node: network.set_rate(lab.layout, node, None))


def set_delay(options) -> None:
    if options.ms < 0 or options.jitter < 0 or not 0 <= options.loss <= 100:
        raise LabError("a delay is 0 or more, a loss 0 to 100 percent")
    with _locked(options):
        lab = _open(options)
        delay.start(lab.layout, lab.node(options.node), options.ms, options.loss, options.jitter)


def set_rate(options) -> None:
    with _locked(options):
        lab = _open(options)
        network.set_rate(lab.layout, lab.node(options.node), options.rate)


def fill_folder(options) -> None:
    fill.fill(_open(options), options.node, options.folder, options.free)


def unfill_folder(options) -> None:
    fill.unfill(_open(options), options.node, options.folder)


def _command(options) -> list[str]:
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        raise LabError("no command given", "write it after `--`")
    return argv


def run(options) -> None:
    machine = _open(options).machine(options.node)
    _become(machine.enter(_command(options)), NODE_ENVIRONMENT | {"TERM": os.environ.get("TERM", "dumb")})


def ssh(options) -> None:
    lab = _open(options)
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    login = ["-F", str(lab.layout.ssh_config), "-l", options.user, lab.node(options.node).name]
    _become(lab.ctl_command(["ssh", *login, *argv]), os.environ)


def ctl(options) -> None:
    _become(_open(options).ctl_command(_command(options)), os.environ)


def _become(argv: list[str], environment) -> None:
    sys.stdout.flush()
    os.execvpe(argv[0], argv, dict(environment))


def status(options) -> None:
    if options.all:
        for name in all_labs():
            found = config.read(Layout(name))
            about = found.describe() if found else "leftovers of a crash: `lab clean` removes them"
            print(f"{name}: {about}{'' if not found or found.complete else ' (unfinished)'}")
        return
    lab = _open(options)
    row = "{:<6}{:<15}{:<8}{:<6}{:<7}{:>10}"
    print(f"lab {lab.name}: {lab.config.describe()}{'' if lab.config.complete else ' (unfinished)'}")
    print(row.format("NODE", "ADDRESS", "POWER", "LINK", "DELAY", "MEMORY"))
    for node in lab.nodes:
        machine = lab.machine(node)
        power = "off" if not machine.is_on() else "frozen" if machine.group.is_frozen() else "on"
        link = "up" if network.is_up(lab.layout, node) else "cut"
        slow = "yes" if delay.is_on(lab.layout, node) else "no"
        print(row.format(node.name, node.ip, power, link, slow, f"{machine.memory_kib() // 1024} MiB"))


def print_inventory(options) -> None:
    print(inventory.render(_open(options), options.user), end="")


def trace(options) -> None:
    layout = _open(options).layout
    if options.clear:
        shared.clear_trace(layout)
    else:
        print(shared.read_trace(layout), end="")


def add_fault(options) -> None:
    lab = _open(options)
    if options.node:
        lab.node(options.node)
    _check_pattern(options.match or "")
    fault = {key: value for key in FAULT_KEYS if (value := getattr(options, key)) is not None}
    shared.add_fault(lab.layout, fault)


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise LabError(f"--match {pattern}: {error}", "it is a regular expression as Python writes it")


def list_faults(options) -> None:
    for fault in shared.read_faults(_open(options).layout):
        print(json.dumps(fault))


def clear_faults(options) -> None:
    shared.clear_faults(_open(options).layout)


def clean(options) -> None:
    names = all_labs() if options.all else [options.layout.name]
    for name in names:
        layout = Layout(name)
        with cache.locked(layout.lock):
            if remove(layout):
                say(f"removed {name}")
            layout.lock.unlink(missing_ok=True)
    if not all_labs():
        cgroups.forget_own_mount()
        _remove_if_empty(state_root())


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        pass  # other labs' locks, or not there at all
