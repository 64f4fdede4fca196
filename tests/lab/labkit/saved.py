"""Saved ("golden") disks: a cluster is made once, then every lab of that kind starts from a copy of its disks.

`<cache>/golden/<key>/` holds a folder a node. Disks in use are never removed: each lab that uses one leaves
a note of itself beside it, and a note counts for as long as that lab's lab.json is there.
"""

from pathlib import Path

from labkit import cache, plugin
from labkit.layout import Layout

SAME_DISKS = ("disk.py", "base_image.py", "node")  # parts of labkit that a saved disk depends on


def product(cache_dir: Path, base: Path, kind: str, version: str, masters: int, workers: int) -> tuple[Path, str]:
    """Where the disks of such a cluster are, and their key."""
    here = Path(__file__).resolve().parent
    code = [here / name for name in SAME_DISKS] + plugin.sources(kind)
    key = cache.hash_of(base.name, kind, version, f"{masters} masters", f"{workers} workers", code)
    return cache_dir / "golden" / f"{kind}-{version}-{masters}m{workers}w-{key}", key


def note_use(layout: Layout, *products: Path) -> None:
    """Notes that this lab stands on these products of the cache."""
    for path in products:
        note = _users(path) / cache.hash_of(str(layout.config))
        note.parent.mkdir(exist_ok=True)
        note.write_text(str(layout.config))


def prune(keep: Path) -> None:
    """Removes what `keep` replaces (its older siblings of the same name, up to the key), unless in use."""
    family = keep.name.rpartition("-")[0]
    for key_file in keep.parent.glob("*.key"):
        path = key_file.with_suffix("")
        if path != keep and path.name.rpartition("-")[0] == family and not _in_use(path):
            key_file.unlink()
            cache.remove(path)
            cache.remove(_users(path))
            path.with_name(path.name + ".lock").unlink(missing_ok=True)


def _in_use(path: Path) -> bool:
    notes = list(_users(path).glob("*")) if _users(path).is_dir() else []
    return any(path.name in Path(note.read_text()).read_text() for note in notes if Path(note.read_text()).exists())


def _users(path: Path) -> Path:
    return path.with_name(path.name + ".users")
