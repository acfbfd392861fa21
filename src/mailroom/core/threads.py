"""Which letters belong together: by the ids they name, never by a guess; in whatever order they arrive.

Every letter ties its own Message-ID to the ids it answers. A thread is what is tied together, so the same
letters give the same threads in any order, and a late letter may merge two threads but never split one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key", str, bytes)
"""A Message-ID, or its digest."""


@dataclass(frozen=True, slots=True)
class Start:
    """Nothing it names is known: a thread of its own."""


@dataclass(frozen=True, slots=True)
class Join:
    """It belongs to a thread that exists."""

    thread_id: int


@dataclass(frozen=True, slots=True)
class Merge:
    """It ties threads together that were apart: ``others`` become part of ``into``."""

    into: int
    others: tuple[int, ...]


def tied_ids(
    *, own: str | None, in_reply_to: Sequence[str], references: Sequence[str], is_reply: bool
) -> tuple[str, ...]:
    """The ids a letter ties together, its own first.

    In-Reply-To is trusted, its first id that is: old programs name other letters in the same field.
    References alone are not when the subject is no reply: people start a new topic by recycling an old
    letter (suitenumerique/messages#765).
    """
    named = [*in_reply_to[:1], *references] if in_reply_to or is_reply else []
    return tuple(dict.fromkeys(one for one in (own, *named) if one))


def decide(ids: Iterable[Key], known: Mapping[Key, int]) -> Start | Join | Merge:
    """Where a letter goes that ties ``ids``, given the thread of each id known so far.

    The caller remembers every one of ``ids`` for the thread, also those of letters never seen: a parent
    that arrives later finds its thread that way.
    """
    threads = sorted({known[one] for one in ids if one in known})
    if not threads:
        return Start()
    if len(threads) == 1:
        return Join(threads[0])
    return Merge(threads[0], tuple(threads[1:]))
