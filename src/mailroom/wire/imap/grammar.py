"""Bytes in, responses out: reads what IMAP servers say, and does no I/O.

Framing (lines and literals by exact size) is kept apart from meaning: a response whose inside is
nonsense costs only itself, the next one starts clean. Lines have no length limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailroom.wire.failures import Kind, RetryLater

Value = bytes | None | list["Value"]
"""An atom, string or literal; NIL; a parenthesised list."""

MAX_LITERAL = 512 * 1024 * 1024
MAX_LINE = 256 * 1024 * 1024
"""Far above anything real: a wall against a server that never stops, not a limit on mail."""


@dataclass(frozen=True, slots=True)
class Code:
    """A response code (RFC 3501 7.1): ``[UIDNEXT 5]`` is name ``UIDNEXT``, args ``5``."""

    name: str
    args: bytes = b""


@dataclass(frozen=True, slots=True)
class Status:
    """OK, NO, BAD, BYE or PREAUTH; ``tag`` is None for an untagged one."""

    tag: bytes | None
    kind: str
    code: Code | None
    text: str


@dataclass(frozen=True, slots=True)
class Data:
    """An untagged response that is not a status: ``* 5 EXISTS``, ``* LIST …``, ``* 7 FETCH (…)``.

    ``parts`` is what follows the kind: text and literals in turn, text first.
    """

    kind: str
    number: int | None
    parts: tuple[bytes, ...]

    def values(self) -> list[Value]:
        return values(self.parts)

    def text(self) -> bytes:
        return b"".join(self.parts)


@dataclass(frozen=True, slots=True)
class Continuation:
    """``+``, with or without the space and text that RFC 3501 wants."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Garbled:
    """A line that is no response at all; kept for the log."""

    line: bytes


Response = Status | Data | Continuation | Garbled


