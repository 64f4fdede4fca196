"""Does what a fault says instead of a program, or becomes that program: faults.py REAL_PROGRAM ARGUMENTS...

The faults are a list in /srv/lab/faults.json. One fault:

    node      only on this node (default: on any)
    program   only this program (default: any)
    match     a regular expression, searched in the arguments joined by spaces (default: any)
    skip      let this many matching calls pass first (default 0); counted down in the file
    times     strike so often (default 1), -1 is always; counted down in the file
    action    fail        print `stdout` and `stderr`, end with `exit` (default 1)
              lie         print `stdout` and `stderr`, end with 0, without running the program
              hang        print `stdout` and `stderr`, then do nothing until killed
              delay       wait `seconds`, then run the program
              kill-after  run the program and kill it after `seconds`, unless it has ended by then
    any other action is the program's own: it finds the fault in the environment variable KRUN_LAB_FAULT
"""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time

FAULTS = "/srv/lab/faults.json"


def main() -> None:
    real, arguments = sys.argv[1], sys.argv[2:]
    fault = take(os.uname().nodename, os.path.basename(real), " ".join(arguments))
    if fault is None:
        os.execv(real, [real, *arguments])
    action = ACTIONS.get(fault.get("action"), own_action)
    action(fault, real, arguments)


def take(node: str, program: str, arguments: str) -> dict | None:
    """The fault that strikes this call, if one does; counts down in the file, alone with it by a lock."""
    try:
        file = open(FAULTS, "r+", encoding="utf-8")
    except FileNotFoundError:
        return None
    except PermissionError:
        sys.exit(f"lab: {FAULTS} must be writable for all users; `lab fault add` sees to that")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        faults = parse(file.read())
        fault, counted = strike(faults, node, program, arguments)
        if counted:
            file.seek(0)
            json.dump(faults, file, indent=1)
            file.truncate()
    return fault


def parse(text: str) -> list[dict]:
    try:
        return json.loads(text) if text.strip() else []
    except json.JSONDecodeError as error:
        sys.exit(f"lab: {FAULTS} is not JSON: {error}")


def strike(faults: list[dict], node: str, program: str, arguments: str) -> tuple[dict | None, bool]:
    """The fault that strikes, and whether any count has changed."""
    counted = False
    for fault in faults:
        if not matches(fault, node, program, arguments):
            continue
        times = fault.get("times", 1)
        if times == 0:
            continue
        if fault.get("skip", 0) > 0:
            fault["skip"] -= 1
            counted = True
            continue
        if times > 0:
            fault["times"] = times - 1
            counted = True
        return fault, counted
    return None, counted


def matches(fault: dict, node: str, program: str, arguments: str) -> bool:
    return (
        fault.get("node", node) == node
        and fault.get("program", program) == program
        and re.search(fault.get("match", ""), arguments) is not None
    )


def say(fault: dict) -> None:
    sys.stdout.write(fault.get("stdout", ""))
    sys.stdout.flush()
    sys.stderr.write(fault.get("stderr", ""))
    sys.stderr.flush()


def fail(fault: dict, _real: str, _arguments: list[str]) -> None:
    say(fault)
    sys.exit(fault.get("exit", 1))


def lie(fault: dict, _real: str, _arguments: list[str]) -> None:
    say(fault)


def hang(fault: dict, _real: str, _arguments: list[str]) -> None:
    say(fault)
    while True:
        signal.pause()


def delay(fault: dict, real: str, arguments: list[str]) -> None:
    time.sleep(fault.get("seconds", 1))
    os.execv(real, [real, *arguments])


def kill_after(fault: dict, real: str, arguments: list[str]) -> None:
    program = subprocess.Popen([real, *arguments], process_group=0)
    try:
        status = program.wait(fault.get("seconds", 1))
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        status = program.wait()
    sys.exit(128 - status if status < 0 else status)


def own_action(fault: dict, real: str, arguments: list[str]) -> None:
    os.execve(real, [real, *arguments], os.environ | {"KRUN_LAB_FAULT": json.dumps(fault)})


ACTIONS = {"fail": fail, "lie": lie, "hang": hang, "delay": delay, "kill-after": kill_after}

if __name__ == "__main__":
    main()
