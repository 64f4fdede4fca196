"""Fills a new cluster: reads a JSON list of objects from standard input and creates them, waiting for the API server."""

import json
import sys
import threading
import time

from .client import Client, Refused, Unreachable

PATIENCE_SECONDS = 60
KUBECONFIG = "/etc/kubernetes/admin.conf"


def main(_arguments: list) -> None:
    objects = json.load(sys.stdin)
    client, deadline, pause = Client(KUBECONFIG), time.monotonic() + PATIENCE_SECONDS, threading.Event()
    while objects:
        try:
            while objects:
                _create(client, objects[0])
                objects.pop(0)
        except (Unreachable, Refused) as error:
            if time.monotonic() > deadline:
                sys.exit(f"the stand-in cluster does not take {objects[0]['kind']} {objects[0]['metadata']['name']}: {error}")
            pause.wait(0.1)


def _create(client: Client, document: dict) -> None:
    try:
        client.create(document, document["metadata"].get("namespace", ""))
    except Refused as error:
        if error.code != 409:
            raise
        client.merge(document["kind"], document["metadata"]["name"], document, document["metadata"].get("namespace", ""))
