"""kubeadm: finds the command, prints a failure as the real one does."""

import signal
import sys

from . import apply, checkexpiration, diff, images, node, plan, version
from .failure import Failure

COMMANDS = {
    ("version",): version.main, ("config",): images.main, ("certs", "check-expiration"): checkexpiration.main,
    ("upgrade", "plan"): plan.main, ("upgrade", "diff"): diff.main, ("upgrade", "apply"): apply.main, ("upgrade", "node"): node.main,
}


def main(arguments: list) -> None:
    # Who reads the output may see it while it is made, also through a pipe.
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        _run(arguments)
    except Failure as error:
        print(f"{error}\nTo see the stack trace of this error execute with --v=5 or higher", file=sys.stderr)
        sys.exit(error.code)


def _run(arguments: list) -> None:
    for path, command in COMMANDS.items():
        if tuple(arguments[:len(path)]) == path:
            return command(arguments[len(path):])
    first = arguments[0] if arguments else ""
    if any(path[0] == first for path in COMMANDS):
        if len(arguments) < 2:
            raise Failure(f'missing subcommand; "{first}" is not meant to be run on its own')
        raise Failure(f'invalid subcommand: "{arguments[1]}"')
    raise Failure(f'unknown command "{first}" for "kubeadm" (the stand-in has version, config, certs and upgrade)')
