"""Where this machine gets its Debian packages from: asked of apt, so that both forms of its sources work."""

from labkit import process
from labkit.errors import LabError

SUITE = "bookworm"


def of_suite(suite: str = SUITE) -> str:
    """The address of the mirror that apt uses for `suite`."""
    form = "$(RELEASE)\t$(COMPONENT)\t$(REPO_URI)"
    listed = process.output(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    for line in listed.splitlines():
        release, component, address = line.split("\t")
        if release == suite and component == "main":
            return address
    raise LabError(
        f"apt knows no mirror for Debian {suite} (main)",
        f"the lab's nodes are Debian {suite}: add `deb <your mirror> {suite} main` to apt's sources",
    )


def proxy_options() -> list[str]:
    """apt's own settings for reaching the mirror, as lines of an apt configuration."""
    dumped = process.output(["apt-config", "dump", "--format", "%f \"%v\";%n", "Acquire::http", "Acquire::https"])
    return [line for line in dumped.splitlines() if "::Proxy" in line and not line.endswith('"";')]
