"""A small etcd client: the v3 API as JSON over HTTPS (etcd's grpc-gateway), with the client certificate that kubeadm makes for it."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
from typing import NamedTuple, Optional


class Unavailable(Exception):
    """etcd does not answer, or has no leader."""


class Entry(NamedTuple):
    key: str
    value: bytes
    revision: int


def _b64(data) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def _end_of_prefix(prefix: str) -> bytes:
    raw = prefix.encode()
    return raw[:-1] + bytes([raw[-1] + 1])


class Client:
    def __init__(self, host: str, port: int, ca: str, cert: str, key: str, timeout: float = 5.0):
        self._address = (host, port)
        self._timeout = timeout
        self._tls = ssl.create_default_context(cafile=ca)
        self._tls.load_cert_chain(cert, key)
        # One connection a thread: http.client's are not to be shared.
        self._local = threading.local()

    def get(self, key: str) -> Optional[Entry]:
        entries, _ = self._range({"key": _b64(key)})
        return entries[0] if entries else None

    def list(self, prefix: str, revision: int = 0) -> tuple[list[Entry], int]:
        """All entries below a prefix, and the revision they are of."""
        request = {"key": _b64(prefix), "range_end": _b64(_end_of_prefix(prefix))}
        if revision:
            request["revision"] = str(revision)
        return self._range(request)

    def put_if(self, key: str, value: bytes, expected: int) -> Optional[int]:
        """Writes if the key is still at revision `expected` (0: does not exist); the new revision, or None."""
        return self._txn(key, expected, {"request_put": {"key": _b64(key), "value": _b64(value)}})

    def delete_if(self, key: str, expected: int) -> Optional[int]:
        return self._txn(key, expected, {"request_delete_range": {"key": _b64(key)}})

    def put_leased(self, key: str, value: bytes, seconds: int) -> None:
        """Writes a key that goes by itself after so many seconds."""
        lease = self._call("/v3/lease/grant", {"TTL": str(seconds)})["ID"]
        self._call("/v3/kv/put", {"key": _b64(key), "value": _b64(value), "lease": lease})

    def delete(self, key: str) -> None:
        self._call("/v3/kv/deleterange", {"key": _b64(key)})

    def status(self) -> dict:
        return self._call("/v3/maintenance/status", {})

    def _txn(self, key, expected, operation) -> Optional[int]:
        compare = {"key": _b64(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(expected)}
        answer = self._call("/v3/kv/txn", {"compare": [compare], "success": [operation]})
        return int(answer["header"]["revision"]) if answer.get("succeeded") else None

    def _range(self, request) -> tuple[list[Entry], int]:
        answer = self._call("/v3/kv/range", request)
        entries = [
            Entry(base64.b64decode(kv["key"]).decode(), base64.b64decode(kv.get("value", "")), int(kv["mod_revision"]))
            for kv in answer.get("kvs", [])
        ]
        return entries, int(answer["header"]["revision"])

    def _call(self, path: str, request: dict) -> dict:
        body = json.dumps(request)
        for attempt in (1, 2):
            connection = getattr(self._local, "connection", None)
            fresh = connection is None
            if fresh:
                connection = http.client.HTTPSConnection(*self._address, timeout=self._timeout, context=self._tls)
                self._local.connection = connection
            try:
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                data = response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                # A kept connection may have been closed by an etcd that restarted: once more on a new one.
                if fresh or attempt == 2 or isinstance(error, TimeoutError):
                    raise Unavailable(str(error)) from error
                continue
            if response.status != 200:
                raise Unavailable(f"etcd answers {response.status}: {data.decode(errors='replace').strip()}")
            return json.loads(data)
        raise Unavailable("etcd does not answer")
