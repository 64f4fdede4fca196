"""The lab as an inventory: what a runner on the controller's side needs to reach the nodes."""

from labkit.lab import Lab


def render(lab: Lab, user: str) -> str:
    layout = lab.layout
    lines = [f"# Lab {lab.name}; valid inside its control network: lab ctl -- COMMAND"]
    for group, nodes in (("masters", lab.masters), ("workers", lab.workers)):
        lines += [f"[{group}]", *(f"{node.name} ansible_host={node.ip}" for node in nodes), ""]
    options = f'-o UserKnownHostsFile="{layout.known_hosts}" -o StrictHostKeyChecking=yes'
    lines += [
        "[all:vars]",
        f"ansible_user={user}",
        f"ansible_ssh_private_key_file={layout.key}",
        f"ansible_ssh_common_args='{options}'",
    ]
    if user != "root":
        lines.append("ansible_become=true")
    return "\n".join(lines) + "\n"
