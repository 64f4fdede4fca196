"""Kubernetes versions and what the real kubeadm of a version goes with: the image tags of etcd, CoreDNS and pause."""

import re
from typing import NamedTuple


class Version(NamedTuple):
    major: int
    minor: int
    patch: int

    def __str__(self):
        return f"v{self.major}.{self.minor}.{self.patch}"


def parse(text: str) -> Version:
    """Reads 1.28.2 or v1.28.2; a release suffix is not a version."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    if not match:
        raise ValueError(f'couldn\'t parse Kubernetes version "{text}"')
    return Version(*(int(part) for part in match.groups()))


# Minor -> tag, as in the constants of kubeadm of that minor.
_ETCD = {18: "3.4.3-0", 19: "3.4.13-0", 20: "3.4.13-0", 21: "3.4.13-0", 22: "3.5.0-0", 23: "3.5.1-0", 24: "3.5.3-0",
         25: "3.5.4-0", 26: "3.5.6-0", 27: "3.5.7-0", 28: "3.5.9-0", 29: "3.5.10-0", 30: "3.5.12-0", 31: "3.5.15-0", 32: "3.5.16-0",
         33: "3.5.21-0", 34: "3.6.4-0", 35: "3.6.6-0", 36: "3.6.8-0"}
# Patch releases that moved on: from which one, and to which tag.
_LATER_ETCD = {28: (9, "3.5.12-0"), 29: (4, "3.5.12-0"), 34: (2, "3.6.5-0")}
_COREDNS = {18: "1.6.7", 19: "1.7.0", 20: "1.7.0", 21: "v1.8.0", 22: "v1.8.4", 23: "v1.8.6", 24: "v1.8.6",
            25: "v1.9.3", 26: "v1.9.3", 27: "v1.10.1", 28: "v1.10.1", 29: "v1.11.1", 30: "v1.11.1", 31: "v1.11.1", 32: "v1.11.3",
            33: "v1.12.0", 34: "v1.12.1", 35: "v1.13.1", 36: "v1.14.2"}
_PAUSE = {18: "3.2", 19: "3.2", 20: "3.2", 21: "3.4.1", 22: "3.5", 23: "3.6", 24: "3.7", 25: "3.8", 26: "3.9",
          27: "3.9", 28: "3.9", 29: "3.9", 30: "3.9", 31: "3.10", 32: "3.10", 33: "3.10", 34: "3.10.1", 35: "3.10.1", 36: "3.10.2"}


def etcd_tag(version: Version) -> str:
    first, tag = _LATER_ETCD.get(version.minor, (None, ""))
    return tag if first is not None and version.patch >= first else _ETCD[version.minor]


def coredns_tag(version: Version) -> str:
    return _COREDNS[version.minor]


def pause_tag(version: Version) -> str:
    return _PAUSE[version.minor]


def image_repository(version: Version) -> str:
    """kubeadm's default: k8s.gcr.io up to 1.24, registry.k8s.io after."""
    return "registry.k8s.io" if version.minor >= 25 else "k8s.gcr.io"


def config_api(version: Version) -> str:
    """The kubeadm.k8s.io version that kubeadm of this version writes into the ConfigMap."""
    if version.minor >= 31:
        return "v1beta4"
    return "v1beta3" if version.minor >= 22 else "v1beta2"


def phased(version: Version) -> bool:
    """Whether `kubeadm upgrade apply` is made of phases, with other words: since 1.32."""
    return version.minor >= 32


def kubelet_configmap(version: Version) -> str:
    """kubelet-config-1.X until 1.23, kubelet-config after."""
    return "kubelet-config" if version.minor >= 24 else f"kubelet-config-{version.major}.{version.minor}"
