"""Upgrading the control plane of one node: manifest by manifest, each awaited, all taken back when one fails."""

import datetime
import os
import random
import shutil
import subprocess
import time

import yaml

from .. import etcd, faults, manifests, settings, times
from ..client import Client, Refused, Unreachable
from . import certs
from .context import NAMESPACE
from .failure import Failure
from .patches import Patches

TMP = "/etc/kubernetes/tmp"
POLL_SECONDS = 0.1
COPY_TIMEOUT = 300
ETCD_RETRIES, ETCD_RETRY_SECONDS = 10, 15


class Upgrade:
    """One upgrade of this node's static pods; `renew` tells whether certificates are renewed."""

    def __init__(self, client: Client, config: dict, node: str, address: str, patches: Patches, renew: bool):
        self._client, self._config, self._node, self._address = client, config, node, address
        self._patches, self._renew = patches, renew
        stamp = datetime.datetime.now().strftime("%Y-%m-%d-%H-%M-%S")
        self._new = temporary("kubeadm-upgraded-manifests")
        self._backup = _make(f"{TMP}/kubeadm-backup-manifests-{stamp}")
        self._etcd_backup = _make(f"{TMP}/kubeadm-backup-etcd-{stamp}")
        # The components whose manifest was touched: these are put back when something fails.
        self._touched = []

    def run(self, with_etcd: bool) -> None:
        hashes = {component: self._hash(component) for component in manifests.COMPONENTS}
        local_etcd = bool(self._config.get("etcd", {}).get("local"))
        if with_etcd and local_etcd:
            self._upgrade_etcd()
        print(f'[upgrade/staticpods] Writing new Static Pod manifests to "{self._new}"')
        for component in manifests.COMPONENTS:
            self._write(component)
        for component in manifests.COMPONENTS:
            self._component(component, hashes[component])
        if self._renew:
            certs.renew("admin.conf")
        shutil.rmtree(self._new)
        if not (with_etcd and local_etcd):
            shutil.rmtree(self._etcd_backup)

    # etcd

    def _upgrade_etcd(self) -> None:
        print("[upgrade/etcd] Upgrading to TLS for etcd")
        self._check_etcd()
        data = (self._config["etcd"]["local"] or {}).get("dataDir", "/var/lib/etcd")
        # etcd preallocates its log: most of it is holes.
        subprocess.run(["cp", "-a", "--sparse=always", f"{data}/.", self._etcd_backup], check=True, timeout=COPY_TIMEOUT)
        before = self._hash("etcd")
        self._write("etcd")
        try:
            self._component("etcd", before)
        except Failure as error:
            print(f"[upgrade/etcd] Failed to upgrade etcd: {error}")
            print("[upgrade/etcd] Waiting for previous etcd to become available")
            self._wait_for_etcd()
            print("[upgrade/etcd] Etcd was rolled back and is now available")
            raise Failure(f"fatal error when trying to upgrade the etcd cluster, rolled the state back to pre-upgrade state: {error}") from error
        print("[upgrade/etcd] Waiting for etcd to become available")
        self._wait_for_etcd()

    def _etcd_client(self) -> etcd.Client:
        folder = f"{manifests.PKI}/etcd"
        return etcd.Client("127.0.0.1", 2379, f"{folder}/ca.crt", f"{folder}/healthcheck-client.crt", f"{folder}/healthcheck-client.key")

    def _check_etcd(self) -> None:
        try:
            # A read that needs a quorum.
            self._etcd_client().get("/health")
        except (etcd.Unavailable, OSError) as error:
            raise Failure(
                "failed to create etcd client: etcd cluster is not healthy: failed to dial endpoint "
                f"https://127.0.0.1:2379 with maintenance client: {error}"
            ) from error

    def _wait_for_etcd(self) -> None:
        deadline = time.monotonic() + ETCD_RETRIES * ETCD_RETRY_SECONDS
        while True:
            try:
                return self._check_etcd()
            except Failure as error:
                if time.monotonic() > deadline:
                    raise Failure(f"timeout waiting for etcd cluster to be available: {error}") from error
                time.sleep(POLL_SECONDS)

    # One component

    def _write(self, component: str) -> None:
        document = manifests.manifest(component, self._config, self._node, self._address)
        text = manifests.text(self._patches.apply(component, document))
        with open(os.open(f"{self._new}/{component}.yaml", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(text)

    def _component(self, component: str, before: str) -> None:
        print(f'[upgrade/staticpods] Preparing for "{component}" upgrade')
        current, new, backup = (f"{folder}/{component}.yaml" for folder in (manifests.MANIFESTS, self._new, self._backup))
        if _equal(current, new):
            print(f"[upgrade/staticpods] Current and new manifests of {component} are equal, skipping upgrade")
            return
        for name in certs.OF_COMPONENT[component] if self._renew else ():
            print(f"[upgrade/staticpods] Renewing {name} certificate")
            certs.renew(name)
        self._touched.append(component)
        os.replace(current, backup)
        os.replace(new, current)
        print(f'[upgrade/staticpods] Moved new manifest to "{current}" and backed up old manifest to "{backup}"')
        timeout = settings.get("upgrade_manifest_timeout_seconds")
        print("[upgrade/staticpods] Waiting for the kubelet to restart the component")
        print("[upgrade/staticpods] This might take a minute or longer depending on the component/version gap "
              f"(timeout {times.go_duration(timeout)})", flush=True)
        fault = faults.handed("rollback")
        try:
            if fault and fault.get("component", "kube-apiserver") == component:
                raise Failure(self._unchanged(component, timeout))
            self._wait_for_hash(component, before, timeout)
            self._wait_for_pods(component, timeout)
        except Failure as error:
            self._roll_back()
            raise Failure(
                f"couldn't upgrade control plane. kubeadm has tried to recover everything into the earlier state. Errors faced: {error}"
            ) from error
        time.sleep(settings.get("step_seconds"))
        print(f'[upgrade/staticpods] Component "{component}" upgraded successfully!', flush=True)

    def _hash(self, component: str) -> str:
        """The hash of the mirror pod, by which kubeadm sees that the kubelet has taken a manifest."""
        try:
            pod = self._client.find("Pod", f"{component}-{self._node}", NAMESPACE)
        except (Unreachable, Refused):
            return ""
        return (pod or {}).get("metadata", {}).get("annotations", {}).get("kubernetes.io/config.hash", "")

    def _wait_for_hash(self, component: str, before: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while self._hash(component) in ("", before):
            if time.monotonic() > deadline:
                raise Failure(self._unchanged(component, timeout))
            time.sleep(POLL_SECONDS)

    def _unchanged(self, component: str, timeout: float) -> str:
        return (
            f"static Pod hash for component {component} on Node {self._node} did not change after {times.go_duration(timeout)}: "
            "timed out waiting for the condition"
        )

    def _wait_for_pods(self, component: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                pods = self._client.list("Pod", NAMESPACE, labelSelector=f"component={component}")
                print(f"[apiclient] Found {len(pods)} Pods for label selector component={component}")
                if pods and all(pod.get("status", {}).get("phase") == "Running" for pod in pods):
                    return
            except (Unreachable, Refused):
                pass
            if time.monotonic() > deadline:
                raise Failure("timed out waiting for the condition")
            time.sleep(1)

    def _roll_back(self) -> None:
        """The old manifests return; etcd's only when it was etcd that failed."""
        for component in self._touched:
            if component == "etcd" and self._touched[-1] != "etcd":
                continue
            os.replace(f"{self._backup}/{component}.yaml", f"{manifests.MANIFESTS}/{component}.yaml")


def temporary(prefix: str) -> str:
    """A new folder whose name ends in digits, as Go makes it."""
    return _make(f"{TMP}/{prefix}{random.randrange(10**9)}")


def _make(folder: str) -> str:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def _equal(one: str, other: str) -> bool:
    """By content, not by text: an edited comment is no difference."""
    with open(one, encoding="utf-8") as first, open(other, encoding="utf-8") as second:
        return yaml.safe_load(first) == yaml.safe_load(second)
