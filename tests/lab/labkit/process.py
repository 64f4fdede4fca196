"""Running commands on this machine, each with a time limit and an error that shows what happened."""

import shlex
import subprocess
from typing import Mapping, Sequence

from labkit.errors import LabError

DEFAULT_TIMEOUT = 120


def run(
    argv: Sequence[str],
    *,
    input: bytes | str | None = None,
    check: bool = True,
    timeout: float = DEFAULT_TIMEOUT,
    env: Mapping[str, str] | None = None,
    name: str = "",
    **options,
) -> subprocess.CompletedProcess:
    """Runs `argv` to its end and returns its output as bytes; `name` says where it ran, for the error."""
    if isinstance(input, str):
        input = input.encode()
    source = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
    where = f"{name}: " if name else ""
    try:
        done = subprocess.run(argv, capture_output=True, timeout=timeout, env=env, **source, **options)
    except FileNotFoundError as error:
        raise LabError(f"{where}cannot start {argv[0]}: {error.strerror}", "`lab setup` installs what the lab needs")
    except subprocess.TimeoutExpired as error:
        said = _tail((error.stdout or b"") + (error.stderr or b""))
        raise LabError(f"{where}`{shlex.join(argv)}` did not end within {timeout:g} s{said}")
    if check and done.returncode != 0:
        raise LabError(f"{where}`{shlex.join(argv)}` failed with {done.returncode}{_tail(done.stdout + done.stderr)}")
    return done


def output(argv: Sequence[str], **options) -> str:
    """What the command prints, as text."""
    return run(argv, **options).stdout.decode(errors="replace")


def _tail(said: bytes, lines: int = 15) -> str:
    text = said.decode(errors="replace").strip().splitlines()[-lines:]
    return ":\n  " + "\n  ".join(text) if text else ""
