"""Fetches a real kubectl: Debian trixie's package `kubectl` (1.32), unpacked and never installed.

The mirror is the one this machine's apt already uses; apt checks the signatures, in state and cache folders of its own so that the
machine's package lists stay untouched.
"""

from pathlib import Path

from labkit import cache as products
from labkit import mirror, process

SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
TIMEOUT = 300


def fetch(cache: Path) -> Path:
    """Sees to it that the program is in the cache; returns the folder that holds `kubectl`."""
    folder = cache / "kubectl" / SUITE
    products.build(folder, SUITE, _download)
    return folder


def _download(target: Path) -> None:
    scratch = target.parent
    for part in ("state/partial", "cache/archives/partial"):
        (scratch / part).mkdir(parents=True)
    sources = scratch / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror.of_suite()} {SUITE} main\n")
    options = [
        f"Dir::Etc::SourceList={sources}",
        "Dir::Etc::SourceParts=/dev/null",
        f"Dir::State::Lists={scratch / 'state'}",
        # A kubectl installed on this machine from elsewhere must not be taken for the candidate.
        "Dir::State::status=/dev/null",
        f"Dir::Cache={scratch / 'cache'}",
        "Acquire::Languages=none",
        # The scratch folder is root's alone.
        "APT::Sandbox::User=root",
    ]
    apt_get = ["apt-get", "-qq"] + [word for option in options for word in ("-o", option)]
    process.run([*apt_get, "update"], timeout=TIMEOUT)
    process.run([*apt_get, "download", "kubectl"], timeout=TIMEOUT, cwd=scratch)
    package = next(scratch.glob("kubectl_*.deb"))
    process.run(["dpkg-deb", "-x", str(package), str(scratch / "root")], timeout=TIMEOUT)
    target.mkdir(mode=0o755)
    (scratch / "root" / "usr" / "bin" / "kubectl").rename(target / "kubectl")
