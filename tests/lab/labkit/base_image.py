"""The root file system that all nodes share, read-only: Debian that poses as an RPM machine.

What is in it: base/packages, base/masked-units, the files of base/root, and the users below.
"""

import os
import shutil
import tempfile
from pathlib import Path

from labkit import cache, mirror, process
from labkit.errors import LabError

SOURCES = Path(__file__).resolve().parent / "base"
USERS = ("ops", "nosudo")  # `ops` may use sudo without a password, `nosudo` may not use it at all
TRACED = ("systemctl", "dnf", "yum", "etcdctl", "reboot")

# A node is an RPM machine: whoever looks for apt first must not find it.
NOT_IN_A_NODE = ("usr/bin/apt", "usr/bin/apt-get", "usr/bin/apt-cache", "usr/bin/apt-config", "usr/bin/apt-mark")


def product(cache_dir: Path) -> tuple[Path, str]:
    """Where the base image of these sources is, and its key."""
    key = cache.hash_of(SOURCES, Path(__file__), os.uname().machine)
    return cache_dir / "base" / key, key


def prepare(cache_dir: Path, say) -> Path:
    """Builds the base image unless it is there."""
    path, key = product(cache_dir)
    if not cache.is_built(path, key):
        say("building the base image of the nodes (about a minute, once)")
        cache.build(path, key, _make)
    return path


def _make(root: Path) -> None:
    _bootstrap(root)
    _add_files(root)
    _set_up_units(root)
    _set_up_users(root)
    _link_tools(root)
    _install_release_package(root)
    for name in NOT_IN_A_NODE:
        (root / name).unlink(missing_ok=True)
    cache.remove(root / "etc/apt")
    cache.remove(root / "var/lib/apt")


def _bootstrap(root: Path) -> None:
    options = ['Acquire::Languages "none"', *mirror.proxy_options()]
    process.run(
        [
            "mmdebstrap",
            "--mode=root",
            "--variant=minbase",
            f"--include={','.join(_lines('packages'))}",
            *(f"--aptopt={option}" for option in options),
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale", "info")),
            mirror.SUITE,
            str(root),
            mirror.of_suite(),
        ],
        timeout=1800,
    )


def _add_files(root: Path) -> None:
    (root / "etc/os-release").unlink(missing_ok=True)  # a link into /usr/lib
    for source in sorted((SOURCES / "root").rglob("*")):
        target = root / source.relative_to(SOURCES / "root")
        if source.is_dir():
            target.mkdir(exist_ok=True)
        else:
            shutil.copyfile(source, target)
            # As in a fresh clone, whatever the umask of whoever made it; sudo insists on its own.
            target.chmod(0o440 if "sudoers.d" in target.parts else 0o644)
    for stale in (root / "etc/ssh").glob("ssh_host_*"):
        stale.unlink()
    (root / "etc/machine-id").write_text("")
    for folder in ("etc/yum.repos.d", "srv/repo", "srv/lab", "usr/local/lib/krun-lab"):
        (root / folder).mkdir(parents=True, exist_ok=True)


def _set_up_units(root: Path) -> None:
    units = root / "etc/systemd/system"
    for unit in _lines("masked-units"):
        _link(units / unit, "/dev/null")
    _link(units / "default.target", "/lib/systemd/system/multi-user.target")


def _set_up_users(root: Path) -> None:
    for user in USERS:
        process.run(["chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", user])
    # sshd refuses locked accounts even with a key; `*` is no password, but not a lock.
    process.run(["chroot", str(root), "usermod", "--password", "*", "root"])
    for user in USERS:
        process.run(["chroot", str(root), "usermod", "--password", "*", user])


def _link_tools(root: Path) -> None:
    """The traced programs, in front of the real ones in PATH."""
    if not (root / "usr/bin/dnf").exists():
        _link(root / "usr/bin/dnf", "dnf-3")
    _link(root / "usr/bin/yum", "dnf")
    for program in TRACED:
        _link(root / "usr/local/bin" / program, "../lib/krun-lab/labtrace")


def _install_release_package(root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="lab-release.") as work:
        definitions = {"_topdir": work, "_rpmdir": work, "_dbpath": f"{work}/db"}
        defines = [part for name, value in definitions.items() for part in ("--define", f"{name} {value}")]
        process.run(["rpmbuild", "-bb", "--quiet", "--target", "noarch", *defines, str(SOURCES / "lab-release.spec")])
        built = list(Path(work).glob("noarch/lab-release-*.rpm"))
        if len(built) != 1:
            raise LabError("rpmbuild made no lab-release package", "see base/lab-release.spec")
        inside = root / "tmp" / built[0].name
        shutil.copyfile(built[0], inside)
        # Debian's rpm refuses to install anything on Debian unless it is told that this is meant.
        process.run(["chroot", str(root), "rpm", "--force-debian", "--install", f"/tmp/{inside.name}"])
        inside.unlink()


def _lines(name: str) -> list[str]:
    """The entries of one of the lists in base/, without the comments."""
    return [line for line in (SOURCES / name).read_text().split("\n") if line and not line.startswith("#")]


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
