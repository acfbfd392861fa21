"""Reading ahead: a thread keeps the socket busy while this one parses and stores."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from mailroom.core.sync.state import Fetched

BATCH_COUNT = 250
BATCH_BYTES = 8 * 1024 * 1024
_WAITING = 2
"""Batches fetched and not yet taken; with the one in work they bound the memory of a pass."""


class Ahead:
    """Messages of an iterator in batches, fetched in a thread of its own until closed.

    An exception of the iterator is raised where the batch is taken, after all batches before it.
    """

    def __init__(self, messages: Iterator[Fetched], *, count: int = BATCH_COUNT) -> None:
        self._messages = messages
        self._count = count
        self._ready: queue.Queue[list[Fetched] | BaseException | None] = queue.Queue(_WAITING)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[list[Fetched]]:
        while (item := self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop reading; the session is free again when this returns."""
        self._closed.set()
        while self._thread.is_alive():
            try:
                self._ready.get(timeout=0.05)
            except queue.Empty:
                continue

    def _run(self) -> None:
        try:
            for batch in self._batches():
                if self._closed.is_set():
                    return
                self._ready.put(batch)
            self._ready.put(None)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever takes the batches
            self._ready.put(error)

    def _batches(self) -> Iterator[list[Fetched]]:
        batch: list[Fetched] = []
        weight = 0
        for message in self._messages:
            batch.append(message)
            weight += len(message.raw or b"")
            if len(batch) >= self._count or weight >= BATCH_BYTES:
                yield batch
                batch, weight = [], 0
            if self._closed.is_set():
                return
        if batch:
            yield batch
