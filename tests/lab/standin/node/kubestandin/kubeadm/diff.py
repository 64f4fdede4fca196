"""kubeadm upgrade diff: what `apply` would change in the static pod manifests."""

import difflib

from .. import manifests, versions
from . import begin, context
from .failure import Failure
from .flags import parse

FLAGS = {"config": str, "kubeconfig": str, "context-lines": str}


def main(words: list) -> None:
    flags, rest = parse(words, FLAGS, {"c": "context-lines"})
    client = context.connect(flags.get("kubeconfig", context.ADMIN_CONF))
    print("[upgrade/diff] Reading configuration from the cluster...")
    print(f"[upgrade/diff] FYI: {begin.FYI}")
    try:
        config = context.cluster_configuration(client)
    except Failure as error:
        raise Failure(f"[upgrade/diff] FATAL: {error}") from error
    from_file = begin.from_file(flags.get("config"), context.own_version())
    text = rest[0] if rest else from_file.get("kubernetesVersion", "")
    if not text:
        raise Failure("missing one or more required arguments. Required arguments: [version]")
    try:
        target = versions.parse(text)
    except ValueError as error:
        raise Failure(str(error)) from error
    config = {**config, **from_file, "kubernetesVersion": str(target)}
    lines = int(flags.get("context-lines", "3"))
    begin.reachable(lambda: _show(client, config, lines))


def _show(client, config: dict, lines: int) -> None:
    node = context.node_name()
    address = context.api_address(client, node)
    for component in manifests.COMPONENTS:
        path = f"{manifests.MANIFESTS}/{component}.yaml"
        try:
            with open(path, encoding="utf-8") as file:
                old = file.read().splitlines(keepends=True)
        except OSError as error:
            raise Failure(f"open {path}: no such file or directory") from error
        new = manifests.text(manifests.manifest(component, config, node, address)).splitlines(keepends=True)
        print("".join(difflib.unified_diff(old, new, path, "new manifest", n=lines)), end="")
