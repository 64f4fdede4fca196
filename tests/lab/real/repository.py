"""The package repository of the real cluster: <repository>/v1.20/rpm, as each minor has one on the project's server."""

import subprocess
import tempfile
from pathlib import Path

from labkit import cache as products
from labkit import saved
from labkit.errors import LabError
from real import binaries

HERE = Path(__file__).resolve().parent
SPECS = HERE / "packages"
KUBELET = HERE / "kubelet"
# Where the nodes see the repository, and the definition that operators have on their nodes:
# the exclude line keeps "yum update" from upgrading a cluster by accident.
NODE_PATH = "/srv/repo"
DEFINITION = f"""\
[kubernetes]
name=Kubernetes
baseurl=file://{NODE_PATH}/v1.20/rpm/
enabled=1
gpgcheck=0
exclude=kubelet kubeadm kubectl cri-tools kubernetes-cni
"""


def folder(cache: Path) -> Path:
    return cache / "repo" / f"real-{_key()}"


def build(cache: Path) -> None:
    if products.build(folder(cache), _key(), lambda target: _make(binaries.folder(cache), target)):
        saved.prune(folder(cache))


def _key() -> str:
    return products.hash_of(SPECS, KUBELET, Path(__file__), binaries.key())


def _make(programs: Path, target: Path) -> None:
    packages = target / "v1.20" / "rpm"
    packages.mkdir(parents=True)
    for version in binaries.VERSIONS:
        settings = {
            "kubernetes_version": version,
            "binaries": programs / f"v{version}",
            "kubelet_source": KUBELET,
        }
        _rpmbuild(SPECS / "kubernetes.spec", packages, settings)
    _rpmbuild(SPECS / "companions.spec", packages, {})
    _run(["createrepo_c", "--quiet", str(packages)])


def _rpmbuild(spec: Path, packages: Path, settings: dict) -> None:
    with tempfile.TemporaryDirectory(prefix="krun-lab-rpm-") as work:
        macros = {"_topdir": work, "_dbpath": f"{work}/db", "_rpmdir": packages, **settings}
        defines = [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
        _run(["rpmbuild", "-bb", "--quiet", "--nodeps", *defines, str(spec)])


def _run(command: list[str]) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        raise LabError(f"{command[0]} failed with exit code {result.returncode}:\n{result.stdout}")
