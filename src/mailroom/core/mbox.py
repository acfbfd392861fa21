"""Mbox files, letter by letter: any bytes in, every byte of them in some letter; never raises.

An mbox has no length that can be trusted and no standard: RFC 4155 describes one dialect of five. A line
`From ...` with a date begins a letter. Content-Length is not believed: half of those who write it lie, and
one lie costs every letter behind it. Lines `>From ` lose one mark (the mboxrd dialect).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailroom.core.sync.state import ANSWERED, DRAFT, FLAGGED, SEEN, Flags

UNTERMINATED = "unterminated@mailroom.invalid"
"""Sender of the From_ line when the letter has no line end of its own: the one that follows is not its."""

_MARK_OF_ORDER = b"\xef\xbb\xbf"
_LONGEST_FROM_LINE = 1000
_LONGEST_NAME = 80
_CONTEXT = 8
"""Bytes kept before what is read next: "\\nFrom " may be cut by the end of a chunk."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DATED = re.compile(
    rb"From (?:.*?[ \t])??(?:%b),?[ \t]+(?P<month>%b)[ \t]+(?P<day>\d{1,2})[ \t]+"
    rb"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:[ \t]+(?:[A-Z]{3,5}|(?P<before>[+-]\d{4})))*"
    rb"[ \t]+(?P<year>\d{4})(?:[ \t]+(?:[A-Z]{3,5}|(?P<after>[+-]\d{4})))*(?:[ \t]+remote from .*)?"
    rb"[ \t]*\r?\n?" % ("|".join(_DAYS).encode(), "|".join(_MONTHS).encode())
)
_ONE_WORD = re.compile(rb"From [^ \t\r\n]*[ \t]*\r?\n?")
# Prose may begin with "From " and be followed by "Year: 1963"; only a field that letters begin with counts.
_FIELD = re.compile(
    rb"(?:return-path|received|from|to|cc|date|subject|message-id|mime-version|reply-to|sender|delivered-to"
    rb"|content-type|status|envelope-to|references|in-reply-to|arc-seal|dkim-signature|authentication-results"
    rb"|x-[!-9;-~]{1,70}|>from )[ \t]*:",
    re.IGNORECASE,
)
_MARKED = re.compile(rb"^>(>*From )", re.MULTILINE)
_TO_MARK = re.compile(rb"^(>*From )", re.MULTILINE)
_END_OF_HEADER = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"^(status|x-status|x-mozilla-status|x-gmail-labels):([^\r\n]*)", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Entry:
    """One letter of an mbox."""

    from_line: bytes
    """With its line end; empty for what stands before the first one."""
    content: bytes | None
    """The letter, unmarked and without the blank line that ends it; None = longer than allowed."""
    size: int
    """As it stands in the file."""
    end: int
    """Bytes of the file read up to the end of this letter."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What a mail program has noted in a letter's own header."""

    flags: Flags
    removed: bool = False
    """No letter any more: Thunderbird leaves what was deleted or moved in the file until it is compacted."""


def read_mbox(chunks: Iterable[bytes], *, most_bytes: int) -> Iterator[Entry]:
    """The letters of a file given in pieces; never holds more than one letter and one piece."""
    pieces, start = iter(chunks), b""
    while len(start) < len(_MARK_OF_ORDER) and (piece := next(pieces, None)) is not None:
        start += piece
    content = start.removeprefix(_MARK_OF_ORDER)
    reader = _Reader(most_bytes, offset=len(start) - len(content))
    yield from reader.feed(content)
    for piece in pieces:
        yield from reader.feed(piece)
    yield from reader.finish()


def begins_mbox(start: bytes) -> bool:
    """Whether a file that begins so (a few kilobytes) is an mbox."""
    start = start.removeprefix(_MARK_OF_ORDER).lstrip(b"\r\n")
    line, _, rest = start.partition(b"\n")
    return start.startswith(b"From ") and _separates(line + b"\n", rest, after_blank=True)


def dated(from_line: bytes) -> datetime | None:
    """The date of a From_ line; without an offset it is read as UTC, since nobody knows whose hour it is."""
    found = _DATED.fullmatch(from_line)
    if found is None:
        return None
    month = _MONTHS.index(found["month"].decode()) + 1
    offset = found["after"] or found["before"] or b"+0000"
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5])) * (-1 if offset[:1] == b"-" else 1)
    day, hour, minute, second = (int(found[name] or 0) for name in ("day", "hour", "minute", "second"))
    try:
        return datetime(int(found["year"]), month, day, hour, minute, second, tzinfo=UTC) - ahead
    except (ValueError, OverflowError):
        return None


def marks(content: bytes) -> Marks:
    """What Status, X-Status, X-Mozilla-Status and X-Gmail-Labels say.

    A letter that carries none of them counts as read: an archive is no news.
    """
    end = _END_OF_HEADER.search(content)
    header = content[: end.end() if end else None]
    if _FOLDER_DATA in header:
        return Marks(frozenset(), removed=True)
    said = {name.lower(): value for name, value in _STATUS.findall(header)}
    if not said:
        return Marks(frozenset({SEEN}))
    letters = said.get(b"status", b"") + said.get(b"x-status", b"")
    flags = {flag for letter, flag in _LETTERS.items() if letter in letters}
    mozilla = _hexadecimal(said.get(b"x-mozilla-status", b""))
    flags |= {flag for bit, flag in _BITS.items() if mozilla & bit}
    labels = {label.strip() for label in said.get(b"x-gmail-labels", b"").split(b",")}
    flags |= {flag for label, flag in _LABELS.items() if label in labels}
    return Marks(frozenset(flags), removed=bool(mozilla & 0x0008))


