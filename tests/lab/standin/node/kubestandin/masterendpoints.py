"""The Endpoints object `kubernetes` of the namespace default: the addresses of all API servers, kept by themselves.

As the real ones do it, each keeps a lease of its own in etcd, and writes those that are alive into the object; one that ends in order takes
its own away. What a restored snapshot or a power cut leaves behind goes when its lease runs out.
"""

import logging
import threading

from . import etcd, resources
from .problems import ApiError
from .store import Store

LEASES = "/registry/masterleases/"
# The real ones: 15 s and 10 s.
LEASE_SECONDS, PERIOD_SECONDS = 10, 3
ENDPOINTS = resources.by_kind("Endpoints")
log = logging.getLogger("kube-apiserver")


class Reconciler:
    def __init__(self, store: Store, address: str, port: int):
        self._store, self._address, self._port = store, address, port
        self._stop = threading.Event()
        # One at a time: the last word of an API server that ends is that it is gone.
        self._turn = threading.Lock()

    def run(self) -> None:
        """Never returns before `end`; without etcd it waits for etcd."""
        pause = 0.0
        while not self._stop.wait(pause):
            pause = PERIOD_SECONDS
            with self._turn:
                if self._stop.is_set():
                    return
                try:
                    self._store.etcd.put_leased(LEASES + self._address, b"{}", LEASE_SECONDS)
                    self._write()
                except (etcd.Unavailable, ApiError) as error:
                    log.warning("endpoints: %s", error)
                    pause = 0.5

    def end(self) -> None:
        self._stop.set()
        with self._turn:
            try:
                self._store.etcd.delete(LEASES + self._address)
                self._write()
            except (etcd.Unavailable, ApiError) as error:
                log.warning("endpoints: %s", error)

    def _write(self) -> None:
        alive = sorted(entry.key.removeprefix(LEASES) for entry in self._store.etcd.list(LEASES)[0])
        port = {"name": "https", "port": self._port, "protocol": "TCP"}
        subsets = [{"addresses": [{"ip": address} for address in alive], "ports": [port]}] if alive else []
        try:
            self._store.update(ENDPOINTS, "default", "kubernetes", lambda old: {**old, "subsets": subsets})
        except ApiError as error:
            if error.code != 404:
                raise
            document = {"metadata": {"name": "kubernetes", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}, "subsets": subsets}
            self._store.create(ENDPOINTS, "default", document)
