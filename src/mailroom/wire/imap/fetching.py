"""What FETCH answers mean: read by name, in any order, and put together where a server sends pieces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from mailroom.core.sync.state import Fetched, Flags, RemoteFlags
from mailroom.wire.imap.grammar import Data, Value, number, pairs
from mailroom.wire.imap.uids import chunks

_SYSTEM = {flag.lower(): flag for flag in ("\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "\\Draft")}


def flags_in(value: Value) -> Flags:
    """Read a flag list: system flags in canonical case, ``\\Recent`` and empty ``\\`` dropped."""
    if not isinstance(value, list):
        return frozenset()
    return _flags(b" ".join(word for word in value if isinstance(word, bytes)))


@lru_cache(maxsize=4096)
def _flags(words: bytes) -> Flags:
    found = (word.decode("utf-8", "replace") for word in words.split())
    return frozenset(
        _SYSTEM.get(flag.lower(), flag) for flag in found if flag.lower() not in {"\\recent", "\\"}
    )


# The line of which a full listing has one per message; everything else takes the general way.
_PLAIN_LINE = re.compile(
    rb"\(UID (\d{1,10}) (?:MODSEQ \((\d{1,19})\) )?FLAGS \(([^()\"{]*)\)(?: MODSEQ \((\d{1,19})\))?\)"
)


def remote_flags(data: Data) -> RemoteFlags | None:
    """Read a FETCH answer as the flags of one message; None without UID or FLAGS."""
    if len(data.parts) == 1 and (match := _PLAIN_LINE.fullmatch(data.parts[0])):
        modseq = match[2] or match[4]
        return RemoteFlags(int(match[1]), _flags(match[3]), int(modseq) if modseq else None)
    items = _items(data)
    uid = number(items.get("UID"))
    if uid is None or "FLAGS" not in items:
        return None
    return RemoteFlags(uid, flags_in(items["FLAGS"]), number(items.get("MODSEQ")))


def _items(data: Data) -> dict[str, Value]:
    found = data.values()
    return pairs(found[0]) if found else {}


class Arrivals:
    """Takes the FETCH answers of a command and gives messages as soon as all that was asked is there.

    ``text`` is the item without which there is no message: ``BODY[]`` or ``BODY[HEADER]``.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._key = text.encode("ascii")
        self._whole = text == "BODY[]"
        self._partial: dict[int, dict[str, Value]] = {}
        self.ready: list[Fetched] = []

    def taken(self) -> list[Fetched]:
        """Hand over what is ready."""
        found, self.ready = self.ready, []
        return found

    def take(self, data: Data) -> bool:
        if data.kind != "FETCH":
            return False
        if not self._partial and (whole := self._in_usual_order(data)) is not None:
            self.ready.append(whole)
            return True
        items = _items(data)
        uid = number(items.get("UID"))
        if uid is None or (self._text not in items and uid not in self._partial):
            return False
        known = self._partial.setdefault(uid, {})
        known.update(items)
        if self._text in known and "FLAGS" in known:
            self.ready.append(self._message(uid, self._partial.pop(uid)))
        return True

    def _in_usual_order(self, data: Data) -> Fetched | None:
        """Read the answer as most servers write it, in one go: this is where a first sync spends its time."""
        if len(data.parts) != 3 or data.parts[2] != b")":
            return None
        match = _USUAL.fullmatch(data.parts[0])
        if match is None or match[6] != self._key:
            return None
        uid, flags, date, modseq, size, _ = match.groups()
        whole = self._whole
        return Fetched(
            int(uid),
            _flags(flags),
            internal_date(date),
            int(size) if size else None,
            int(modseq) if modseq else None,
            data.parts[1] if whole else None,
            None if whole else data.parts[1],
        )

    def end(self) -> None:
        """The command is over: give what came without flags as well."""
        for uid, items in self._partial.items():
            if self._text in items:
                self.ready.append(self._message(uid, items))
        self._partial.clear()

    def _message(self, uid: int, items: Mapping[str, Value]) -> Fetched:
        text = items[self._text]
        octets = text if isinstance(text, bytes) else None
        return Fetched(
            uid=uid,
            flags=flags_in(items.get("FLAGS")),
            internaldate=internal_date(items.get("INTERNALDATE")),
            size=number(items.get("RFC822.SIZE")),
            modseq=number(items.get("MODSEQ")),
            raw=octets if self._whole else None,
            header=None if self._whole else octets,
            email_id=_email_id(items),
        )


