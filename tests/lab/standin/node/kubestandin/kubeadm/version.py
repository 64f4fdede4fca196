"""kubeadm version."""

import json

import yaml

from .. import faults
from ..kubectlversion import go_struct, info
from ..versions import parse as parse_version
from .context import own_version
from .failure import Failure
from .flags import parse


def main(words: list) -> None:
    flags, _ = parse(words, {"output": str}, {"o": "output"})
    # A fault may make it tell another version than it is.
    lie = faults.handed("lie-version")
    version = parse_version(lie["version"]) if lie else own_version()
    output, document = flags.get("output", ""), {"clientVersion": info(version)}
    if output == "":
        print(f"kubeadm version: &{go_struct(document['clientVersion'])}")
    elif output == "short":
        print(version)
    elif output == "yaml":
        print(yaml.safe_dump(document))
    elif output == "json":
        print(json.dumps(document, indent=2))
    else:
        raise Failure(f"invalid output format: {output}")
