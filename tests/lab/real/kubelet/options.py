"""The command line and the configuration file of the kubelet."""

import os
import socket

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))


class Unconfigured(Exception):
    """There is no usable configuration file (yet): the node has not joined."""


def installed_version():
    """The version of the package this program came with, such as v1.20.0.

    It is read once, at the start: as with the real kubelet, a package that was
    upgraded shows in the Node object only after a restart.
    """
    with open(os.path.join(HERE, "VERSION"), encoding="ascii") as file:
        return "v" + file.read().strip()


def parse_flags(arguments):
    """--name=value and --name, as kubeadm writes them into kubeadm-flags.env."""
    flags = {}
    for argument in arguments:
        if argument.startswith("--"):
            name, _, value = argument[2:].partition("=")
            flags[name] = value or "true"
    return flags


class Options:
    """What this kubelet takes from its flags and from its configuration file.

    Flags about the container runtime and the network have nothing to act on here.
    """

    def __init__(self, arguments):
        flags = parse_flags(arguments)
        self.config_path = flags.get("config", "/var/lib/kubelet/config.yaml")
        self.kubeconfig = flags.get("kubeconfig", "/etc/kubernetes/kubelet.conf")
        self.bootstrap_kubeconfig = flags.get(
            "bootstrap-kubeconfig", "/etc/kubernetes/bootstrap-kubelet.conf"
        )
        self.node_name = flags.get("hostname-override") or socket.gethostname()
        config = self._load_config()
        self.manifests = config.get("staticPodPath") or "/etc/kubernetes/manifests"
        self.health_port = config.get("healthzPort") or 10248

    def _load_config(self):
        try:
            with open(self.config_path, encoding="utf-8") as file:
                return yaml.safe_load(file) or {}
        except OSError as error:
            # The real one's words: they end up in the journal of a node that has
            # kubelet installed and enabled but did not run kubeadm join yet.
            raise Unconfigured(
                f"failed to load Kubelet config file {self.config_path}, error failed to read "
                f'kubelet config file "{self.config_path}", error: open {self.config_path}: '
                f"{os.strerror(error.errno).lower()}"
            ) from error
        except yaml.YAMLError as error:
            raise Unconfigured(f"failed to decode {self.config_path}: {error}") from error