_USUAL = re.compile(
    rb"\(UID (\d{1,10}) FLAGS \(([^()\"{]*)\) INTERNALDATE \"([^\"\\]*)\"(?: MODSEQ \((\d{1,19})\))?"
    rb"(?: RFC822\.SIZE (\d{1,19}))? (BODY\[(?:HEADER)?\]) "
)


def _email_id(items: Mapping[str, Value]) -> str | None:
    value = items.get("EMAILID") or items.get("X-GM-MSGID")
    if isinstance(value, list):
        value = value[0] if value else None
    return value.decode("latin-1") if isinstance(value, bytes) else None


_DATE = re.compile(rb"\s*(\d{1,2}-[A-Za-z]{3}-\d{4}) +(\d{1,2}):(\d{2}):(\d{2})(?: *([+-]\d{4}))?")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""As IMAP writes them, whatever the locale."""
_MONTHS = {name.lower().encode("ascii"): index for index, name in enumerate(MONTHS, start=1)}


def internal_date(value: Value) -> datetime | None:
    """Read INTERNALDATE as UTC; None where it is no date."""
    if not isinstance(value, bytes):
        return None
    try:
        if len(value) == 26 and value[14] == value[17] == 0x3A:  # "05-Mar-2024 00:30:00 +0200": nearly always
            seconds = int(value[12:14]) * 3600 + int(value[15:17]) * 60 + int(value[18:20])
            return _midnight(value[:11], value[21:]) + timedelta(seconds=seconds)
        match = _DATE.match(value)
        if match is None:
            return None
        hour, minute, second = (int(match[part]) for part in (2, 3, 4))
        return _midnight(match[1], match[5]) + timedelta(hours=hour, minutes=minute, seconds=second)
    except (ValueError, KeyError, OverflowError):
        return None


@lru_cache(maxsize=4096)
def _midnight(day: bytes, zone: bytes | None) -> datetime:
    """The start of ``5-Mar-2024`` in ``zone``, as UTC; a mailbox has few days and many letters."""
    number, month, year = day.split(b"-")
    return datetime(int(year), _MONTHS[month.lower()], int(number), tzinfo=UTC) - _offset(zone)


def _offset(zone: bytes | None) -> timedelta:
    """``+0130`` as a span; nothing is UTC."""
    if zone is None:
        return timedelta()
    span = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return -span if zone.startswith(b"-") else span


def written_date(at: datetime) -> bytes:
    """Write an aware time as APPEND wants it, in quotes."""
    return f'"{at.day:02d}-{MONTHS[at.month - 1]}-{at:%Y %H:%M:%S %z}"'.encode("ascii")


def batches(
    uids: Iterable[int], sizes: Mapping[int, int], *, budget: int, most: int = 200
) -> Iterator[list[int]]:
    """Cut UIDs into commands of at most ``most`` messages and ``budget`` bytes, keeping the caller's order.

    Inside one command the server answers in its own order, so UIDs of a batch are rising (quirk of QQ).
    """
    batch: list[int] = []
    weight = 0
    for uid in dict.fromkeys(uids):
        size = sizes.get(uid, 0)
        if batch and (len(batch) >= most or weight + size > budget):
            yield from chunks(batch)
            batch, weight = [], 0
        batch.append(uid)
        weight += size
    if batch:
        yield from chunks(batch)
