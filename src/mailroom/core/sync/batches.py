"""In which order and how much at a time messages are brought: newest first, under a budget of bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

BATCH_BYTES = 4 * 1024 * 1024
BATCH_COUNT = 50
UNKNOWN_SIZE = 64 * 1024
"""Counted for a message whose size the server did not tell."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message to be brought; ``size`` in octets as RFC822.SIZE says, None when unknown."""

    uid: int
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Figures for a bar: messages and octets, done and in all."""

    done: int = 0
    total: int = 0
    done_bytes: int = 0
    total_bytes: int = 0

    @property
    def share(self) -> float:
        """Between 0 and 1, by octets where they are known: ten big letters weigh more than ten small ones."""
        done, total = (self.done_bytes, self.total_bytes) if self.total_bytes else (self.done, self.total)
        return min(1.0, done / total) if total else 1.0

    def time_left(self, elapsed: timedelta) -> timedelta | None:
        """How long it will still take at the pace so far; None before anything is done."""
        if not self.share:
            return None
        return elapsed * ((1 - self.share) / self.share)

    def plus(self, brought: Iterable[Waiting]) -> Progress:
        """The figures after a batch."""
        batch = list(brought)
        return Progress(
            done=self.done + len(batch),
            total=self.total,
            done_bytes=self.done_bytes + sum(item.size or 0 for item in batch),
            total_bytes=self.total_bytes,
        )


def progress(waiting: Iterable[Waiting]) -> Progress:
    """The figures before the first batch."""
    items = list(waiting)
    return Progress(total=len(items), total_bytes=sum(item.size or 0 for item in items))


def batches(
    waiting: Iterable[Waiting], *, max_bytes: int = BATCH_BYTES, max_count: int = BATCH_COUNT
) -> Iterator[tuple[Waiting, ...]]:
    """Newest first; a message larger than the budget travels alone."""
    batch: list[Waiting] = []
    weight = 0
    for item in sorted(waiting, key=lambda item: -item.uid):
        size = UNKNOWN_SIZE if item.size is None else item.size
        if batch and (len(batch) == max_count or weight + size > max_bytes):
            yield tuple(batch)
            batch, weight = [], 0
        batch.append(item)
        weight += size
    if batch:
        yield tuple(batch)


def halves(batch: tuple[Waiting, ...]) -> tuple[tuple[Waiting, ...], ...]:
    """What to try after a batch failed: its halves, down to the one message that is at fault.

    A batch of one has no halves: that message is parked.
    """
    middle = len(batch) // 2
    return (batch[:middle], batch[middle:]) if middle else ()
