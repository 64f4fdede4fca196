"""Certificates and kubeconfigs of a cluster, in kubeadm's file layout, made with openssl.

The files of one node are a dictionary from path (below /etc/kubernetes) to content. Keys are elliptic: making them costs
nothing, and kubeadm allows them too.
"""

import base64
import json
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SERVICE_ADDRESS = "10.96.0.1"
SERVER, CLIENT = "serverAuth", "clientAuth"
DNS_NAMES = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]


class Authority:
    def __init__(self, name: str, place: Path):
        self.name = name
        self.cert, self.key = place / f"{name}.crt".replace("/", "_"), place / f"{name}.key".replace("/", "_")
        _new_key(self.key)
        _openssl("req", "-x509", "-new", "-key", self.key, "-out", self.cert, "-days", "3650", "-subj", f"/CN={name}",
                 "-addext", "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign")

    def pair(self, place: Path, subject: str, usage: str, names: list[str] = ()) -> tuple[bytes, bytes]:
        """A new certificate and its key."""
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            key, request, cert, extensions = (Path(scratch) / name for name in ("key", "csr", "crt", "ext"))
            _new_key(key)
            _openssl("req", "-new", "-key", key, "-out", request, "-subj", subject)
            lines = ["keyUsage=critical,digitalSignature,keyEncipherment", f"extendedKeyUsage={usage}", "basicConstraints=critical,CA:FALSE"]
            if names:
                lines.append("subjectAltName=" + ",".join(names))
            extensions.write_text("\n".join(lines) + "\n")
            _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-days", "365", "-out", cert,
                     "-extfile", extensions, "-set_serial", f"0x{_serial()}")
            return cert.read_bytes(), key.read_bytes()


class Cluster:
    """The authorities of one cluster, in a temporary folder; use as a context manager."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="krun-lab-pki-")
        self._place = Path(self._folder.name)
        self._ca = Authority("kubernetes", self._place)
        self._etcd = Authority("etcd-ca", self._place)
        self._front = Authority("front-proxy-ca", self._place)
        self._service_key = self._place / "sa.key"
        _new_key(self._service_key)
        self._service_pub = _openssl("pkey", "-in", self._service_key, "-pubout")
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def master_files(self, node, minor: int) -> dict[str, bytes]:
        """All of a control plane's files: pki/ and the kubeconfigs, which talk to the node's own API server."""
        files = {
            "pki/ca.crt": self._ca.cert.read_bytes(), "pki/ca.key": self._ca.key.read_bytes(),
            "pki/etcd/ca.crt": self._etcd.cert.read_bytes(), "pki/etcd/ca.key": self._etcd.key.read_bytes(),
            "pki/front-proxy-ca.crt": self._front.cert.read_bytes(), "pki/front-proxy-ca.key": self._front.key.read_bytes(),
            "pki/sa.key": self._service_key.read_bytes(), "pki/sa.pub": self._service_pub,
        }
        member = [f"DNS:{node.name}", "DNS:localhost", f"IP:{node.ip}", "IP:127.0.0.1", "IP:::1"]
        server = [f"DNS:{name}" for name in DNS_NAMES + [node.name]] + [f"IP:{SERVICE_ADDRESS}", f"IP:{node.ip}"]
        both = f"{SERVER},{CLIENT}"
        pairs = {
            "pki/apiserver": (self._ca, "/CN=kube-apiserver", SERVER, server),
            "pki/apiserver-kubelet-client": (self._ca, "/O=system:masters/CN=kube-apiserver-kubelet-client", CLIENT, []),
            "pki/front-proxy-client": (self._front, "/CN=front-proxy-client", CLIENT, []),
            "pki/etcd/server": (self._etcd, f"/CN={node.name}", both, member),
            "pki/etcd/peer": (self._etcd, f"/CN={node.name}", both, member),
            "pki/etcd/healthcheck-client": (self._etcd, "/O=system:masters/CN=kube-etcd-healthcheck-client", CLIENT, []),
            "pki/apiserver-etcd-client": (self._etcd, "/O=system:masters/CN=kube-apiserver-etcd-client", CLIENT, []),
        }
        # Since 1.29 admin.conf is bound by RBAC, and super-admin.conf is the way round it.
        admins = "kubeadm:cluster-admins" if minor >= 29 else "system:masters"
        users = {
            "admin.conf": f"/O={admins}/CN=kubernetes-admin",
            "controller-manager.conf": "/CN=system:kube-controller-manager",
            "scheduler.conf": "/CN=system:kube-scheduler",
        }
        if minor >= 29:
            users["super-admin.conf"] = "/O=system:masters/CN=kubernetes-super-admin"
        with ThreadPoolExecutor(max_workers=4) as pool:
            made = {name: pool.submit(ca.pair, self._place, *rest) for name, (ca, *rest) in pairs.items()}
            logins = {name: pool.submit(self._kubeconfig, node.ip, subject) for name, subject in users.items()}
        for name, job in made.items():
            files[f"{name}.crt"], files[f"{name}.key"] = job.result()
        return files | {name: job.result() for name, job in logins.items()}

    def node_files(self, node, api_address: str) -> dict[str, bytes]:
        """What every node has: the authority's certificate and the kubelet's login."""
        subject = f"/O=system:nodes/CN=system:node:{node.name}"
        return {"pki/ca.crt": self._ca.cert.read_bytes(), "kubelet.conf": self._kubeconfig(api_address, subject)}

    def _kubeconfig(self, api_address: str, subject: str) -> bytes:
        cert, key = self._ca.pair(self._place, subject, CLIENT)
        user = subject.rpartition("=")[2]
        document = {
            "apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": f"{user}@kubernetes",
            "clusters": [{"name": "kubernetes", "cluster": {
                "certificate-authority-data": _text(self._ca.cert.read_bytes()), "server": f"https://{api_address}:6443"}}],
            "contexts": [{"name": f"{user}@kubernetes", "context": {"cluster": "kubernetes", "user": user}}],
            "users": [{"name": user, "user": {"client-certificate-data": _text(cert), "client-key-data": _text(key)}}],
        }
        # JSON is YAML, and needs no library here.
        return (json.dumps(document, indent=2) + "\n").encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _new_key(path: Path) -> None:
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)


def _serial() -> str:
    return _openssl("rand", "-hex", "8").decode().strip()


def _openssl(*words) -> bytes:
    command = ["openssl", *(str(word) for word in words)]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
