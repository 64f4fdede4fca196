"""The stand-in kube-apiserver: https with the cluster's certificates, objects in the real etcd.

It serves what kubectl get, describe, cordon, drain, annotate, label, patch, apply, wait, scale and delete use.
It holds no state of its own, so several of them (stacked masters) agree, and a restored etcd is seen at once.
"""

import json
import logging
import os
import signal
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import yaml

from . import authorization, etcd, eviction, patch, problems, protobuf, resources, selectors, tables, times, versions
from .problems import ApiError
from .masterendpoints import Reconciler
from .store import Store

PODS = resources.by_kind("Pod")
WATCH_POLL_SECONDS = 0.2
WATCH_SECONDS = 300
# Kind -> since which minor clients are warned off it, and in which words.
DEPRECATED = {"Endpoints": (33, "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")}
log = logging.getLogger("kube-apiserver")


class Target:
    """What a path of the API means: a resource, perhaps with namespace, name and subresource."""

    def __init__(self, resource, namespace="", name="", subresource=""):
        self.resource, self.namespace, self.name, self.subresource = resource, namespace, name, subresource


def parse_path(path: str):
    """The Target of a path, or None when it is none."""
    parts = [part for part in path.split("/") if part]
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and resources.find(group, version, rest[2]):
        namespace, rest = rest[1], rest[2:]
    if not 1 <= len(rest) <= 3:
        return None
    resource = resources.find(group, version, rest[0])
    return Target(resource, namespace, *rest[1:]) if resource else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are written apart: without this each answer waits for the peer's delayed acknowledgement.
    disable_nagle_algorithm = True
    timeout = 600
    store: Store
    version: versions.Version

    def log_message(self, *_):
        """No access log: etcd holds what matters, errors are logged where they happen."""

    def do_GET(self):
        self._serve("get")

    def do_POST(self):
        self._serve("create")

    def do_PUT(self):
        self._serve("update")

    def do_PATCH(self):
        self._serve("patch")

    def do_DELETE(self):
        self._serve("delete")

    def _serve(self, verb: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        url = urlsplit(self.path)
        self.query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        self.user = authorization.user_of(self.connection.getpeercert())
        self.deprecated = None
        try:
            if not self._plain(url.path):
                self._object(verb, url.path, raw)
        except ApiError as error:
            self._answer(error.code, error.status())
        except etcd.Unavailable as error:
            # The real server's answer when etcd is away.
            log.warning("etcd: %s", error)
            self._answer(500, ApiError(500, "InternalError", "etcdserver: request timed out").status())
        except (ValueError, KeyError, TypeError) as error:
            log.exception("%s %s", self.command, self.path)
            self._answer(400, problems.bad_request(str(error)).status())
        except (BrokenPipeError, ConnectionError, ssl.SSLError):
            self.close_connection = True

    def _plain(self, path: str) -> bool:
        """Paths that are no objects: health, version, discovery. Whether it was one."""
        if path.rstrip("/") in ("/healthz", "/livez", "/readyz") or path.startswith(("/readyz/", "/livez/", "/healthz/")):
            self._health(path)
        elif path == "/version":
            self._answer(200, self._version_document())
        elif path.startswith("/openapi/v3"):
            self._require_user()
            self._answer(200, {"paths": {}})
        elif path == "/openapi/v2":
            # An empty protobuf document: kubectl then has no schema to validate with and goes on.
            self._require_user()
            self._send(200, b"", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        elif path in ("/api", "/apis") or parse_path(path) is None:
            self._require_user()
            return self._discovery(path)
        else:
            return False
        return True

    def _require_user(self) -> None:
        if self.user == authorization.ANONYMOUS:
            raise ApiError(403, "Forbidden", f'forbidden: User "{self.user.name}" cannot get path "{self.path}"', {})

    def _health(self, path: str) -> None:
        name = path.strip("/").split("/")[0]
        try:
            self.store.etcd.list("/registry/health")
            lines, code = ["[+]ping ok", "[+]etcd ok", f"{name} check passed"], 200
        except etcd.Unavailable:
            lines, code = ["[+]ping ok", "[-]etcd failed: reason withheld", f"{name} check failed"], 500
        verbose = code != 200 or "verbose" in self.query
        self._send(code, ("\n".join(lines) + "\n" if verbose else "ok").encode(), "text/plain; charset=utf-8")

    def _version_document(self) -> dict:
        return {
            "major": str(self.version.major), "minor": str(self.version.minor), "gitVersion": str(self.version),
            "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "",
            "platform": "linux/amd64",
        }

    def _discovery(self, path: str) -> bool:
        parts = [part for part in path.split("/") if part]
        if path == "/api":
            document = {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        elif path == "/apis":
            document = resources.groups()
        elif parts == ["api", "v1"]:
            document = resources.group_resources("", "v1")
        elif parts[:1] == ["apis"] and len(parts) == 2:
            document = next((dict(g, kind="APIGroup", apiVersion="v1") for g in resources.groups()["groups"] if g["name"] == parts[1]), None)
        elif parts[:1] == ["apis"] and len(parts) == 3:
            document = resources.group_resources(parts[1], parts[2])
        elif parts[-1:] == [resources.REVIEW]:
            return False
        else:
            document = None
        if document is None:
            raise problems.no_such_path()
        self._answer(200, document)
        return True

    def _object(self, verb: str, path: str, raw: bytes) -> None:
        if path.endswith("/" + resources.REVIEW):
            document = protobuf.access_review(raw) if raw.startswith(protobuf.MAGIC) else _parse(raw)
            return self._answer(201, self._review(document))
        target = parse_path(path)
        self.deprecated = DEPRECATED.get(target.resource.kind)
        if verb == "get" and not target.name:
            verb = "watch" if self.query.get("watch") in ("true", "1") else "list"
        self._authorize(verb, target)
        if verb == "list":
            return self._list(target)
        if verb == "watch":
            return self._watch(target)
        if target.subresource and target.subresource not in target.resource.subresources:
            raise problems.no_such_path()
        action = getattr(self, f"_{verb}_{target.subresource}", None) or getattr(self, f"_{verb}")
        return action(target, _parse(raw) if raw else {})

    def _authorize(self, verb: str, target: Target) -> None:
        if not authorization.allowed(self.user, verb, target.resource.plural, target.name):
            where = f' in the namespace "{target.namespace}"' if target.namespace else " at the cluster scope"
            why = f'User "{self.user.name}" cannot {verb} resource "{target.resource.plural}" in API group "{target.resource.group}"{where}'
            raise problems.forbidden(target.resource, target.name, why)

    def _review(self, document: dict) -> dict:
        wanted = document["spec"].get("resourceAttributes", {})
        plural = wanted.get("resource", "")
        yes = authorization.allowed(self.user, wanted.get("verb", ""), plural, wanted.get("name", ""))
        return {**document, "status": {"allowed": yes}}

    # Reading

    def _get(self, target: Target, _body: dict) -> None:
        document = self.store.get(target.resource, target.namespace, target.name)
        if self._wants_table():
            return self._answer(200, tables.table(target.resource, [document], int(document["metadata"]["resourceVersion"])))
        return self._answer(200, document)

    def _selected(self, documents: list) -> list:
        fields, labels = self.query.get("fieldSelector", ""), self.query.get("labelSelector", "")
        return [
            document for document in documents
            if selectors.fields_match(fields, document) and selectors.labels_match(labels, document["metadata"].get("labels"))
        ]

    def _list(self, target: Target) -> None:
        documents, revision = self.store.list(target.resource, target.namespace)
        documents = self._selected(documents)
        if self._wants_table():
            return self._answer(200, tables.table(target.resource, documents, revision))
        return self._answer(200, {
            "kind": target.resource.kind + "List", "apiVersion": target.resource.api_version,
            "metadata": {"resourceVersion": str(revision)}, "items": documents,
        })

    def _watch(self, target: Target) -> None:
        """A watch by comparison: the list at the client's revision against the list now, again and again."""
        since = int(self.query.get("resourceVersion") or 0)
        known = {}
        if since:
            known = _by_key(self._selected(self.store.list(target.resource, target.namespace, since)[0]))
        deadline = time.monotonic() + min(float(self.query.get("timeoutSeconds") or WATCH_SECONDS), WATCH_SECONDS)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while time.monotonic() < deadline:
                documents, revision = self.store.list(target.resource, target.namespace)
                current = _by_key(self._selected(documents))
                for kind, document in _changes(known, current):
                    self._chunk(kind, target.resource, document, revision)
                known = current
                time.sleep(WATCH_POLL_SECONDS)
        except etcd.Unavailable:
            # The real server ends its watches when it loses etcd; the client starts a new one.
            log.info("watch of %s ended: etcd is away", target.resource.plural)
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _chunk(self, kind: str, resource, document: dict, revision: int) -> None:
        if self._wants_table():
            document = tables.table(resource, [document], revision)
        line = json.dumps({"type": kind, "object": document}).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    # Writing

    def _dry_run(self) -> bool:
        return bool(self.query.get("dryRun"))

    def _create(self, target: Target, body: dict) -> None:
        if target.resource.namespaced:
            self.store.get(resources.by_kind("Namespace"), "", target.namespace)
        if self._dry_run():
            body.setdefault("metadata", {}).setdefault("creationTimestamp", times.now())
            return self._answer(201, body)
        if target.resource is PODS:
            body.setdefault("status", {}).setdefault("phase", "Pending")
            body.setdefault("spec", {}).setdefault("restartPolicy", "Always")
        return self._answer(201, self.store.create(target.resource, target.namespace, body))

    def _change(self, target: Target, change) -> None:
        if self._dry_run():
            return self._answer(200, change(self.store.get(target.resource, target.namespace, target.name)))

        def with_generation(old: dict) -> dict:
            new = change(json.loads(json.dumps(old)))
            for field in ("uid", "creationTimestamp", "name", "namespace"):
                if field in old["metadata"]:
                    new["metadata"][field] = old["metadata"][field]
            new["kind"], new["apiVersion"] = old["kind"], old["apiVersion"]
            if new.get("spec") != old.get("spec"):
                new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
            return new

        return self._answer(200, self.store.update(target.resource, target.namespace, target.name, with_generation))

    def _update(self, target: Target, body: dict) -> None:
        wanted = body.get("metadata", {}).get("resourceVersion")

        def change(old: dict) -> dict:
            if wanted and wanted != old["metadata"]["resourceVersion"]:
                raise problems.conflict(target.resource, target.name)
            if target.subresource == "status":
                return {**old, "status": body.get("status", {})}
            return {**body, "status": old["status"]} if "status" in old else body

        return self._change(target, change)

    def _patch(self, target: Target, body) -> None:
        kind = (self.headers.get("Content-Type") or "").split(";")[0]
        if kind == "application/apply-patch+yaml":
            return self._server_side_apply(target, body)
        apply = {
            "application/merge-patch+json": patch.merge,
            "application/strategic-merge-patch+json": patch.strategic,
            "application/json-patch+json": patch.json_patch,
        }.get(kind)
        if apply is None:
            raise ApiError(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {kind}")
        return self._change(target, lambda old: apply(old, body))

    def _server_side_apply(self, target: Target, body: dict) -> None:
        """Field ownership is not kept: what is applied wins, as with --force-conflicts."""
        try:
            self.store.get(target.resource, target.namespace, target.name)
        except ApiError:
            body.setdefault("metadata", {})["name"] = target.name
            return self._create(target, body)
        return self._change(target, lambda old: patch.strategic(old, body))

    def _get_scale(self, target: Target, _body: dict) -> None:
        self._answer(200, _scale(self.store.get(target.resource, target.namespace, target.name)))

    def _update_scale(self, target: Target, body: dict) -> None:
        self._set_replicas(target, body["spec"]["replicas"])

    def _patch_scale(self, target: Target, body: dict) -> None:
        self._set_replicas(target, body["spec"]["replicas"])

    def _set_replicas(self, target: Target, count: int) -> None:
        document = self.store.update(
            target.resource, target.namespace, target.name, lambda old: patch.merge(old, {"spec": {"replicas": count}})
        )
        self._answer(200, _scale(document))

    def _create_binding(self, target: Target, body: dict) -> None:
        def bind(pod: dict) -> dict:
            if pod["spec"].get("nodeName"):
                raise problems.conflict(target.resource, target.name)
            pod["spec"]["nodeName"] = body["target"]["name"]
            return pod

        self.store.update(PODS, target.namespace, target.name, bind)
        self._answer(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})

    def _create_eviction(self, target: Target, body: dict) -> None:
        options = body.get("deleteOptions") or {}
        if self._dry_run():
            options["dryRun"] = ["All"]

        def delete(dry_run: bool) -> None:
            if not dry_run:
                self._delete_pod(target, options)

        self._answer(201, eviction.evict(self.store, target.namespace, target.name, options, delete))

    def _delete(self, target: Target, body: dict) -> None:
        if not target.name:
            return self._delete_collection(target)
        if self._dry_run() or body.get("dryRun"):
            return self._get(target, {})
        if target.resource is PODS:
            return self._answer(200, self._delete_pod(target, body))
        document = self.store.delete(target.resource, target.namespace, target.name)
        if target.resource.kind == "Namespace":
            self._empty_namespace(target.name)
        return self._answer(200, document)

    def _delete_collection(self, target: Target) -> None:
        for document in self._selected(self.store.list(target.resource, target.namespace)[0]):
            one = Target(target.resource, document["metadata"].get("namespace", ""), document["metadata"]["name"])
            if target.resource is PODS:
                self._delete_pod(one, {})
            else:
                self.store.delete(one.resource, one.namespace, one.name)
        self._answer(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})

    def _empty_namespace(self, namespace: str) -> None:
        for resource in resources.ALL:
            if resource.namespaced:
                for document in self.store.list(resource, namespace)[0]:
                    self.store.delete(resource, namespace, document["metadata"]["name"])

    def _delete_pod(self, target: Target, options: dict) -> dict:
        """A running pod is only marked; its kubelet removes it when it has stopped (and a silent node never does)."""
        pod = self.store.get(PODS, target.namespace, target.name)
        grace = options.get("gracePeriodSeconds")
        if grace is None:
            grace = int(self.query.get("gracePeriodSeconds") or pod["spec"].get("terminationGracePeriodSeconds", 30))
        if grace == 0 or not pod["spec"].get("nodeName"):
            return self.store.delete(PODS, target.namespace, target.name)

        def mark(old: dict) -> dict:
            old["metadata"].setdefault("deletionTimestamp", times.now())
            old["metadata"]["deletionGracePeriodSeconds"] = grace
            return old

        return self.store.update(PODS, target.namespace, target.name, mark)

    # Answering

    def _wants_table(self) -> bool:
        return "as=Table" in (self.headers.get("Accept") or "")

    def _answer(self, code: int, document: dict) -> None:
        self._send(code, json.dumps(document).encode(), "application/json")

    def _send(self, code: int, body: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.deprecated and self.version.minor >= self.deprecated[0]:
            self.send_header("Warning", f'299 - "{self.deprecated[1]}"')
        self.end_headers()
        self.wfile.write(body)


def _parse(raw: bytes):
    """JSON, or YAML as server-side apply sends it."""
    if raw.startswith(protobuf.MAGIC):
        # What `kubectl create configmap` and its likes send.
        raise ApiError(415, "UnsupportedMediaType", "the lab's API server takes no protobuf: use `kubectl apply -f` or `kubectl create -f`")
    try:
        return json.loads(raw)
    except ValueError:
        try:
            return yaml.safe_load(raw)
        except yaml.YAMLError as error:
            raise problems.bad_request(f"the body of the request is neither JSON nor YAML: {error}") from error


def _by_key(documents: list) -> dict:
    return {(d["metadata"].get("namespace"), d["metadata"]["name"]): d for d in documents}


def _changes(before: dict, after: dict):
    for key, document in after.items():
        if key not in before:
            yield "ADDED", document
        elif before[key]["metadata"]["resourceVersion"] != document["metadata"]["resourceVersion"]:
            yield "MODIFIED", document
    for key in before.keys() - after.keys():
        yield "DELETED", before[key]


def _scale(document: dict) -> dict:
    labels = document["spec"].get("selector", {}).get("matchLabels", {})
    fields = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {field: document["metadata"][field] for field in fields if field in document["metadata"]},
        "spec": {"replicas": document["spec"].get("replicas", 1)},
        "status": {"replicas": document.get("status", {}).get("replicas", 0),
                   "selector": ",".join(f"{key}={value}" for key, value in labels.items())},
    }


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address, handler, context: ssl.SSLContext):
        super().__init__(address, handler)
        self._context = context

    def get_request(self):
        connection, peer = super().get_request()
        connection.settimeout(Handler.timeout)
        # The handshake happens with the first read, in the connection's own thread: a silent client delays nobody.
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), peer

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, ssl.SSLError)):
            log.exception("connection of %s", client_address)


