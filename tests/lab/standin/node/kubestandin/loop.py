"""The frame of a controller: act while leading, once a period; an API server that is away is waited for."""

import logging
import threading

from .client import Client, Refused, Unreachable
from .leader import Election


def run(name: str, kubeconfig: str, period: float, act) -> None:
    """Calls act(client) for ever."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    log = logging.getLogger(name)
    client = Client(kubeconfig)
    election = Election(client, name)
    pause = threading.Event()
    while True:
        try:
            if election.leading():
                act(client)
        except Unreachable as error:
            log.info("API server: %s", error)
        except Refused as error:
            log.info("%s", error)
        pause.wait(period)


def flag(arguments: list, name: str) -> str:
    return next(word.partition("=")[2] for word in arguments if word.startswith(f"--{name}="))
