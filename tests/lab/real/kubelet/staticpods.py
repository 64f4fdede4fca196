"""Static pods: manifests in a directory, run as processes of this node.

Each one is a transient systemd unit in kubepods.slice. It outlives a restart of
the kubelet, as a container does, and is taken over by the next one. The program
is looked up by the tag of the image: /opt/k8s/v1.20.0/kube-apiserver, and where
there is none (etcd) in /usr/bin.
"""

import hashlib
import os
import subprocess
import time

import yaml

STATE = "/run/lab-kubelet"  # FILE -> hash of the manifest its unit was started from
LOGS = "/var/log/pods"
BINARIES = "/opt/k8s"
SYSTEMCTL = "/usr/bin/systemctl"  # not through PATH, where the lab records commands
STOP_SECONDS = 10
LONGEST_BACK_OFF = 30


class StaticPod:
    """One manifest and the unit that runs it."""

    def __init__(self, file, digest, manifest):
        self.file = file
        self.hash = digest
        self.manifest = manifest
        self.active = False
        self.restarts = 0
        self.started = 0.0

    @property
    def name(self):
        return self.manifest["metadata"]["name"]

    @property
    def namespace(self):
        return self.manifest["metadata"].get("namespace", "default")

    @property
    def container(self):
        """kubeadm's static pods have one container each; more are not supported."""
        return self.manifest["spec"]["containers"][0]

    @property
    def unit(self):
        return unit_of(self.file)

    def command(self):
        program, *arguments = self.container["command"]
        tag = self.container["image"].rpartition(":")[2]
        built = f"{BINARIES}/{tag}/{program}"
        return [built if os.path.exists(built) else f"/usr/bin/{program}", *arguments]

    def may_restart(self):
        """A crashing pod is started again at growing intervals."""
        wait = min(LONGEST_BACK_OFF, 2 * (self.restarts + 1))
        return time.monotonic() - self.started > wait


def unit_of(file):
    return f"static-pod-{file.removesuffix('.yaml')}.service"


class StaticPods:
    """Keeps the units equal to the manifests."""

    def __init__(self, directory, log):
        self._directory = directory
        self._log = log
        self._pods = {}
        os.makedirs(STATE, exist_ok=True)
        os.makedirs(LOGS, exist_ok=True)
        self._stop_orphans()

    def __iter__(self):
        return iter(list(self._pods.values()))

    def sync(self):
        manifests = self._read_directory()
        for file, pod in list(self._pods.items()):
            if file not in manifests or manifests[file][0] != pod.hash:
                self._log(f"stopping static pod {file}")
                stop_unit(file)
                del self._pods[file]
        for file, (digest, content) in manifests.items():
            if file not in self._pods:
                self._begin(file, digest, content)
        self._refresh_activity()
        self._restart_exited()

    def _read_directory(self):
        """FILE -> (hash, content), without hidden files, as the real kubelet reads it."""
        manifests = {}
        try:
            names = sorted(os.listdir(self._directory))
        except FileNotFoundError:
            return manifests
        for name in names:
            if name.startswith(".") or not name.endswith(".yaml"):
                continue
            try:
                with open(os.path.join(self._directory, name), "rb") as file:
                    content = file.read()
            except (FileNotFoundError, IsADirectoryError):
                continue
            manifests[name] = (hashlib.md5(content).hexdigest(), content)
        return manifests

    def _begin(self, file, digest, content):
        try:
            manifest = yaml.safe_load(content)
            pod = StaticPod(file, digest, manifest)
            self._log(f"static pod {file}: {pod.container['image']}")
        except (yaml.YAMLError, TypeError, KeyError, IndexError) as error:
            self._log(f"could not process manifest file {file}: {error!r}")
            return
        self._pods[file] = pod
        if _recorded_hash(file) == digest and _active([pod.unit])[0]:
            self._log(f"taking over the running {pod.unit}")
            pod.started = time.monotonic()
        else:
            self._start(pod)

    def _start(self, pod):
        stop_unit(pod.file)
        for volume in pod.manifest["spec"].get("volumes", []):
            host_path = volume.get("hostPath", {})
            if host_path.get("type") == "DirectoryOrCreate":
                os.makedirs(host_path["path"], exist_ok=True)
        output = f"append:{LOGS}/{pod.name}.log"
        properties = [
            f"StandardOutput={output}",
            f"StandardError={output}",
            f"TimeoutStopSec={STOP_SECONDS}",
        ]
        options = [word for value in properties for word in ("--property", value)]
        command = ["systemd-run", "--quiet", "--collect", "--unit", pod.unit]
        command += ["--slice", "kubepods.slice", *options, "--", *pod.command()]
        result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        pod.started = time.monotonic()
        if result.returncode == 0:
            _record_hash(pod.file, pod.hash)
        else:
            self._log(f"starting {pod.unit} failed: {result.stderr.strip()}")

    def _refresh_activity(self):
        pods = list(self._pods.values())
        for pod, active in zip(pods, _active([pod.unit for pod in pods])):
            pod.active = active

    def _restart_exited(self):
        for pod in self:
            if not pod.active and pod.may_restart():
                self._log(f"{pod.unit} has exited: starting it again")
                pod.restarts += 1
                self._start(pod)

    def _stop_orphans(self):
        """Units whose manifest went away while no kubelet was running."""
        for file in os.listdir(STATE):
            if not os.path.exists(os.path.join(self._directory, file)):
                self._log(f"stopping {unit_of(file)}: its manifest is gone")
                stop_unit(file)


def stop_unit(file):
    for verb in ("stop", "reset-failed"):
        subprocess.run([SYSTEMCTL, verb, unit_of(file)], stderr=subprocess.DEVNULL, check=False)
    try:
        os.unlink(os.path.join(STATE, file))
    except FileNotFoundError:
        pass


def _active(units):
    if not units:
        return []
    command = [SYSTEMCTL, "is-active", *units]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    return [state == "active" for state in output.splitlines()]


def _recorded_hash(file):
    try:
        with open(os.path.join(STATE, file), encoding="ascii") as record:
            return record.read()
    except FileNotFoundError:
        return None


def _record_hash(file, digest):
    with open(os.path.join(STATE, file), "w", encoding="ascii") as record:
        record.write(digest)
