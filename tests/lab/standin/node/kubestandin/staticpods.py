"""Static pods as processes: each manifest of /etc/kubernetes/manifests runs in a systemd unit of its own.

As containers do, they outlive a restart of the kubelet, which adopts them; a changed manifest replaces the process, a
removed one stops it, one that died is started again, after longer and longer pauses.
"""

import hashlib
import json
import logging
import os
import subprocess
import threading
import time

import yaml

MANIFESTS = "/etc/kubernetes/manifests"
# Survives a restart of the kubelet, not one of the node: exactly as the processes do.
RECORDS = "/run/kube-standin/pods"
LOGS = "/var/log/pods"
COMMAND_TIMEOUT = 30
MAX_BACKOFF_SECONDS = 10
LATER_ETCD_FLAGS = ("--feature-gates=", "--watch-progress-notify-interval=")
log = logging.getLogger("kubelet")


class Running:
    """One static pod: its manifest, its unit and its main process."""

    def __init__(self, file: str, digest: str, manifest: dict, process: str = "", restarts: int = 0):
        self.file, self.digest, self.manifest, self.process, self.restarts = file, digest, manifest, process, restarts
        self.started = time.monotonic()

    @property
    def name(self) -> str:
        return self.manifest["metadata"]["name"]

    @property
    def namespace(self) -> str:
        return self.manifest["metadata"].get("namespace", "default")

    @property
    def unit(self) -> str:
        return f"static-pod-{self.name}.service"

    def alive(self) -> bool:
        return bool(self.process) and _identity(self.process.split(":")[0]) == self.process


class StaticPods:
    def __init__(self):
        self._pods = {}
        self._bad = {}
        self._lock = threading.Lock()
        os.makedirs(RECORDS, exist_ok=True)
        os.makedirs(LOGS, exist_ok=True)
        self._adopt()

    def snapshot(self) -> list:
        with self._lock:
            return list(self._pods.values())

    def sync(self) -> None:
        """Brings the processes to what the manifests say."""
        wanted = self._read_manifests()
        for file, pod in list(self._pods.items()):
            if file not in wanted or wanted[file][0] != pod.digest:
                log.info("stopping static pod %s", pod.name)
                self._stop(pod)
                self._forget(file)
        for file, (digest, manifest) in wanted.items():
            pod = self._pods.get(file)
            if pod is None:
                self._start(Running(file, digest, manifest))
            elif not pod.alive() and time.monotonic() - pod.started > min(MAX_BACKOFF_SECONDS, 0.5 * 2 ** min(pod.restarts, 6)):
                log.info("static pod %s has ended, starting it again", pod.name)
                self._stop(pod)
                self._start(Running(file, digest, manifest, restarts=pod.restarts + 1))

    def _read_manifests(self) -> dict:
        found = {}
        try:
            files = sorted(os.listdir(MANIFESTS))
        except FileNotFoundError:
            return found
        for file in files:
            if file.startswith(".") or not file.endswith((".yaml", ".yml", ".json")):
                continue
            try:
                with open(os.path.join(MANIFESTS, file), "rb") as handle:
                    raw = handle.read()
            except (FileNotFoundError, IsADirectoryError):
                continue
            digest = hashlib.md5(raw).hexdigest()
            manifest = self._known(file, digest) or self._load(file, digest, raw)
            if manifest:
                found[file] = (digest, manifest)
        return found

    def _known(self, file: str, digest: str):
        pod = self._pods.get(file)
        return pod.manifest if pod and pod.digest == digest else None

    def _load(self, file: str, digest: str, raw: bytes):
        if self._bad.get(file) == digest:
            return None
        try:
            manifest = yaml.safe_load(raw)
            if not manifest["metadata"]["name"] or not manifest["spec"]["containers"][0]["command"]:
                raise ValueError("a name and a command are needed")
            return manifest
        except (yaml.YAMLError, KeyError, TypeError, IndexError, ValueError) as error:
            self._bad[file] = digest
            log.error("Could not process manifest file %s/%s: %r", MANIFESTS, file, error)
            return None

    def _start(self, pod: Running) -> None:
        container = pod.manifest["spec"]["containers"][0]
        image, command = container["image"], container["command"]
        for volume in pod.manifest["spec"].get("volumes") or []:
            path = volume.get("hostPath", {})
            if path.get("type") == "DirectoryOrCreate":
                os.makedirs(path["path"], mode=0o700, exist_ok=True)
        output = f"append:{LOGS}/{pod.name}.log"
        launch = [
            "systemd-run", "--quiet", "--collect", f"--unit={pod.unit}", "--slice=kubepods.slice",
            "--property=TimeoutStopSec=10", f"--property=StandardOutput={output}", f"--property=StandardError={output}",
            f"--setenv=STANDIN_VERSION={image.rpartition(':')[2]}", *_program(command),
        ]
        done = subprocess.run(launch, capture_output=True, text=True, timeout=COMMAND_TIMEOUT)
        if done.returncode == 0:
            shown = subprocess.run(["systemctl", "show", "--property=MainPID", "--value", pod.unit],
                                   capture_output=True, text=True, timeout=COMMAND_TIMEOUT)
            pod.process = _identity(shown.stdout.strip())
            log.info("started static pod %s (%s)", pod.name, image)
        else:
            log.error("static pod %s does not start: %s", pod.name, done.stderr.strip())
        with self._lock:
            self._pods[pod.file] = pod
        record = {"file": pod.file, "digest": pod.digest, "manifest": pod.manifest, "process": pod.process, "restarts": pod.restarts}
        with open(os.path.join(RECORDS, pod.file + ".new"), "w", encoding="utf-8") as handle:
            json.dump(record, handle)
        os.replace(os.path.join(RECORDS, pod.file + ".new"), os.path.join(RECORDS, pod.file))

    def _stop(self, pod: Running) -> None:
        for verb in ("stop", "reset-failed"):
            subprocess.run(["systemctl", verb, pod.unit], stderr=subprocess.DEVNULL, timeout=COMMAND_TIMEOUT)

    def _forget(self, file: str) -> None:
        with self._lock:
            self._pods.pop(file, None)
        try:
            os.unlink(os.path.join(RECORDS, file))
        except FileNotFoundError:
            pass

    def _adopt(self) -> None:
        for file in os.listdir(RECORDS):
            try:
                with open(os.path.join(RECORDS, file), encoding="utf-8") as handle:
                    record = json.load(handle)
            except ValueError:
                continue
            if file.endswith(".new"):
                continue
            pod = Running(**record)
            self._pods[file] = pod
            log.info("adopted static pod %s (%s)", pod.name, "running" if pod.alive() else "ended")


def _program(command: list) -> list:
    """etcd is real, though always 3.4, which does not know all flags of later ones; the others come from the stand-in's folder."""
    if command[0] == "etcd":
        return ["/usr/bin/etcd", *(word for word in command[1:] if not word.startswith(LATER_ETCD_FLAGS))]
    return ["/usr/bin/python3", "/usr/lib/kube-standin/run", *command]


def _identity(pid: str) -> str:
    """PID and start time, which together name one process; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if fields[0] == "Z" or pid == "0" else f"{pid}:{fields[19]}"
