"""A client of the API, from a kubeconfig."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import ssl
import tempfile
from urllib.parse import urlencode, urlsplit

import yaml

from . import resources


class Refused(Exception):
    """The API server answered with an error."""

    def __init__(self, code: int, status: dict):
        super().__init__(status.get("message", f"HTTP {code}"))
        self.code, self.status = code, status


class Unreachable(Exception):
    """No connection, or none that lasted."""


class Client:
    def __init__(self, kubeconfig: str, timeout: float = 5.0):
        with open(kubeconfig, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        url = urlsplit(cluster["server"])
        self.server, self._host, self._port, self._timeout = cluster["server"], url.hostname, url.port or 443, timeout
        self._tls = ssl.create_default_context(cadata=_text(cluster, "certificate-authority"))
        # The ssl module loads a key only from a file.
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(_text(user, "client-certificate") + "\n" + _text(user, "client-key"))
            pair.flush()
            self._tls.load_cert_chain(pair.name)
        self._connection = None

    def get(self, kind: str, name: str, namespace: str = "") -> dict:
        return self.call("GET", path_of(kind, namespace, name))

    def find(self, kind: str, name: str, namespace: str = ""):
        """The object, or None when there is none."""
        try:
            return self.get(kind, name, namespace)
        except Refused as error:
            if error.code == 404:
                return None
            raise

    def list(self, kind: str, namespace: str = "", **selectors) -> list:
        query = "?" + urlencode(selectors) if selectors else ""
        return self.call("GET", path_of(kind, namespace) + query)["items"]

    def create(self, document: dict, namespace: str = "") -> dict:
        return self.call("POST", path_of(document["kind"], namespace), document)

    def update(self, document: dict) -> dict:
        metadata = document["metadata"]
        return self.call("PUT", path_of(document["kind"], metadata.get("namespace", ""), metadata["name"]), document)

    def merge(self, kind: str, name: str, change: dict, namespace: str = "", subresource: str = "") -> dict:
        path = path_of(kind, namespace, name) + (f"/{subresource}" if subresource else "")
        return self.call("PATCH", path, change, "application/merge-patch+json")

    def delete(self, kind: str, name: str, namespace: str = "", now: bool = False) -> None:
        try:
            self.call("DELETE", path_of(kind, namespace, name), {"gracePeriodSeconds": 0} if now else {})
        except Refused as error:
            if error.code != 404:
                raise

    def call(self, method: str, path: str, body=None, content_type: str = "application/json"):
        raw = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            fresh = self._connection is None
            try:
                if fresh:
                    self._connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)
                    self._connection.connect()
                    self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connection.request(method, path, raw, {"Content-Type": content_type, "Accept": "application/json"})
                response = self._connection.getresponse()
                data = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                self._connection = None
                # A kept connection dies with the server's restart: once more on a new one.
                if fresh or attempt == 2:
                    raise Unreachable(f'{_verb(method)} "{self.server}{path}": {_go_error(error, self._host, self._port)}') from error
                continue
            if not response.getheader("Content-Type", "").startswith("application/json"):
                return data.decode()
            document = json.loads(data)
            if response.status >= 400:
                raise Refused(response.status, document)
            return document
        raise Unreachable(self.server)


def path_of(kind: str, namespace: str = "", name: str = "") -> str:
    resource = resources.by_kind(kind)
    path = f"/apis/{resource.group}/{resource.version}" if resource.group else "/api/v1"
    if resource.namespaced and namespace:
        path += f"/namespaces/{namespace}"
    return f"{path}/{resource.plural}" + (f"/{name}" if name else "")


def _text(section: dict, key: str) -> str:
    if section.get(key + "-data"):
        return base64.b64decode(section[key + "-data"]).decode()
    path = section[key]
    if not os.path.exists(path):
        raise Unreachable(f"unable to read {key} {path}")
    with open(path, encoding="utf-8") as file:
        return file.read()


def _verb(method: str) -> str:
    return method.capitalize()


def _go_error(error: Exception, host: str, port: int) -> str:
    """The words of Go's net package, which the real programs print."""
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {host}:{port}: connect: connection refused"
    if isinstance(error, TimeoutError):
        return "context deadline exceeded"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    return str(error) or type(error).__name__