class Reader:
    """Collects bytes as they come and gives whole responses."""

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0
        self._pieces: list[bytes] = []
        self._gathered = 0
        self._wanted: int | None = None
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Add received bytes; take the responses with ``next_response`` until it gives None."""
        self._buffer = self._buffer[self._at :] + data if self._at < len(self._buffer) else data
        self._at = 0

    def discard(self) -> None:
        """Throw away what was received and not yet read: plain text from before STARTTLS (RFC 3501 6.2.1)."""
        self.__init__()  # type: ignore[misc]

    def next_response(self) -> Response | None:
        """Return the next whole response, or None when more bytes are needed."""
        if not self._pieces and not self._parts and (message := self._message()) is not None:
            return message
        while True:
            if self._wanted is not None:
                literal = self._take_literal(self._wanted)
                if literal is None:
                    return None
                self._wanted = None
                self._parts.append(literal)
            line = self._take_line()
            if line is None:
                return None
            self._wanted = self._literal_size(line)
            if self._wanted is not None:
                self._parts.append(line[: line.rindex(b"{")].removesuffix(b"~"))
                continue
            if not line and not self._parts:
                continue
            parts, self._parts = [*self._parts, line], []
            return _meaning(parts)

    def _message(self) -> Data | None:
        """A message lying whole in the buffer, taken in one go: a first sync consists of little else."""
        head = _MESSAGE.match(self._buffer, self._at)
        if head is None:
            return None
        start = head.end()
        end = start + int(head[3])
        if not self._buffer.startswith(b")\r\n", end):
            return None
        self._at = end + 3
        return Data("FETCH", int(head[1]), (head[2], self._buffer[start:end], b")"))

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._at)
        if end < 0:
            self._set_aside(MAX_LINE)
            return None
        line = self._buffer[self._at : end]
        self._at = end + 1
        if self._pieces:
            line = self._joined(line)
        return line[:-1] if line.endswith(b"\r") else line

    def _take_literal(self, size: int) -> bytes | None:
        missing = size - self._gathered
        if len(self._buffer) - self._at < missing:
            self._set_aside(MAX_LITERAL)
            return None
        piece = self._buffer[self._at : self._at + missing]
        self._at += missing
        return self._joined(piece) if self._pieces else piece

    def _set_aside(self, limit: int) -> None:
        piece = self._buffer[self._at :]
        self._buffer, self._at = b"", 0
        if piece:
            self._pieces.append(piece)
            self._gathered += len(piece)
        if self._gathered > limit:
            raise RetryLater(Kind.PROTOCOL, "a response without end")

    def _joined(self, last: bytes) -> bytes:
        whole = b"".join((*self._pieces, last))
        self._pieces, self._gathered = [], 0
        return whole

    def _literal_size(self, line: bytes) -> int | None:
        if not line.endswith(b"}"):
            return None
        match = _LITERAL.search(line)
        # Text for people may end in braces; status lines and continuations carry no literals.
        if match is None or (not self._parts and _IS_STATUS.match(line)):
            return None
        digits = match[1]
        size = int(digits) if len(digits) < 19 else MAX_LITERAL + 1
        if size > MAX_LITERAL:
            raise RetryLater(Kind.PROTOCOL, f"a literal of {digits[:40].decode()} bytes")
        return size


_MESSAGE = re.compile(rb"\* (\d{1,10}) FETCH ([^\r\n~]*)\{(\d{1,9})\}\r\n")
_LITERAL = re.compile(rb"\{(\d+)\+?\}$")
_IS_STATUS = re.compile(rb"\+|[^\s]+ +(?:OK|NO|BAD|BYE|PREAUTH)\b", re.I)
_STATUS = re.compile(rb"(OK|NO|BAD|BYE|PREAUTH)(?: +|$)(.*)", re.I | re.S)
_CODE = re.compile(rb"\[([^\s\]]+)(?: +((?:\([^)]*\)|[^\]])*))?\] ?(.*)", re.S)
_FETCH = re.compile(rb"\* (\d{1,10}) FETCH (.*)", re.S)
"""The answer that comes by the hundred thousand, ahead of the general way."""
_DATA = re.compile(rb"(?:(\d{1,19}) +)?([A-Za-z][\w.\-]*) *(.*)", re.S)


def _meaning(parts: list[bytes]) -> Response:
    first = parts[0]
    if match := _FETCH.match(first):
        return Data("FETCH", int(match[1]), (match[2], *parts[1:]))
    if first.startswith(b"+"):
        return Continuation(first[1:].lstrip(b" "))
    tag, _, rest = first.partition(b" ")
    rest = rest.lstrip(b" ")
    if match := _STATUS.match(rest):
        return _status(None if tag == b"*" else tag, match)
    if tag == b"*" and (match := _DATA.match(rest)):
        number = int(match[1]) if match[1] else None
        return Data(match[2].decode("ascii").upper(), number, (match[3], *parts[1:]))
    return Garbled(b"".join(parts))


def _status(tag: bytes | None, match: re.Match[bytes]) -> Status:
    kind, rest = match[1].decode("ascii").upper(), match[2]
    code = None
    if found := _CODE.match(rest):
        code = Code(_text(found[1]).upper(), found[2] or b"")
        rest = found[3]
    return Status(tag, kind, code, _text(rest))


def _text(words: bytes) -> str:
    """Words for people: UTF-8 where it is, else byte by byte."""
    try:
        return words.decode("utf-8")
    except UnicodeDecodeError:
        return words.decode("latin-1")


# --- values --------------------------------------------------------------------------------------

_TOKEN = re.compile(
    rb'(?P<open>\()|(?P<close>\))|"(?P<quoted>(?:[^"\\]|\\.)*)"|"(?P<torn>.*)'
    rb"|(?P<section>(?:BODY|BINARY)(?:\.PEEK)?\[[^\]]*\](?:<[\d.]*>)?)"
    rb'|(?P<atom>[^\s()"][^\s()]*)',
    re.S | re.I,
)
_ESCAPED = re.compile(rb'\\(["\\])')


def values(parts: Sequence[bytes]) -> list[Value]:
    """Read text and literals in turn as IMAP values; brackets that do not match are closed or dropped."""
    root: list[Value] = []
    stack = [root]
    for index, part in enumerate(parts):
        if index % 2:
            stack[-1].append(part)
        elif part:
            _read_text(part, stack)
    return root


def _read_text(text: bytes, stack: list[list[Value]]) -> None:
    for token in _TOKEN.finditer(text):
        name = token.lastgroup
        if name == "atom":
            atom = token[0]
            stack[-1].append(None if atom in _NIL else atom)
        elif name == "open":
            inner: list[Value] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif name == "close":
            if len(stack) > 1:
                stack.pop()
        elif name == "section":
            stack[-1].append(token[0])
        else:
            string = token[name or 0]
            stack[-1].append(_ESCAPED.sub(rb"\1", string) if b"\\" in string else string)


_NIL = (b"NIL", b"nil", b"Nil")


def pairs(items: Value) -> dict[str, Value]:
    """Read ``(NAME value NAME value …)`` by name: servers order and add items as they like."""
    found: dict[str, Value] = {}
    if not isinstance(items, list):
        return found
    iterator = iter(items)
    for name in iterator:
        if isinstance(name, bytes):
            found[name.decode("latin-1").upper()] = next(iterator, None)
    return found


def number(value: Value) -> int | None:
    """Read a number, also one wrapped in brackets as MODSEQ is (RFC 7162); None when it is none."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, bytes) and value.isdigit() and len(value) < 20:
        return int(value)
    return None


def numbers(text: bytes) -> Iterator[int]:
    """Give the numbers of a SEARCH answer; everything else in it (``(MODSEQ 5)``) ends or is skipped."""
    return (int(word) for word in text.partition(b"(")[0].split() if word.isdigit() and len(word) < 20)
