"""The real Kubernetes programs, built once and kept in the cache."""

import subprocess
import sys
from pathlib import Path

from labkit import cache as products
from labkit import mirror, saved
from labkit.errors import LabError

VERSIONS = ("1.20.0", "1.20.2")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
COMPILE = Path(__file__).resolve().parent / "compile-kubernetes"
TIME_LIMIT_SECONDS = 3 * 3600


def folder(cache: Path) -> Path:
    """Holds vVERSION/kubeadm, vVERSION/kube-apiserver and so on."""
    return cache / "k8s-real" / f"programs-{key()}"


def key() -> str:
    return products.hash_of(COMPILE, *VERSIONS)


def are_built(cache: Path) -> bool:
    return products.is_built(folder(cache), key())


def build(cache: Path) -> None:
    if products.build(folder(cache), key(), lambda target: _compile(cache, target)):
        saved.prune(folder(cache))
        _say("Kubernetes is built and cached")


def _compile(cache: Path, target: Path) -> None:
    # The work folder outlives an interruption, unlike `target`: what was downloaded and
    # compiled by then counts. It is for one key only; those of older ones are left-overs.
    work = folder(cache).with_name(f"work-{key()}")
    for stale in work.parent.glob("work-*"):
        if stale != work:
            products.remove(stale)
    work.mkdir(parents=True, exist_ok=True)
    log = work / "build.log"
    _say(f"building Kubernetes {' and '.join(VERSIONS)} from source, once; this takes 5 to 30 minutes (log: {log})")
    command = ["nice", "-n", "10", str(COMPILE), str(work), mirror.of_suite("bookworm"), KEYRING, *VERSIONS]
    with open(log, "ab") as output:
        try:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True, timeout=TIME_LIMIT_SECONDS
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise LabError(
                f"building Kubernetes failed: {error}\n{_tail(log)}",
                f"see {log}; the next attempt goes on where this one stopped",
            ) from error
    (work / "bin").rename(target)
    products.remove(work)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:])


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
