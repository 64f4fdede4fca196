"""The Debian packages that the lab needs on this machine."""

import os
from typing import Sequence

from labkit import process

LAB_NEEDS = (
    "createrepo-c",
    "iproute2",
    "mmdebstrap",
    "openssh-client",
    "procps",
    "rpm",
    "systemd-container",
    "util-linux",
)


def install(names: Sequence[str], say=lambda text: None) -> None:
    """Installs what is missing of `names`; quick when nothing is."""
    missing = [name for name in names if not is_installed(name)]
    if not missing:
        return
    say(f"installing {', '.join(missing)}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600", "-o", "APT::Install-Recommends=false"]
    process.run([*apt, "update"], timeout=600, env=env)
    process.run([*apt, "install", *missing], timeout=1800, env=env)


def is_installed(name: str) -> bool:
    shown = process.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", name], check=False)
    return shown.stdout.startswith(b"ii")
