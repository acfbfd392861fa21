"""Sets of UIDs as a column holds them: an IMAP sequence set (``1:40,42``), rising and merged."""

from __future__ import annotations

from collections.abc import Iterable


def written(uids: Iterable[int]) -> str:
    """Write a set; the empty set is the empty text."""
    ranges: list[list[int]] = []
    for uid in sorted(set(uids)):
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in ranges)


def read(text: str) -> frozenset[int]:
    """Read what :func:`written` wrote."""
    uids: set[int] = set()
    for part in filter(None, text.split(",")):
        low, _, high = part.partition(":")
        uids.update(range(int(low), int(high or low) + 1))
    return frozenset(uids)
