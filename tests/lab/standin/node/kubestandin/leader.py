"""Leader election through a Lease, so that of several masters one acts."""

import socket
import time

from . import times
from .client import Client, Refused

LEASE_SECONDS = 4.0
NAMESPACE = "kube-system"


class Election:
    def __init__(self, client: Client, name: str):
        self._client, self._name, self._identity = client, name, socket.gethostname()
        # What was seen last, and when by our own clock: those of other nodes are not to be trusted.
        self._seen, self._seen_at = None, 0.0

    def leading(self) -> bool:
        """Takes or renews the lease if possible; whether we hold it now."""
        lease = self._client.find("Lease", self._name, NAMESPACE)
        spec = {"holderIdentity": self._identity, "leaseDurationSeconds": int(LEASE_SECONDS), "renewTime": times.now_micro()}
        try:
            if lease is None:
                document = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                            "metadata": {"name": self._name, "namespace": NAMESPACE}, "spec": spec}
                self._client.create(document, NAMESPACE)
                return True
            if lease["spec"].get("holderIdentity") != self._identity and not self._expired(lease["spec"]):
                return False
            lease["spec"] = spec
            self._client.update(lease)
            return True
        except Refused as error:
            # Another one was faster.
            if error.code == 409:
                return False
            raise

    def _expired(self, spec: dict) -> bool:
        mark = (spec.get("holderIdentity"), spec.get("renewTime"))
        if mark != self._seen:
            self._seen, self._seen_at = mark, time.monotonic()
        return time.monotonic() - self._seen_at > LEASE_SECONDS
