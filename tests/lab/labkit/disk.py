"""A node's disk: the shared base image below, perhaps a saved cluster in between, the node's own changes on top.

The layers are overlayfs layers. Since a saved disk is just one more read-only layer, booting from it and going
back to it costs nothing.
"""

import os
from pathlib import Path

from labkit import cache, process
from labkit.errors import LabError
from labkit.layout import CONTROLLER_IP, Layout, Node


class Disk:
    def __init__(self, layout: Layout, node: Node):
        self._layout = layout
        self._node = node
        self.folder = layout.node_dir(node.name)
        self.upper = self.folder / "upper"

    def exists(self) -> bool:
        return self.upper.is_dir()

    def make_blank(self) -> None:
        """Forgets all changes. The node must be off."""
        for name in ("upper", "work"):
            cache.remove(self.folder / name)
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.upper.chmod(0o755)

    def make_identity(self, nodes: list[Node], base: Path) -> None:
        """Names, addresses and keys: what makes this node different from all others. The node must be off."""
        self._write("etc/hostname", f"{self._node.name}\n")
        self._write("etc/hosts", _hosts(nodes))
        self._copy_key()
        public_key = (self._layout.key.with_suffix(".pub")).read_text()
        for home, owner in _homes(base).items():
            self._write(f"{home}/.ssh/authorized_keys", public_key, 0o600, owner)
            self._own(self.upper / home, owner, 0o700)
            self._own(self.upper / home / ".ssh", owner, 0o700)

    def save(self, target: Path) -> None:
        """Copies the changes to `target`. The node must be off."""
        process.run(["cp", "-a", "--reflink=auto", "--sparse=auto", str(self.upper), str(target)], timeout=600)

    def _copy_key(self) -> None:
        """The host key outlives the disk, so that a reset node is still the one that known_hosts names."""
        for source, mode in ((host_key(self._layout, self._node), 0o600), (host_key(self._layout, self._node, ".pub"), 0o644)):
            self._write(f"etc/ssh/ssh_host_ed25519_key{source.suffix}", source.read_text(), mode)

    def _write(self, name: str, text: str, mode: int = 0o644, owner: tuple[int, int] = (0, 0)) -> None:
        path = self.upper / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self._own(path, owner, mode)

    @staticmethod
    def _own(path: Path, owner: tuple[int, int], mode: int) -> None:
        os.chown(path, *owner)
        path.chmod(mode)


def host_key(layout: Layout, node: Node, suffix: str = "") -> Path:
    return layout.state / "host-keys" / f"{node.name}{suffix}"


def lower_layers(base: Path, saved: Path | None, node: Node) -> str:
    """The read-only layers of a node's disk, the uppermost first."""
    layers = [saved / node.name, base] if saved else [base]
    for layer in layers:
        if ":" in str(layer) or "," in str(layer):
            raise LabError(f"{layer}: overlayfs cannot have `:` or `,` in a path", "set KRUN_LAB_CACHE to another folder")
    return ":".join(map(str, layers))


def _hosts(nodes: list[Node]) -> str:
    lines = ["127.0.0.1 localhost", f"{CONTROLLER_IP} controller", *(f"{node.ip} {node.name}" for node in nodes)]
    return "\n".join(lines) + "\n"


def _homes(base: Path) -> dict[str, tuple[int, int]]:
    """The homes of those who may log in (relative to the root), with their owners."""
    homes = {"root": (0, 0)}
    for home in sorted((base / "home").iterdir()):
        status = home.stat()
        homes[f"home/{home.name}"] = (status.st_uid, status.st_gid)
    return homes