# UW-IMAP and Pine keep their own numbers in a letter that is none.
_FOLDER_DATA = b"DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"
_LETTERS = {b"R": SEEN, b"A": ANSWERED, b"F": FLAGGED, b"T": DRAFT}
_BITS = {0x0001: SEEN, 0x0002: ANSWERED, 0x0004: FLAGGED}
_LABELS = {b"Opened": SEEN, b"Starred": FLAGGED}


def written(content: bytes, *, sender: str, at: datetime) -> bytes:
    """A letter as an entry of an mbox; :func:`read_mbox` gives back exactly these bytes.

    The From_ line ends as the lines of the letter do, and a blank line follows the letter.
    """
    first = content.find(b"\n")
    eol = b"\r\n" if first > 0 and content[first - 1 : first] == b"\r" else b"\n"
    whole = content.endswith(b"\n")
    name = (sender if _is_plain(sender) else "MAILER-DAEMON") if whole else UNTERMINATED
    date = at.astimezone(UTC)
    when = f"{_DAYS[date.weekday()]} {_MONTHS[date.month - 1]} {date.day:2d} {date:%H:%M:%S} {date.year:04d}"
    marked = _TO_MARK.sub(rb">\1", content) if b"From " in content else content
    return b"From %b %b%b%b%b%b" % (name.encode(), when.encode(), eol, marked, eol, b"" if whole else eol)


# --- reading -----------------------------------------------------------------------------------------


class _Reader:
    """The state between two pieces of a file."""

    def __init__(self, most_bytes: int, *, offset: int) -> None:
        self._most = most_bytes
        # As if a line had ended before the file, so that its first line is found like any other.
        self._buffer = b"\n"
        self._begin = 1
        """Where in the buffer the unread content of the present letter begins."""
        self._search = 0
        self._offset = offset - 1
        """Of the buffer in the file."""
        self._from_line = b""
        self._pieces: list[bytes] | None = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Entry]:
        keep = max(0, min(self._begin, self._search) - _CONTEXT)
        self._offset += keep
        self._buffer = self._buffer[keep:] + chunk
        self._begin -= keep
        self._search -= keep
        yield from self._read(at_end=False)

    def finish(self) -> Iterator[Entry]:
        yield from self._read(at_end=True)
        self._take(len(self._buffer))
        yield from self._entry()

    def _read(self, *, at_end: bool) -> Iterator[Entry]:
        buffer = self._buffer
        while (found := buffer.find(b"\nFrom ", self._search)) >= 0:
            line_end = buffer.find(b"\n", found + 1, found + 1 + _LONGEST_FROM_LINE)
            room = len(buffer) - (line_end + 1 if line_end >= 0 else found + 1)
            enough = room >= (_LONGEST_NAME if line_end >= 0 else _LONGEST_FROM_LINE)
            if not enough and not at_end:
                self._take(max(self._begin, found - 2))
                self._search = found
                return
            self._search = found + 1
            line_end = len(buffer) - 1 if line_end < 0 and at_end else line_end
            if line_end < 0:
                continue
            line, rest = buffer[found + 1 : line_end + 1], buffer[line_end + 1 : line_end + 1 + _LONGEST_NAME]
            blank = buffer[max(0, found - 2) : found].endswith((b"\n", b"\n\r"))
            if _separates(line, rest, after_blank=blank or not (self._from_line or self._size)):
                self._take(found + 1)
                yield from self._entry()
                self._from_line = line
                self._begin, self._search = line_end + 1, line_end
        self._search = max(self._search, len(buffer) - len(b"\nFrom"))
        self._take(max(self._begin, len(buffer) - _CONTEXT))

    def _take(self, end: int) -> None:
        """Content up to ``end`` belongs to the present letter, as far as that may be kept."""
        if end <= self._begin:
            return
        self._size += end - self._begin
        if self._size > self._most:
            self._pieces = None
        if self._pieces is not None:
            self._pieces.append(self._buffer[self._begin : end])
        self._begin = end

    def _entry(self) -> Iterator[Entry]:
        content = None if self._pieces is None else b"".join(self._pieces)
        if self._from_line or content is None or content.strip():
            if content is not None:
                content = _unmarked(_without_end(content, self._from_line))
            yield Entry(self._from_line, content, self._size, self._offset + self._begin)
        self._pieces, self._size = [], 0


def _separates(line: bytes, rest: bytes, *, after_blank: bool) -> bool:
    if _DATED.fullmatch(line):
        return True
    # "From -" and "From 1844@xxx" are written by programs; anything longer is prose unless a blank line
    # stands before it, and either way a header must follow.
    return bool((after_blank or _ONE_WORD.fullmatch(line)) and _FIELD.match(rest))


def _without_end(content: bytes, from_line: bytes) -> bytes:
    """Without the blank line that ends an entry; a letter that follows without one keeps its last line."""
    eol = b"\r\n" if from_line.endswith(b"\r\n") else b"\n"
    if from_line.startswith(b"From " + UNTERMINATED.encode() + b" "):
        return content.removesuffix(eol).removesuffix(eol)
    if content == eol:
        return b""
    for end in (eol, b"\r\n", b"\n"):
        if content.endswith(b"\n" + end):
            return content[: -len(end)]
    return content


def _unmarked(content: bytes) -> bytes:
    return _MARKED.sub(rb"\1", content) if b">From " in content else content


def _hexadecimal(value: bytes) -> int:
    try:
        return int(value.strip() or b"0", 16)
    except ValueError:
        return 0


def _is_plain(sender: str) -> bool:
    return (
        bool(sender)
        and sender.isascii()
        and sender.isprintable()
        and " " not in sender
        and (sender != UNTERMINATED)
    )
