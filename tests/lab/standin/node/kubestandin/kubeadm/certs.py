"""The certificates below /etc/kubernetes: renewed with the same key, names and subject, by the authority that lies beside them."""

import base64
import datetime
import os
import subprocess
import tempfile

import yaml

from .. import manifests

HOME = "/etc/kubernetes"
TIMEOUT = 30
# Name -> authority, in kubeadm's order.
CERTIFICATES = {
    "admin.conf": "ca", "apiserver": "ca", "apiserver-etcd-client": "etcd-ca", "apiserver-kubelet-client": "ca",
    "controller-manager.conf": "ca", "etcd-healthcheck-client": "etcd-ca", "etcd-peer": "etcd-ca", "etcd-server": "etcd-ca",
    "front-proxy-client": "front-proxy-ca", "scheduler.conf": "ca", "super-admin.conf": "ca",
}
OF_COMPONENT = {
    "etcd": ("etcd-server", "etcd-peer", "etcd-healthcheck-client"),
    "kube-apiserver": ("apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client"),
    "kube-controller-manager": ("controller-manager.conf",),
    "kube-scheduler": ("scheduler.conf",),
}
AUTHORITIES = {"ca": "ca", "etcd-ca": "etcd/ca", "front-proxy-ca": "front-proxy-ca"}


def renew(name: str) -> None:
    authority = CERTIFICATES[name]
    if name.endswith(".conf"):
        _renew_kubeconfig(os.path.join(HOME, name), authority)
    else:
        certificate, key = _pair(name)
        _write(certificate, _sign_again(certificate, key, authority), 0o644)


def path(name: str) -> str:
    return os.path.join(HOME, name) if name.endswith(".conf") else _pair(name)[0]


def _pair(name: str) -> tuple[str, str]:
    stem = f"etcd/{name.removeprefix('etcd-')}" if name.startswith("etcd-") else name
    return f"{manifests.PKI}/{stem}.crt", f"{manifests.PKI}/{stem}.key"


def _sign_again(certificate: str, key: str, authority: str) -> bytes:
    ca = f"{manifests.PKI}/{AUTHORITIES[authority]}"
    with tempfile.TemporaryDirectory() as folder:
        request = os.path.join(folder, "request")
        _openssl("x509", "-x509toreq", "-in", certificate, "-signkey", key, "-copy_extensions", "copy", "-out", request)
        return _openssl(
            "x509", "-req", "-in", request, "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial", "-CAserial",
            os.path.join(folder, "serial"), "-days", "365", "-copy_extensions", "copy",
        )


def _renew_kubeconfig(file: str, authority: str) -> None:
    with open(file, encoding="utf-8") as handle:
        config = yaml.safe_load(handle)
    user = config["users"][0]["user"]
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = os.path.join(folder, "crt"), os.path.join(folder, "key")
        for name, field in ((certificate, "client-certificate-data"), (key, "client-key-data")):
            _write(name, base64.b64decode(user[field]), 0o600)
        user["client-certificate-data"] = base64.b64encode(_sign_again(certificate, key, authority)).decode()
    _write(file, yaml.safe_dump(config).encode(), 0o600)


def split_admin() -> None:
    """The step to 1.29: admin.conf loses system:masters, which super-admin.conf keeps."""
    for name, group, user in (
        ("super-admin.conf", "system:masters", "kubernetes-super-admin"),
        ("admin.conf", "kubeadm:cluster-admins", "kubernetes-admin"),
    ):
        print(f'[kubeconfig] Writing "{name}" kubeconfig file')
        with open(os.path.join(HOME, "admin.conf"), encoding="utf-8") as handle:
            config = yaml.safe_load(handle)
        certificate, key = _new_pair(f"/O={group}/CN={user}")
        config["users"][0]["user"] = {
            "client-certificate-data": base64.b64encode(certificate).decode(), "client-key-data": base64.b64encode(key).decode(),
        }
        _write(os.path.join(HOME, name), yaml.safe_dump(config).encode(), 0o600)


def _new_pair(subject: str) -> tuple[bytes, bytes]:
    ca = f"{manifests.PKI}/ca"
    with tempfile.TemporaryDirectory() as folder:
        key, request, extensions = (os.path.join(folder, name) for name in ("key", "request", "extensions"))
        _openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", key, "-subj", subject, "-out", request
        )
        _write(extensions, b"keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth\n", 0o600)
        certificate = _openssl(
            "x509", "-req", "-in", request, "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial", "-CAserial",
            os.path.join(folder, "serial"), "-days", "365", "-extfile", extensions,
        )
        with open(key, "rb") as handle:
            return certificate, handle.read()


def expiry(name: str):
    """When it ends, or None when the file is missing."""
    file = path(name) if name in CERTIFICATES else f"{manifests.PKI}/{AUTHORITIES[name]}.crt"
    try:
        with open(file, "rb") as handle:
            raw = handle.read()
    except FileNotFoundError:
        return None
    if name.endswith(".conf"):
        raw = base64.b64decode(yaml.safe_load(raw)["users"][0]["user"]["client-certificate-data"])
    shown = _openssl("x509", "-noout", "-enddate", "-dateopt", "iso_8601", input=raw).decode()
    moment = datetime.datetime.strptime(shown.partition("=")[2].strip(), "%Y-%m-%d %H:%M:%SZ")
    return moment.replace(tzinfo=datetime.timezone.utc)


def _write(file: str, data: bytes, mode: int) -> None:
    scratch = file + ".new"
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as handle:
        handle.write(data)
    os.replace(scratch, file)


def _openssl(*words, input: bytes = None) -> bytes:
    done = subprocess.run(["openssl", *words], input=input, capture_output=True, timeout=TIMEOUT)
    if done.returncode != 0:
        raise OSError(f"openssl {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
