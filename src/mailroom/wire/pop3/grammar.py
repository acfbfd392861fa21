"""Bytes in, replies and blocks out (RFC 1939 section 3); no I/O, no limit on a line of a letter."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailroom.wire.failures import Kind, RetryLater

LONGEST_REPLY = 64 * 1024
"""One-line replies have 512 bytes (RFC 2449 section 4); what is endlessly longer is no POP3."""

_CODE = re.compile(r"\[([A-Z][A-Z0-9/_-]*)[^\]]*\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """One status line."""

    kind: str
    """``OK``, ``ERR``, or ``+`` where the server waits for the next line of AUTH (RFC 5034)."""
    text: str

    @property
    def code(self) -> str | None:
        """The response code (RFC 2449 section 8), such as ``IN-USE`` or ``SYS/TEMP``."""
        match = _CODE.match(self.text)
        return match[1].upper() if match else None


class Reader:
    """Cuts what has come into replies and blocks, in the order in which they are asked for."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0
        self._bare = False

    def feed(self, data: bytes) -> None:
        self._data += data

    def discard(self) -> None:
        """Throw away what has come and was not read."""
        self._data.clear()
        self._searched = 0

    @property
    def held(self) -> int:
        """Bytes that have come and are not given out yet."""
        return len(self._data)

    def reply(self) -> Reply | None:
        """The next status line; None while it is not complete. Raises a protocol failure for what is none."""
        end = self._data.find(b"\n")
        if end < 0 and len(self._data) <= LONGEST_REPLY:
            return None
        line = bytes(self._data[: max(end, 0)])
        if end < 0 or end > LONGEST_REPLY:
            raise RetryLater(Kind.PROTOCOL, _shown(bytes(self._data[:200])), cure="check_port")
        del self._data[: end + 1]
        # A server that ends its lines by LF alone ends its blocks so, too.
        self._bare = not line.endswith(b"\r")
        return _reply(line.rstrip(b"\r"))

    def block(self) -> bytes | None:
        """The lines up to the lone dot, exact but for the stuffed dots; None while the dot is not here."""
        newline = b"\n" if self._bare else b"\r\n"
        lone = b"." + newline
        if self._data.startswith(lone):
            return self._cut(0, len(lone), newline)
        last = newline + lone
        at = self._data.find(last, max(0, self._searched - len(last)))
        if at < 0:
            self._searched = len(self._data)
            return None
        return self._cut(at + len(newline), at + len(last), newline)

    def _cut(self, end: int, rest: int, newline: bytes) -> bytes:
        block = bytes(memoryview(self._data)[:end])
        del self._data[:rest]
        self._searched = 0
        # Only doubled dots are taken off: a single one comes from a server that does not stuff.
        block = block.replace(newline + b"..", newline + b".")
        return block[1:] if block.startswith(b"..") else block


def _reply(line: bytes) -> Reply:
    text = line.decode("utf-8", "replace")
    word, _, rest = text.partition(" ")
    match word.upper():
        case "+OK":
            return Reply("OK", rest.strip())
        case "-ERR":
            return Reply("ERR", rest.strip())
        case "+":
            return Reply("+", rest.strip())
        case _:
            raise RetryLater(Kind.PROTOCOL, _shown(line[:200]), cure="check_port")


def _shown(line: bytes) -> str:
    return line.decode("latin-1")
