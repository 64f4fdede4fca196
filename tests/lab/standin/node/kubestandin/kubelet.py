"""The stand-in kubelet: real static pods as processes, every other pod only on paper."""

import logging
import os
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from . import versions
from .client import Client, Refused, Unreachable
from .nodeagent import NodeAgent
from .staticpods import StaticPods

MANIFEST_PERIOD_SECONDS = 0.3
API_PERIOD_SECONDS = 0.6
HEALTH_ADDRESS = ("127.0.0.1", 10248)
# Flag -> the minor that no longer knows it. A kubeadm-flags.env that still has one keeps the kubelet from starting.
REMOVED_FLAGS = {"network-plugin": 24, "cni-bin-dir": 24, "cni-conf-dir": 24, "container-runtime": 27, "pod-infra-container-image": 35}
log = logging.getLogger("kubelet")


def main(arguments: list) -> None:
    version = versions.parse(os.environ["STANDIN_VERSION"])
    if "--version" in arguments:
        print(f"Kubernetes {version}")
        return
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s", stream=sys.stderr)
    flags = _flags(arguments, version)
    _check_config(flags.get("config", "/var/lib/kubelet/config.yaml"))
    log.info("Starting kubelet %s", version)
    _serve_health()
    pods = StaticPods()
    node = flags.get("hostname-override") or socket.gethostname().lower()
    # A process of its own for neither: but a slow API server must not keep the static pods waiting.
    threading.Thread(target=_talk, args=(flags, node, version, pods), daemon=True).start()
    # The pods stay when the kubelet goes, as containers do.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    pause = threading.Event()
    while True:
        pods.sync()
        pause.wait(MANIFEST_PERIOD_SECONDS)


def _flags(arguments: list, version: versions.Version) -> dict:
    flags = {}
    for word in arguments:
        name, _, value = word.removeprefix("--").partition("=")
        if version.minor >= REMOVED_FLAGS.get(name, 999):
            sys.exit(f'E failed to parse kubelet flag" err="unknown flag: --{name}')
        flags[name] = value
    return flags


def _check_config(path: str) -> None:
    try:
        with open(path, encoding="utf-8") as file:
            kind = (yaml.safe_load(file) or {}).get("kind")
    except (OSError, yaml.YAMLError, AttributeError) as error:
        reason = f"open {path}: no such file or directory" if isinstance(error, FileNotFoundError) else str(error)
        sys.exit(f'E "command failed" err="failed to load kubelet config file, path: {path}, error: failed to load Kubelet config file {path}, error: {reason}"')
    if kind != "KubeletConfiguration":
        sys.exit(f'E "command failed" err="failed to load kubelet config file, path: {path}, error: no kind KubeletConfiguration"')


class _Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path.startswith("/healthz") else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        """Silent: asked every few seconds."""


def _serve_health() -> None:
    ThreadingHTTPServer.allow_reuse_address = True
    server = ThreadingHTTPServer(HEALTH_ADDRESS, _Health)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 5}, daemon=True).start()


def _talk(flags: dict, node: str, version: versions.Version, pods: StaticPods) -> None:
    """Keeps the API informed, for ever; without API server the static pods run on."""
    agent, pause = None, threading.Event()
    # Up to 1.23 it spoke to Docker itself unless told otherwise.
    docker = version.minor <= 23 and flags.get("container-runtime") != "remote"
    while True:
        try:
            if agent is None:
                client = Client(flags.get("kubeconfig", "/etc/kubernetes/kubelet.conf"))
                agent = NodeAgent(client, node, str(version), pods, docker)
            agent.sync()
        except (Unreachable, Refused) as error:
            log.warning("API server: %s", error)
        except OSError as error:
            log.warning("kubeconfig: %s", error)
            agent = None
        pause.wait(API_PERIOD_SECONDS)
