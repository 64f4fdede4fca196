"""A small crictl: what runs on this node, from the stand-in kubelet's records."""

import json
import os
import sys

from .staticpods import RECORDS, Running


def main(arguments: list) -> None:
    words = [word for word in arguments if not word.startswith("-")]
    if not words:
        sys.exit("crictl (stand-in): want one of ps, pods, images, pull, version")
    command = words[0]
    if command == "version":
        print("Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  1.7.0\nRuntimeApiVersion:  v1")
    elif command == "pull" and len(words) == 2:
        print(f"Image is up to date for {words[1]}")
    elif command in ("ps", "pods"):
        _show(command, arguments, [pod for pod in _pods() if pod.alive() and _wanted(pod, arguments)])
    elif command == "images":
        for pod in _pods():
            print(pod.manifest["spec"]["containers"][0]["image"])
    else:
        sys.exit(f"crictl (stand-in): {' '.join(words)}: not supported here")


def _pods() -> list:
    found = []
    for file in sorted(os.listdir(RECORDS)) if os.path.isdir(RECORDS) else []:
        with open(os.path.join(RECORDS, file), encoding="utf-8") as handle:
            found.append(Running(**json.load(handle)))
    return found


def _wanted(pod: Running, arguments: list) -> bool:
    for index, word in enumerate(arguments):
        name, sign, value = word.partition("=")
        if name == "--name":
            return pod.name == (value if sign else arguments[index + 1])
    return True


def _show(command: str, arguments: list, pods: list) -> None:
    if "-q" in arguments or "--quiet" in arguments:
        for pod in pods:
            print(_id(pod))
        return
    if any(word in ("json", "-ojson", "--output=json", "-o=json") for word in arguments):
        key = "containers" if command == "ps" else "items"
        print(json.dumps({key: [{"id": _id(pod), "metadata": {"name": pod.name}, "state": "CONTAINER_RUNNING",
                                 "image": {"image": pod.manifest["spec"]["containers"][0]["image"]}} for pod in pods]}, indent=2))
        return
    print(f"{'CONTAINER':<20}{'IMAGE':<52}{'STATE':<10}{'NAME':<26}{'ATTEMPT':<9}POD ID")
    for pod in pods:
        image = pod.manifest["spec"]["containers"][0]["image"]
        print(f"{_id(pod):<20}{image:<52}{'Running':<10}{pod.name:<26}{pod.restarts:<9}{_id(pod)}")


def _id(pod: Running) -> str:
    return pod.digest[:13]
