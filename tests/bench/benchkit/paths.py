"""Where things are: the work in the source tree, what is installed and built for the bench outside of it."""

import os
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent.parent
WORK = BENCH / "work"


def cache() -> Path:
    """`$KRUN_BENCH_CACHE`, else `krun-bench` among the user's caches. May be deleted at any time."""
    if chosen := os.environ.get("KRUN_BENCH_CACHE"):
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "krun-bench"
