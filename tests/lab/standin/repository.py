"""The package repositories of the stand-in: one a minor, as on pkgs.k8s.io, and the old single one that ends at 1.28.2."""

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labkit import cache as products
from labkit import saved
from labkit.errors import LabError

SPECS = Path(__file__).resolve().parent / "packages"
NODE_PATH = "/srv/repo"
LEGACY = "legacy"
NEW_RELEASE, OLD_RELEASE = "150500.1.1", "0"
LEGACY_VERSIONS = ("1.18.20", "1.19.16", "1.20.15", "1.21.14", "1.22.17", "1.23.17", "1.24.17", "1.25.16", "1.26.9",
                   "1.27.6", "1.28.0", "1.28.2")
NEW_VERSIONS = ("1.28.0", "1.28.2", "1.28.11", "1.29.9", "1.30.5", "1.31.1", "1.32.9", "1.33.5", "1.34.1", "1.34.2", "1.35.0", "1.36.0")
VERSIONS = tuple(dict.fromkeys(LEGACY_VERSIONS + NEW_VERSIONS))


def folder(cache: Path) -> Path:
    # By content: a lab that runs keeps the packages it was started with when they are built anew.
    return cache / "repo" / f"stand-in-{_key()}"


def base_of(version: str) -> tuple[str, str]:
    """The repository (its path below /srv/repo) and the release of a version's packages.

    What is in both comes from the old one: that is where clusters of that age were installed from, so that an upgrade
    has to deal with the change of repository.
    """
    if version in LEGACY_VERSIONS:
        return LEGACY, OLD_RELEASE
    return f"v{version.rpartition('.')[0]}/rpm", NEW_RELEASE


def definition(version: str) -> str:
    """The repository file as operators have it: the exclude line keeps "yum update" from upgrading a cluster."""
    return (
        f"[kubernetes]\nname=Kubernetes\nbaseurl=file://{NODE_PATH}/{base_of(version)[0]}/\nenabled=1\ngpgcheck=0\n"
        "exclude=kubelet kubeadm kubectl cri-tools kubernetes-cni\n"
    )


def build(cache: Path) -> None:
    if products.build(folder(cache), _key(), _make):
        saved.prune(folder(cache))


def _key() -> str:
    return products.hash_of(SPECS, Path(__file__))


def _make(target: Path) -> None:
    wanted = [(target / LEGACY, version, OLD_RELEASE) for version in LEGACY_VERSIONS]
    wanted += [(target / f"v{version.rpartition('.')[0]}" / "rpm", version, NEW_RELEASE) for version in NEW_VERSIONS]
    folders = {place: release for place, _, release in wanted}
    jobs = [(SPECS / "companions.spec", place, {"package_release": release}) for place, release in folders.items()]
    for place, version, release in wanted:
        settings = {"kubernetes_version": version, "package_release": release, "unit_files": SPECS}
        jobs.append((SPECS / "kubernetes.spec", place, settings))
    for place in folders:
        place.mkdir(parents=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(lambda job: _rpmbuild(*job), jobs))
    for place in folders:
        _run(["createrepo_c", "--quiet", str(place)])


def _rpmbuild(spec: Path, place: Path, settings: dict) -> None:
    with tempfile.TemporaryDirectory(prefix="krun-lab-rpm-") as work:
        macros = {"_topdir": work, "_dbpath": f"{work}/db", "_tmppath": work, "_rpmdir": place, **settings}
        defines = [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
        _run(["rpmbuild", "-bb", "--quiet", "--nodeps", *defines, str(spec)])


def _run(command: list[str]) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
    if result.returncode != 0:
        raise LabError(f"{command[0]} failed with exit code {result.returncode}:\n{result.stdout}")
