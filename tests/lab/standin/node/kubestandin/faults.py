"""Faults of the lab that a program plays itself (/srv/lab/faults.json; the common ones are played before a program starts).

labtrace, which starts the programs, hands a fault that is meant for the program over in KRUN_LAB_FAULT and has
counted it already. Programs that are not started through it (the API server) take theirs from the file.
"""

import fcntl
import json
import os
import re
import socket

FILE = "/srv/lab/faults.json"


def handed(action: str):
    """The fault of this action that labtrace handed to this program, or None."""
    try:
        fault = json.loads(os.environ.get("KRUN_LAB_FAULT", "{}"))
    except ValueError:
        return None
    return fault if fault.get("action") == action else None


def take(program: str, arguments: str, action: str) -> bool:
    """Whether a fault of the file strikes now; it is counted down as labtrace does it."""
    try:
        file = open(FILE, "r+", encoding="utf-8")
    except FileNotFoundError:
        return False
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            faults = json.loads(file.read() or "[]")
        except ValueError:
            return False
        struck, counted = _strike(faults, program, arguments, action)
        if counted:
            file.seek(0)
            json.dump(faults, file, indent=1)
            file.truncate()
    return struck


def _strike(faults: list, program: str, arguments: str, action: str) -> tuple:
    """Whether one strikes, and whether any count has changed."""
    counted = False
    for fault in faults:
        times = fault.get("times", 1)
        if not _matches(fault, program, arguments, action) or times == 0:
            continue
        if fault.get("skip", 0) > 0:
            fault["skip"] -= 1
            counted = True
            continue
        if times > 0:
            fault["times"] = times - 1
            counted = True
        return True, counted
    return False, counted


def _matches(fault: dict, program: str, arguments: str, action: str) -> bool:
    return (
        fault.get("program") == program
        and fault.get("action") == action
        and fault.get("node") in (None, socket.gethostname())
        and re.search(fault.get("match", ""), arguments) is not None
    )
