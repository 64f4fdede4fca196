"""A lab: nodes, their network, and perhaps a cluster on them."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Sequence

from labkit import base_image, cache, claims, config, delay, keys, network, packages, plugin, process, saved, shared
from labkit.config import NO_CLUSTER, Config
from labkit.errors import LabError
from labkit.layout import Layout, Node
from labkit.machine import Machine
from labkit.remove import remove

NODE_TOOLS = Path(__file__).resolve().parent / "node"
TOOLS_IN_NODE = "/usr/local/lib/krun-lab"
SHARED_IN_NODE = "/srv/lab"
AT_ONCE = 16  # nodes that are worked on at the same time

Say = Callable[[str], None]


class Lab:
    """An existing lab; see `open_lab` and `up`."""

    def __init__(self, layout: Layout, made_of: Config, cache_dir: Path):
        self.layout = layout
        self.config = made_of
        self.cache = cache_dir
        self.nodes = made_of.nodes()
        self._machines = {node.name: Machine(layout, node) for node in self.nodes}

    @property
    def name(self) -> str:
        return self.layout.name

    @property
    def masters(self) -> list[Node]:
        return [node for node in self.nodes if node.is_master]

    @property
    def workers(self) -> list[Node]:
        return [node for node in self.nodes if not node.is_master]

    @property
    def state(self) -> Path:
        return self.layout.state

    @property
    def shared(self) -> Path:
        return self.layout.shared

    def node(self, name: str) -> Node:
        return self.machine(name).node

    def machine(self, node: str | Node) -> Machine:
        name = node if isinstance(node, str) else node.name
        if name not in self._machines:
            raise LabError(f"lab {self.name} has no node `{name}`", f"it has {', '.join(self._machines)}")
        return self._machines[name]

    def each(self, function: Callable[[Node], object], nodes: Sequence[Node] | None = None) -> list:
        """Calls `function` for all nodes at once; raises the first error when all have ended."""
        chosen = self.nodes if nodes is None else nodes
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            return list(pool.map(function, chosen))

    def run(self, node: str | Node, argv: Sequence[str], **options) -> subprocess.CompletedProcess:
        """Runs a command as root in a node; see plugin.py for the options."""
        return self.machine(node).run(list(argv), **options)

    def ctl(self, argv: Sequence[str], **options) -> subprocess.CompletedProcess:
        """Runs a command on the controller's side."""
        return process.run(self.ctl_command(argv), name="controller", **options)

    def ctl_command(self, argv: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net={network.path(self.layout.control_netns)}", "--", *argv]

    def root(self, node: str | Node) -> Path:
        return self.machine(node).root()

    def boot(self, nodes: Sequence[Node] | None = None) -> None:
        """Switches nodes on and returns when they answer on ssh."""
        chosen = self.nodes if nodes is None else nodes
        for node in chosen:
            self.machine(node).start(Path(self.config.base), self.config.saved_path(), self._binds())
        # A node whose cable is cut cannot answer, and need not.
        reachable = [node for node in chosen if network.is_up(self.layout, node)]
        self.each(lambda node: self.machine(node).wait_for_ssh(), reachable)

    def boot_what_is_off(self) -> None:
        if off := [node for node in self.nodes if not self.machine(node).is_on()]:
            self.boot(off)
            self._wait_for_cluster()

    def reset(self) -> None:
        """Back to where `up` left it: disks, cables, shared folder."""
        self.each(lambda node: self.machine(node).kill())
        for node in self.nodes:
            delay.end(self.layout, node)
            network.set_rate(self.layout, node, None)
            network.set_link(self.layout, node, up=True)
        self.make_disks()
        self.boot()
        self._wait_for_cluster()

    def _wait_for_cluster(self) -> None:
        if self.config.kind != NO_CLUSTER:
            plugin.load(self.config.kind).ready(self)

    def make_disks(self) -> None:
        shared.make_empty(self.layout)
        for node in self.nodes:
            disk = self.machine(node).disk
            disk.make_blank()
            disk.make_identity(self.nodes, Path(self.config.base))

    def _binds(self) -> list[tuple[str, str, bool]]:
        own = [(str(self.shared), SHARED_IN_NODE, False), (str(self.layout.tools), TOOLS_IN_NODE, True)]
        return own + [tuple(bind) for bind in self.config.binds]


def open_lab(layout: Layout, cache_dir: Path) -> Lab:
    found = config.read(layout)
    if found is None:
        raise LabError(f"there is no lab `{layout.name}`", "`lab up` makes one; `lab status --all` lists all")
    return Lab(layout, found, cache_dir)


def prepare(cache_dir: Path, kinds: Sequence[str], say: Say) -> Path:
    """Sees to it that this machine has all that a lab needs; returns the base image."""
    packages.install(packages.LAB_NEEDS, say)
    base = base_image.prepare(cache_dir, say)
    for kind in kinds:
        plugin.load(kind).prepare(cache_dir)
    return base


def up(layout: Layout, cache_dir: Path, wanted: Config, say: Say) -> Lab:
    """Makes a lab, or starts what is off in one that is there already. The caller holds the lab's lock."""
    found = config.read(layout)
    if found and found.complete:
        if not found.same_request(wanted):
            raise LabError(
                f"lab {layout.name} exists and is another: {found.describe()}",
                "`lab down` ends it; --name makes a second one beside it",
            )
        lab = Lab(layout, found, cache_dir)
        lab.boot_what_is_off()
        return lab
    remove(layout)  # what an interrupted `up` or a crash may have left
    kinds = [] if wanted.kind == NO_CLUSTER else [wanted.kind]
    wanted.base = str(prepare(cache_dir, kinds, say))
    if kinds:
        wanted.binds = tuple(plugin.load(wanted.kind).binds(cache_dir))
    claims.claim(layout)
    wanted.write(layout)
    lab = Lab(layout, wanted, cache_dir)
    saved.note_use(layout, Path(wanted.base), *(Path(host) for host, _, _ in wanted.binds))
    shutil.copytree(NODE_TOOLS, layout.tools, ignore=shutil.ignore_patterns("__pycache__"))
    keys.make(layout, lab.nodes)
    network.make_control(layout)
    if wanted.kind == NO_CLUSTER:
        lab.make_disks()
        lab.boot()
    else:
        _up_cluster(lab, say)
    wanted.complete = True
    wanted.write(layout)
    return lab


def _up_cluster(lab: Lab, say: Say) -> None:
    """Boots from the saved disks of such a cluster, after making and saving them if there are none."""
    made_of = lab.config
    kind = plugin.load(made_of.kind)
    sizes = (made_of.masters, made_of.workers)
    path, key = saved.product(lab.cache, Path(made_of.base), made_of.kind, made_of.version, *sizes)
    if not cache.is_built(path, key):
        say(f"making {made_of.describe()} (once; later labs start from its saved disks)")
        lab.make_disks()
        lab.boot()
        kind.create(lab, made_of.version)
        lab.each(lambda node: lab.machine(node).stop())
        cache.build(path, key, lambda target: _save_disks(lab, target))
        saved.prune(path)
    made_of.saved = str(path)
    made_of.write(lab.layout)
    saved.note_use(lab.layout, path)
    lab.make_disks()
    lab.boot()
    kind.ready(lab)


def _save_disks(lab: Lab, target: Path) -> None:
    target.mkdir()
    for node in lab.nodes:
        lab.machine(node).disk.save(target / node.name)
