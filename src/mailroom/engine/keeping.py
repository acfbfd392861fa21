"""Holding on to what was claimed: a thread renews it until the work is done, however long one step takes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import Error, connection

from mailroom.data.blobs.store import blobs

logger = logging.getLogger(__name__)

EVERY = 20.0
"""Seconds; a third of a lease."""


@contextmanager
def renewing(renew: Callable[[], bool], *, every: float = EVERY) -> Iterator[None]:
    """Call ``renew`` now and then until the block ends; it stops by itself once the claim is lost."""
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(renew, done, every), name="renewing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)


def _renew(renew: Callable[[], bool], done: threading.Event, every: float) -> None:
    try:
        while not done.wait(every):
            try:
                if not renew():
                    return
            except Error:
                logger.warning("A lease could not be renewed; trying again.", extra={"action": "renew"})
    finally:
        close_connections()


def close_connections() -> None:
    """What a thread opened is closed by it, or it stays open for ever."""
    connection.close()
    blobs().close()
