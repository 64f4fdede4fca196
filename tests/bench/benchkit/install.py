"""What the bench needs beside krun: the peers from PyPI in environments of their own, and the floors, built with cargo."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from benchkit import paths

# ansible-core-rs brings a program `ansible` as well, so it lives apart.
ENVIRONMENTS = {
    "peers": ["ansible-core==2.19.14", "mitogen==0.3.54", "pyinfra==3.10.0"],
    "rust": ["ansible-core-rs==0.16.0"],
    "simulated": ["asyncssh==2.24.1"],
}


def environment(name: str) -> Path:
    """A Python environment with its packages, made at its first use."""
    packages = ENVIRONMENTS[name]
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    folder = paths.cache() / f"{name}-{key}"
    if (folder / "complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"installing {' '.join(packages)} in {folder}", flush=True)
    subprocess.run(["/usr/bin/python3", "-m", "venv", folder], check=True)
    subprocess.run(
        [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages], check=True, timeout=600
    )
    (folder / "complete").touch()
    return folder


def floors() -> Path:
    """The program that does the work through libssh2 with nothing around it."""
    target = paths.cache() / "floors"
    manifest = paths.BENCH / "floors/Cargo.toml"
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", manifest]
    subprocess.run([*command, "--target-dir", target], check=True, timeout=900)
    return target / "release/floors"


def krun() -> Path:
    """A release build of krun, as users have it."""
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked"], check=True, timeout=3600, cwd=paths.ROOT)
    return paths.ROOT / "target/release/krun"
