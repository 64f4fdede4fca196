"""--patches: files such as kube-apiserver0+merge.yaml that change the generated manifests."""

import os
import re

import yaml

from .. import patch
from .failure import Failure

NAME = re.compile(r"^(etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kubeletconfiguration)([^+.]*)(?:\+(strategic|merge|json))?\.(yaml|json)$")
APPLY = {"strategic": patch.strategic, "merge": patch.merge, "json": patch.json_patch}


class Patches:
    def __init__(self, folder: str):
        """Reads all patches of a folder; an empty name is none."""
        self._patches = {}
        if not folder:
            return
        print(f'[patches] Reading patches from path "{folder}"')
        try:
            files = sorted(os.listdir(folder))
        except OSError as error:
            raise Failure(f"could not list patch files for path {folder}: {error.strerror.lower()}") from error
        found = [file for file in files if NAME.match(file)]
        for file in found:
            match = NAME.match(file)
            with open(os.path.join(folder, file), encoding="utf-8") as handle:
                self._patches.setdefault(match[1], []).append((match[3] or "strategic", yaml.safe_load(handle)))
        print(f"[patches] Found the following patch files: [{' '.join(found)}]")

    def apply(self, target: str, document: dict) -> dict:
        for kind, change in self._patches.get(target, []):
            try:
                document = APPLY[kind](document, change)
            except ValueError as error:
                raise Failure(f"failed to patch {target}: {error}") from error
            print(f'[patches] Applied patch of type "application/{_type(kind)}" to target "{target}"')
        return document


def _type(kind: str) -> str:
    return {"strategic": "strategic-merge-patch+json", "merge": "merge-patch+json", "json": "json-patch+json"}[kind]
