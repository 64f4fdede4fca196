"""A small client of the Kubernetes API, set up from a kubeconfig file."""

import base64
import contextlib
import http.client
import json
import os
import ssl
import tempfile
import urllib.parse

import yaml

TIMEOUT_SECONDS = 5
STRATEGIC_MERGE = "application/strategic-merge-patch+json"


class Unreachable(Exception):
    """The API server did not answer."""


class Unusable(Exception):
    """The kubeconfig file cannot be used: kubeadm may be writing it just now."""


class Refused(Exception):
    """The API server answered with an error."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def load_kubeconfig(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


class Client:
    """Calls over one kept connection, which is made anew when it broke."""

    def __init__(self, kubeconfig_path):
        try:
            config = load_kubeconfig(kubeconfig_path)
            cluster = config["clusters"][0]["cluster"]
            user = config["users"][0]["user"]
            self._address = urllib.parse.urlsplit(cluster["server"]).netloc
            self._context = _tls_context(cluster, user)
        except (OSError, LookupError, TypeError, ValueError, yaml.YAMLError) as error:
            raise Unusable(f"{kubeconfig_path}: {error!r}") from error
        self._token = user.get("token")
        self._connection = None

    def get(self, path):
        """The object, or None when there is none."""
        try:
            return self.call("GET", path)
        except Refused as refusal:
            if refusal.code == 404:
                return None
            raise

    def create(self, path, body):
        return self.call("POST", path, body)

    def replace(self, path, body):
        return self.call("PUT", path, body)

    def patch(self, path, body):
        return self.call("PATCH", path, body, STRATEGIC_MERGE)

    def delete_now(self, path):
        """Deletes without a grace period; it is well if the object was gone already."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
        try:
            self.call("DELETE", path, options)
        except Refused as refusal:
            if refusal.code != 404:
                raise

    def call(self, method, path, body=None, content_type="application/json"):
        status, text = self._exchange(method, path, body, content_type)
        try:
            answer = json.loads(text or b"{}")
        except ValueError:
            answer = {"message": text.decode(errors="replace")}
        if status >= 400:
            raise Refused(status, answer.get("message", ""))
        return answer

    def _exchange(self, method, path, body, content_type):
        headers = {"Accept": "application/json", "Content-Type": content_type}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        payload = None if body is None else json.dumps(body)
        # The server closes idle connections and restarts during an upgrade: a kept
        # connection that fails says nothing yet, a fresh one does.
        for fresh in (False, True) if self._connection else (True,):
            try:
                connection = self._connect()
                connection.request(method, path, payload, headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                self._disconnect()
                if fresh:
                    raise Unreachable(f"{method} https://{self._address}{path}: {error}") from error
        raise AssertionError("the last attempt returns or raises")

    def _connect(self):
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                self._address, timeout=TIMEOUT_SECONDS, context=self._context
            )
        return self._connection

    def _disconnect(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _tls_context(cluster, user):
    with contextlib.ExitStack() as files:
        authority = files.enter_context(_as_file(cluster, "certificate-authority"))
        certificate = files.enter_context(_as_file(user, "client-certificate"))
        key = files.enter_context(_as_file(user, "client-key"))
        context = ssl.create_default_context(cafile=authority)
        if certificate:
            context.load_cert_chain(certificate, key)
        return context


@contextlib.contextmanager
def _as_file(entry, name):
    """The path of a kubeconfig entry that is a path or, as NAME-data, the content itself."""
    if f"{name}-data" not in entry:
        yield entry.get(name)
        return
    with tempfile.NamedTemporaryFile(dir="/run", delete=False) as file:
        file.write(base64.b64decode(entry[f"{name}-data"]))
    try:
        yield file.name
    finally:
        os.unlink(file.name)
