"""Sets of UIDs as IMAP writes them (RFC 3501 ``sequence-set``): sorted, merged, never expanded blindly.

A server may say ``VANISHED 1:4294967295``; such a range is only ever intersected with what is known.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from mailroom.wire.failures import Kind, RetryLater

Ranges = tuple[tuple[int, int], ...]
"""Closed intervals, rising, apart from each other."""

MAX_UID = 4_294_967_295
MAX_EXPANDED = 5_000_000


def compress(uids: Iterable[int]) -> Ranges:
    """Join UIDs into intervals."""
    ranges: list[tuple[int, int]] = []
    for uid in sorted(set(uids)):
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], uid)
        else:
            ranges.append((uid, uid))
    return tuple(ranges)


def written(ranges: Ranges) -> bytes:
    """Write intervals as a command wants them: ``1:3,7``."""
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in ranges)


_RANGE = re.compile(rb"(\d{1,10}|\*)(?::(\d{1,10}|\*))?")


def parse(text: bytes) -> Ranges:
    """Read a set as servers write it, in any order; what is no number is skipped."""
    found = []
    for match in _RANGE.finditer(text):
        low = MAX_UID if match[1] == b"*" else int(match[1])
        high = low if match[2] is None else MAX_UID if match[2] == b"*" else int(match[2])
        found.append((min(low, high), min(max(low, high), MAX_UID)))
    return merged(found)


def merged(intervals: Iterable[tuple[int, int]]) -> Ranges:
    """Sort intervals and join those that touch."""
    ranges: list[tuple[int, int]] = []
    for low, high in sorted(intervals):
        if ranges and low <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], high))
        else:
            ranges.append((low, high))
    return tuple(ranges)


def expand(ranges: Ranges, *, below: int | None = None) -> list[int]:
    """List the UIDs of intervals, those under ``below`` only; protocol failure for an absurd number."""
    top = MAX_UID if below is None else below - 1
    total = sum(max(0, min(high, top) - low + 1) for low, high in ranges)
    if total > MAX_EXPANDED:
        raise RetryLater(Kind.PROTOCOL, f"a set of {total} UIDs")
    return [uid for low, high in ranges for uid in range(low, min(high, top) + 1)]


def expand_in_order(text: bytes) -> list[int]:
    """List the UIDs of a set in the order written: COPYUID pairs them by position (RFC 4315)."""
    uids: list[int] = []
    for match in _RANGE.finditer(text):
        if b"*" in match[0]:
            return []
        low = int(match[1])
        high = int(match[2]) if match[2] else low
        if len(uids) + abs(high - low) > MAX_EXPANDED:
            return []
        uids.extend(range(low, high + 1) if low <= high else range(low, high - 1, -1))
    return uids


def within(ranges: Ranges, known: Sequence[int]) -> list[int]:
    """List those of ``known`` (rising) that lie in ``ranges``."""
    found: list[int] = []
    for low, high in ranges:
        found.extend(known[bisect_left(known, low) : bisect_right(known, high)])
    return found


def chunks(uids: Iterable[int], *, most: int = 500, octets: int = 3500) -> Iterator[list[int]]:
    """Cut UIDs into rising lists that fit into one command (Exchange and Zimbra refuse long ones)."""
    chunk: list[int] = []
    room, previous, in_range = octets, -2, False
    for uid in sorted(set(uids)):
        in_range_next = uid == previous + 1
        # A range in progress only replaces its end; the digits of both ends are counted once.
        cost = 0 if in_range_next and in_range else len(str(uid)) + 1
        if chunk and (len(chunk) >= most or cost > room):
            yield chunk
            chunk, room, in_range_next = [], octets, False
            cost = len(str(uid)) + 1
        chunk.append(uid)
        room -= cost
        previous, in_range = uid, in_range_next
    if chunk:
        yield chunk
