"""Working ahead: a thread of its own computes the next items while this one is busy with the last."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from mailroom.core.sync.state import Fetched

BATCH_COUNT = 250
BATCH_BYTES = 8 * 1024 * 1024
_WAITING = 2
"""Items computed and not yet taken; with the one in work they bound the memory of a pass."""

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """The items of an iterable, computed in a thread until closed.

    An exception is raised where the item would have been taken, after all items before it.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = items
        self._ready: queue.Queue[tuple[Item] | BaseException | None] = queue.Queue(_WAITING)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        while (item := self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]

    def close(self) -> None:
        """Stop working; whatever the items come from is free again when this returns."""
        self._closed.set()
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._ready.get(timeout=0.05)
        with contextlib.suppress(queue.Empty):
            while True:
                self._ready.get_nowait()
        # Whoever still waits for an item, another thread perhaps, learns that there is none.
        self._ready.put(None)

    def _run(self) -> None:
        try:
            for item in self._items:
                if self._closed.is_set():
                    return
                self._ready.put((item,))
            self._ready.put(None)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever takes the items
            self._ready.put(error)


def gathered(
    messages: Iterable[Fetched], *, count: int = BATCH_COUNT, octets: int = BATCH_BYTES
) -> Iterator[list[Fetched]]:
    """Messages by batches, each of so many at most and closed by the one that fills it."""
    batch: list[Fetched] = []
    weight = 0
    for message in messages:
        batch.append(message)
        weight += len(message.raw or b"")
        if len(batch) >= count or weight >= octets:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
