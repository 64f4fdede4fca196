"""Waiting for a condition: never for ever, and never longer than needed."""

import time
from typing import Callable, TypeVar

from labkit.errors import LabError

Found = TypeVar("Found")


def until(condition: Callable[[], Found], what: str, timeout: float, pause: float = 0.02, hint: str = "") -> Found:
    """Asks `condition` again and again until it gives something true, and returns that."""
    end = time.monotonic() + timeout
    while True:
        if found := condition():
            return found
        if time.monotonic() >= end:
            raise LabError(f"waited {timeout:g} s in vain: {what}", hint)
        time.sleep(pause)