def main(arguments: list) -> None:
    flags = dict(word[2:].partition("=")[::2] for word in arguments if word.startswith("--"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    endpoint = urlsplit(flags["etcd-servers"].split(",")[0])
    client = etcd.Client(
        endpoint.hostname, endpoint.port, flags["etcd-cafile"], flags["etcd-certfile"], flags["etcd-keyfile"]
    )
    Handler.store = Store(client)
    Handler.version = versions.parse(os.environ["STANDIN_VERSION"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(flags["tls-cert-file"], flags["tls-private-key-file"])
    context.load_verify_locations(flags["client-ca-file"])
    context.verify_mode = ssl.CERT_OPTIONAL
    server = Server(("0.0.0.0", int(flags["secure-port"])), Handler, context)
    log.info("%s serves on %s", Handler.version, flags["secure-port"])
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 5}, daemon=True).start()
    # With less patience: an API server that is to end has ten seconds for it.
    own = etcd.Client(endpoint.hostname, endpoint.port, flags["etcd-cafile"], flags["etcd-certfile"], flags["etcd-keyfile"], timeout=1.5)
    endpoints = Reconciler(Store(own), flags["advertise-address"], int(flags["secure-port"]))
    signal.signal(signal.SIGTERM, lambda *_: _end(endpoints))
    threading.Thread(target=endpoints.run, daemon=True).start()
    while True:
        # A handler of a signal runs in this thread, and only when it comes round.
        time.sleep(3600)


def _end(endpoints: Reconciler) -> None:
    endpoints.end()
    os._exit(0)
