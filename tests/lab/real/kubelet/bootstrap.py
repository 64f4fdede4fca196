"""TLS bootstrap: from a join token to a client certificate of the node's own.

As the real kubelet does it: a key, a certificate signing request, the controller
manager approves and signs, and kubelet.conf is written last, so that an
interrupted bootstrap starts anew.
"""

import base64
import os
import subprocess
import time

import yaml

from api import Client, load_kubeconfig

PKI = "/var/lib/kubelet/pki"
KEY = f"{PKI}/kubelet-client.key"
CERTIFICATE = f"{PKI}/kubelet-client-current.pem"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SIGNING_SECONDS = 60


def bootstrap(options):
    client = Client(options.bootstrap_kubeconfig)
    name = f"node-csr-{options.node_name}-{time.time_ns()}"
    client.create(REQUESTS, _request_object(name, _make_key_and_request(options.node_name)))
    certificate = _await_certificate(client, name)
    _write(CERTIFICATE, certificate + _read(KEY))
    _write(options.kubeconfig, _kubeconfig(options.bootstrap_kubeconfig))


def _make_key_and_request(node_name):
    os.makedirs(PKI, exist_ok=True)
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", KEY], check=True
    )
    subject = f"/O=system:nodes/CN=system:node:{node_name}"
    command = ["openssl", "req", "-new", "-key", KEY, "-subj", subject]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def _request_object(name, request):
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(request).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "key encipherment", "client auth"],
        },
    }


def _await_certificate(client, name):
    deadline = time.monotonic() + SIGNING_SECONDS
    while time.monotonic() < deadline:
        answer = client.get(f"{REQUESTS}/{name}") or {}
        certificate = answer.get("status", {}).get("certificate")
        if certificate:
            return base64.b64decode(certificate)
        time.sleep(0.2)
    raise TimeoutError(f"the request {name} was not signed within {SIGNING_SECONDS} s")


def _kubeconfig(bootstrap_path):
    config = load_kubeconfig(bootstrap_path)
    user = {"client-certificate": CERTIFICATE, "client-key": CERTIFICATE}
    config["users"] = [{"name": "default-auth", "user": user}]
    config["contexts"][0]["context"]["user"] = "default-auth"
    return yaml.safe_dump(config).encode()


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _write(path, content):
    """Whole or not at all, and for root only."""
    new = path + ".new"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
