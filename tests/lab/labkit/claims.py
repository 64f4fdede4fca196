"""Who a lab's name belongs to: the names of network namespaces are shared by all state folders of a machine.

`/run/krun-lab/NAME` is a link to the state folder whose lab has that name.
"""

from pathlib import Path

from labkit.errors import LabError
from labkit.layout import Layout, state_root

CLAIMS = Path("/run/krun-lab")


def claim(layout: Layout) -> None:
    """Takes the name for this state folder, or fails if a lab of another one has it."""
    if not is_ours(layout.name):
        raise LabError(f"the name {layout.name} is in use by a lab in {_holder(layout.name)}", "choose another --name")
    release(layout)
    CLAIMS.mkdir(exist_ok=True)
    (CLAIMS / layout.name).symlink_to(_ours())


def release(layout: Layout) -> None:
    (CLAIMS / layout.name).unlink(missing_ok=True)
    if CLAIMS.is_dir() and not any(CLAIMS.iterdir()):
        CLAIMS.rmdir()


def claimed() -> list[str]:
    """The names that this state folder has taken."""
    links = CLAIMS.iterdir() if CLAIMS.is_dir() else []
    return [link.name for link in links if _holder(link.name) == _ours()]


def is_ours(name: str) -> bool:
    """Whether no lab of another state folder has this name; a lab that is gone has none."""
    holder = _holder(name)
    return holder is None or holder == _ours() or not (holder / name / "lab.json").exists()


def _holder(name: str) -> Path | None:
    link = CLAIMS / name
    return link.readlink() if link.is_symlink() else None


def _ours() -> Path:
    return state_root().absolute()
