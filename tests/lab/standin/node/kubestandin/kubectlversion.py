"""`kubectl version`, the one command that the real kubectl behind must not answer: its version is not the package's."""

import json
import os
import sys

import yaml

from . import versions
from .client import Client, Refused, Unreachable

KUSTOMIZE = {24: "v4.5.4", 25: "v4.5.7", 26: "v4.5.7", 27: "v5.0.1", 28: "v5.0.4-0.20230601165947-6ce0bf390ce3",
             29: "v5.0.4-0.20230601165947-6ce0bf390ce3", 30: "v5.0.4-0.20230601165947-6ce0bf390ce3", 31: "v5.4.2",
             32: "v5.5.0", 33: "v5.6.0", 34: "v5.7.1", 35: "v5.7.1", 36: "v5.8.0"}
DEFAULT_SERVER = "The connection to the server localhost:8080 was refused - did you specify the right host or port?"


def main(arguments: list) -> None:
    version = versions.parse(os.environ["STANDIN_VERSION"])
    output = _option(arguments, "output", "o")
    if output not in ("", "json", "yaml"):
        sys.exit("error: --output must be 'yaml' or 'json'")
    short = any(word in ("--short", "--short=true") for word in arguments)
    # --short went with 1.28, when its form became the only one.
    if short and version.minor >= 28:
        sys.exit("error: unknown flag: --short\nSee 'kubectl version --help' for usage.")
    server, problem = (None, "") if any(w in ("--client", "--client=true") for w in arguments) else _server(arguments)
    if output:
        _structured(version, server, output)
    elif short or version.minor >= 28:
        print(f"Client Version: {version}")
        if version.minor >= 24:
            print(f"Kustomize Version: {KUSTOMIZE[version.minor]}")
        if server:
            print(f"Server Version: {server['gitVersion']}")
    else:
        _long(version, server)
    if problem:
        sys.exit(problem)


def _option(arguments: list, long: str, short: str = "") -> str:
    for index, word in enumerate(arguments):
        if word.startswith(f"--{long}="):
            return word.partition("=")[2]
        if short and word.startswith(f"-{short}") and len(word) > 2:
            return word[2:].removeprefix("=")
        if word in (f"--{long}", f"-{short}") and index + 1 < len(arguments):
            return arguments[index + 1]
    return ""


def _server(arguments: list) -> tuple:
    kubeconfig = _option(arguments, "kubeconfig") or os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")
    if not os.path.exists(kubeconfig):
        return None, DEFAULT_SERVER
    try:
        return Client(kubeconfig).call("GET", "/version"), ""
    except Unreachable as error:
        host = yaml.safe_load(open(kubeconfig, encoding="utf-8"))["clusters"][0]["cluster"]["server"].removeprefix("https://")
        if "refused" in str(error):
            return None, f"The connection to the server {host} was refused - did you specify the right host or port?"
        return None, f"Unable to connect to the server: {error}"
    except (Refused, OSError) as error:
        return None, f"error: {error}"


def info(version: versions.Version) -> dict:
    return {"major": str(version.major), "minor": str(version.minor), "gitVersion": str(version), "gitCommit": "",
            "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "gc", "platform": "linux/amd64"}


def _structured(version: versions.Version, server, output: str) -> None:
    document = {"clientVersion": info(version)}
    if version.minor >= 24:
        document["kustomizeVersion"] = KUSTOMIZE[version.minor]
    if server:
        document["serverVersion"] = server
    print(json.dumps(document, indent=2) if output == "json" else yaml.safe_dump(document).rstrip())


def _long(version: versions.Version, server) -> None:
    """The form up to 1.27."""
    if version.minor >= 24:
        print("WARNING: This version information is deprecated and will be replaced with the output from kubectl version --short.  "
              "Use --output=yaml|json to get the full version.", file=sys.stderr)
    print(f"Client Version: {go_struct(info(version))}")
    if version.minor >= 24:
        print(f"Kustomize Version: {KUSTOMIZE[version.minor]}")
    if server:
        print(f"Server Version: {go_struct(server)}")


def go_struct(info: dict) -> str:
    fields = ("major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
    return "version.Info{" + ", ".join(f'{name[0].upper()}{name[1:]}:"{info[name]}"' for name in fields) + "}"
