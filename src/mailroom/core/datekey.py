"""The date key: an integer that sorts like the date, unique per letter, and safe in JSON.

Seconds since the epoch in the upper bits, a serial number of 20 bits below. With it as primary key and as
rowid of the search index, newest first and paging need no sort.
"""

from __future__ import annotations

from datetime import UTC, datetime

SERIAL_BITS = 20
SERIALS = 1 << SERIAL_BITS
_LATEST = (1 << (53 - SERIAL_BITS)) - 1


def date_key(at: datetime, serial: int) -> int:
    """The key of an instant (aware) with a serial of at most 20 bits; instants before 1970 count as 1970."""
    seconds = min(max(int(at.timestamp()), 0), _LATEST)
    return seconds << SERIAL_BITS | serial % SERIALS


def instant_of(key: int) -> datetime:
    """The instant (UTC, whole seconds) that a key was made from."""
    return datetime.fromtimestamp(key >> SERIAL_BITS, UTC)


def sorting_date(
    *,
    received_at: datetime | None,
    date_at: datetime | None,
    internal_at: datetime | None,
    arrived_at: datetime,
) -> datetime:
    """The date a letter sorts by: topmost Received, else Date, else INTERNALDATE, never after arrival."""
    return min(received_at or date_at or internal_at or arrived_at, arrived_at)
