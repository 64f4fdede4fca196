"""The lab's ssh keys: one to log in with, one for each node, and the files that make ssh use and trust them."""

from pathlib import Path

from labkit import process
from labkit.disk import host_key
from labkit.layout import Layout, Node


def make(layout: Layout, nodes: list[Node]) -> None:
    layout.state.chmod(0o755)
    _make_key(layout.key, f"krun lab {layout.name}")
    (layout.state / "host-keys").mkdir(exist_ok=True)
    for node in nodes:
        _make_key(host_key(layout, node), node.name)
    layout.known_hosts.write_text("".join(_known_host(layout, node) for node in nodes))
    layout.ssh_config.write_text(_ssh_config(layout, nodes))


def _make_key(path: Path, comment: str) -> None:
    if not path.exists():
        process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def _known_host(layout: Layout, node: Node) -> str:
    kind, key = host_key(layout, node, ".pub").read_text().split()[:2]
    return f"{node.ip},{node.name} {kind} {key}\n"


def _ssh_config(layout: Layout, nodes: list[Node]) -> str:
    hosts = "".join(f"Host {node.name}\n    HostName {node.ip}\n    HostKeyAlias {node.name}\n" for node in nodes)
    return (
        f"{hosts}Host *\n"
        "    User root\n"
        f'    IdentityFile "{layout.key}"\n'
        "    IdentitiesOnly yes\n"
        f'    UserKnownHostsFile "{layout.known_hosts}"\n'
        "    GlobalKnownHostsFile /dev/null\n"
        "    StrictHostKeyChecking yes\n"
        "    BatchMode yes\n"
        "    ConnectTimeout 5\n"
    )
