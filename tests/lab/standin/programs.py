"""The programs of the stand-in, as every node sees them under /usr/lib/kube-standin: ours, and a real kubectl."""

import compileall
import os
import py_compile
import shutil
from pathlib import Path

from labkit import cache as products
from standin import kubectl

SOURCE = Path(__file__).resolve().parent / "node"
NODE_PATH = "/usr/lib/kube-standin"


def folder(cache: Path) -> Path:
    # By content: a lab that runs keeps the programs it was started with when the sources change.
    return cache / "standin" / products.hash_of(SOURCE, Path(__file__), Path(kubectl.__file__))


def build(cache: Path) -> None:
    program = kubectl.fetch(cache) / "kubectl"
    place = folder(cache)
    products.build(place, place.name, lambda target: _make(program, target))


def _make(program: Path, target: Path) -> None:
    shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("__pycache__"))
    # A second name costs nothing; the program is large.
    os.link(program, target / "kubectl")
    # Nodes cannot write here, and would compile everything at each start.
    compileall.compile_dir(
        target, quiet=1, stripdir=str(target), prependdir=NODE_PATH, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
