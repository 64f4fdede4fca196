"""Things that take long to make are made once, kept in the cache, and found again by what they are made of.

A product is a folder or a file `<cache>/<group>/<name>`; the key it was made for is in `<name>.key` beside it.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterable


def default_cache() -> Path:
    """Where the lab keeps what it builds: outside of the work tree, so that it survives a fresh clone."""
    if chosen := os.environ.get("KRUN_LAB_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "krun-lab"


def hash_of(*parts: str | Path | Iterable[Path]) -> str:
    """A short hash of texts, files and folders (with all they contain, byte code aside)."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            total.update(part.encode() + b"\0")
        elif isinstance(part, Path):
            _add_path(total, part)
        else:
            for path in part:
                _add_path(total, path)
    return total.hexdigest()[:16]


def _add_path(total, path: Path) -> None:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.is_file() and file.suffix != ".pyc":
            name = str(file.relative_to(path)) if path.is_dir() else file.name
            total.update(name.encode() + b"\0" + oct(file.stat().st_mode & 0o111).encode() + b"\0")
            total.update(hashlib.sha256(file.read_bytes()).digest())


@contextmanager
def locked(lock: Path):
    """Holds `lock` (a file, which only its holder may remove) against other processes; waits for them as long as they live."""
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with open(lock, "w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not _is_still(lock, handle):
                continue  # its last holder removed the file while we waited
            yield
            return


def _is_still(path: Path, handle) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle.fileno()))
    except FileNotFoundError:
        return False


def is_built(product: Path, key: str) -> bool:
    note = _key_file(product)
    return product.exists() and note.exists() and note.read_text() == key


def build(product: Path, key: str, make: Callable[[Path], None]) -> bool:
    """Sees to it that `product` is there as `key` wants it; `make(path)` builds it at a temporary path.

    Returns whether anything was built. An interrupted build leaves nothing that counts, and of two
    callers one builds while the other waits.
    """
    if is_built(product, key):
        return False
    with locked(product.with_name(product.name + ".lock")):
        if is_built(product, key):
            return False
        _remove_abandoned(product)
        work = Path(tempfile.mkdtemp(prefix=f".{product.name}.", dir=product.parent))
        try:
            made = work / "product"
            make(made)
            _key_file(product).unlink(missing_ok=True)
            remove(product)
            made.rename(product)
            _key_file(product).write_text(key)
        finally:
            remove(work)
    return True


def remove(path: Path) -> None:
    """Removes a file or a folder; nothing there is well."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _key_file(product: Path) -> Path:
    return product.with_name(product.name + ".key")


def _remove_abandoned(product: Path) -> None:
    """The temporary folders of builds that died (we hold the lock, so none of them is alive)."""
    for left in product.parent.glob(f".{product.name}.*"):
        remove(left)
