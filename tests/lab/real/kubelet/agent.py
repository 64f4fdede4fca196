"""The kubelet's main loop."""

import os
import signal
import time

from api import Client, Refused, Unreachable, Unusable
from bootstrap import bootstrap
from health import Health
from node import Node
from options import Options, Unconfigured, installed_version
from pods import Pods
from staticpods import StaticPods

LOOP_SECONDS = 0.3
CLUSTER_SECONDS = 1.0


def log(message):
    print(message, flush=True)


class ClusterSide:
    """Everything that needs the API server; static pods must not wait for it."""

    def __init__(self, options, version, static_pods):
        self._options = options
        self._version = version
        self._static_pods = static_pods
        self._node = None
        self._pods = None

    def sync(self):
        try:
            if self._node or self._connect():
                self._node.sync()
                self._pods.sync()
        except (Unreachable, Unusable, Refused, TimeoutError) as error:
            log(f"cluster: {error}")

    def _connect(self):
        options = self._options
        if not os.path.exists(options.kubeconfig):
            if not os.path.exists(options.bootstrap_kubeconfig):
                return False  # kubeadm writes one of the two in a moment
            bootstrap(options)
            log("TLS bootstrap done")
        client = Client(options.kubeconfig)
        self._node = Node(client, options.node_name, self._version, log)
        self._pods = Pods(client, self._node, self._static_pods, log)
        return True


def main(arguments):
    version = installed_version()
    if "--version" in arguments:
        print("Kubernetes", version)
        return 0
    try:
        options = Options(arguments)
    except Unconfigured as error:
        log(error)
        return 255
    # Pods run on when the kubelet ends, so there is nothing to tidy up.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    log(f"kubelet {version} of node {options.node_name}")
    health = Health(options.health_port)
    static_pods = StaticPods(options.manifests, log)
    cluster = ClusterSide(options, version, static_pods)
    next_cluster_sync = 0.0
    while True:
        static_pods.sync()
        if time.monotonic() >= next_cluster_sync:
            cluster.sync()
            next_cluster_sync = time.monotonic() + CLUSTER_SECONDS
        health.round_done()
        time.sleep(LOOP_SECONDS)
