"""The lab's network: a control namespace with a bridge, and a namespace with one address for every node.

There is no way out of it: nothing in a lab can reach, or be reached from, anything but the lab.
"""

from pathlib import Path

from labkit import process
from labkit.layout import CONTROLLER_IP, Layout, NETNS_PREFIX, Node

RUN_NETNS = Path("/run/netns")
BRIDGE = "br0"


def path(netns: str) -> str:
    return str(RUN_NETNS / netns)


def exists(netns: str) -> bool:
    return (RUN_NETNS / netns).exists()


def namespaces(lab: str) -> list[str]:
    """All network namespaces of a lab that there are."""
    return [name for name in _all() if name == NETNS_PREFIX + lab or name.startswith(f"{NETNS_PREFIX}{lab}.")]


def _all() -> list[str]:
    if not RUN_NETNS.is_dir():
        return []
    return sorted(entry.name for entry in RUN_NETNS.iterdir() if entry.name.startswith(NETNS_PREFIX))


def link(node: str) -> str:
    """The controller's end of a node's cable."""
    return f"v-{node}"


def make_control(layout: Layout) -> None:
    if exists(layout.control_netns):
        return
    process.run(["ip", "netns", "add", layout.control_netns])
    _batch(
        layout.control_netns,
        "link set lo up",
        f"link add {BRIDGE} type bridge",
        f"addr add {CONTROLLER_IP}/24 dev {BRIDGE}",
        f"link set {BRIDGE} up",
    )


def make_node(layout: Layout, node: Node) -> None:
    netns = layout.node_netns(node.name)
    if exists(netns):
        return
    process.run(["ip", "netns", "add", netns])
    _batch(
        layout.control_netns,
        f"link add {link(node.name)} type veth peer name eth0 netns {netns}",
        f"link set {link(node.name)} master {BRIDGE} up",
    )
    _batch(netns, "link set lo up", f"addr add {node.ip}/24 dev eth0", "link set eth0 up")


def remove(netns: str) -> None:
    """Removes a namespace; the processes in it, if any, keep it alive but nameless."""
    if process.run(["ip", "netns", "del", netns], check=False).returncode != 0:
        (RUN_NETNS / netns).unlink(missing_ok=True)  # left by a machine that has been restarted since


def set_link(layout: Layout, node: Node, up: bool) -> None:
    _batch(layout.control_netns, f"link set {link(node.name)} {'up' if up else 'down'}")


def is_up(layout: Layout, node: Node) -> bool:
    shown = process.output(_inside(layout.control_netns, "ip", "-o", "link", "show", link(node.name)), check=False)
    return ",UP" in shown or "<UP" in shown


def set_rate(layout: Layout, node: Node, rate: str | None) -> None:
    """Limits what goes to the node and what comes from it, each to `rate` (as tc writes it); None lifts the limit."""
    for netns, device in ((layout.control_netns, link(node.name)), (layout.node_netns(node.name), "eth0")):
        if rate:
            limit = ["replace", "dev", device, "root", "tbf", "rate", rate, "burst", "16kb", "latency", "400ms"]
            process.run(_inside(netns, "tc", "qdisc", *limit))
        else:
            process.run(_inside(netns, "tc", "qdisc", "del", "dev", device, "root"), check=False)


def reattach(layout: Layout, node: Node) -> None:
    """Puts the node's cable back on the bridge, after a delay line that held it."""
    _batch(layout.control_netns, f"link set {link(node.name)} promisc off master {BRIDGE}")


def _batch(netns: str, *lines: str) -> None:
    process.run(_inside(netns, "ip", "-batch", "-"), input="\n".join(lines) + "\n")


def _inside(netns: str, *argv: str) -> list[str]:
    """Like `ip -n`, which also remounts /sys and therefore fails in a chroot."""
    return ["nsenter", f"--net={path(netns)}", "--", *argv]
