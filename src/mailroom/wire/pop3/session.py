"""A signed-in POP3 session in our own words. Message numbers live as long as the session, no longer.

Nothing is deleted before QUIT answers +OK; a connection that ends in any other way has deleted nothing.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from mailroom.core.sync.maildrop import Listed
from mailroom.wire.dial import Endpoint, Trust
from mailroom.wire.failures import Failure, GiveUp, Kind, RetryLater
from mailroom.wire.pop3 import opening
from mailroom.wire.pop3.connection import Connection
from mailroom.wire.pop3.refusals import refusal
from mailroom.wire.sign_in import Credentials

MOST_BYTES = 128 * 1024 * 1024
"""A letter larger than this is not taken into memory, whatever LIST said of its size."""
LISTING = 64 * 1024 * 1024
_LONGEST_DELAY = 86_400
_IN_FLIGHT = 8
"""Commands sent ahead where the server takes them (PIPELINING, RFC 2449 6.6)."""


class Pop3Session:
    """One connection after sign-in, the maildrop locked by it (RFC 1939 section 4)."""

    def __init__(self, connection: Connection, capabilities: opening.Capabilities) -> None:
        self._line = connection
        self._can = capabilities

    @classmethod
    def open(
        cls, endpoint: Endpoint, trust: Trust, credentials: Credentials, *, timeout: float = 60.0
    ) -> Self:
        """Connect and sign in. ``timeout``: seconds without progress after which a command has failed."""
        connection = opening.connect(endpoint, trust, timeout=timeout)
        try:
            return cls(connection, opening.sign_in(connection, credentials, endpoint.host))
        except BaseException:
            connection.close()
            raise

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset(self._can)

    @property
    def login_delay(self) -> timedelta:
        """How long the server wants to be left alone between two sessions (RFC 2449 6.5)."""
        return timedelta(seconds=min(_whole(self._can.get("LOGIN-DELAY", "")), _LONGEST_DELAY))

    # --- looking

    def uidl(self) -> list[tuple[int, str]] | None:
        """Every message number with its unique id, ascending; None: the server keeps none (RFC 1939 UIDL).

        Two messages may have the same id, and some may have none. A refusal that says it will pass, or
        one by a server that announced UIDL, is raised: it must not look like a server without ids.
        """
        self._line.write(b"UIDL")
        reply = self._line.reply()
        if reply.kind != "OK":
            if reply.code or "UIDL" in self._can:
                raise _as_passing(refusal(reply))
            return None
        return sorted(_numbered(self._line.block(most=LISTING)).items())

    def sizes(self) -> dict[int, int]:
        """Message number to size in bytes; the size is the server's word and may differ from the letter's."""
        self._line.write(b"LIST")
        reply = self._line.reply()
        if reply.kind != "OK":
            raise refusal(reply)
        told = _numbered(self._line.block(most=LISTING))
        return {number: _whole(words) for number, words in told.items()}

    def listing(self) -> list[Listed]:
        """Everything in the maildrop, in the order of the numbers; ids may be missing."""
        ids = dict(self.uidl() or ())
        sizes = self.sizes()
        numbers = sorted(sizes.keys() | ids.keys())
        return [Listed(number, sizes.get(number, 0), ids.get(number) or None) for number in numbers]

    # --- reading

    def retrieve(self, number: int, *, most: int = MOST_BYTES) -> bytes:
        """The exact bytes of a message. Above ``most`` the connection is closed (too_big)."""
        return self._one(b"RETR %d" % number, most)

    def top(self, number: int, lines: int = 0) -> bytes:
        """The header and the first ``lines`` of the body; GiveUp(unsupported) by servers without TOP."""
        return self._one(b"TOP %d %d" % (number, lines), MOST_BYTES)

    def retrieve_each(self, numbers: Iterable[int], *, most: int = MOST_BYTES) -> Generator[Answer]:
        """The bytes of several messages, or why one was not given, in the order asked for."""
        return self._each(numbers, lambda number: b"RETR %d" % number, most)

    def top_each(self, numbers: Iterable[int]) -> Generator[Answer]:
        """The headers of several messages, or why one was not given, in the order asked for."""
        return self._each(numbers, lambda number: b"TOP %d 0" % number, MOST_BYTES)

    def _each(self, numbers: Iterable[int], command: Callable[[int], bytes], most: int) -> Generator[Answer]:
        ahead = _IN_FLIGHT if "PIPELINING" in self._can else 1
        waiting = iter(numbers)
        sent: deque[int] = deque()
        try:
            while True:
                for number in _next(waiting, ahead - len(sent)):
                    self._line.write(command(number))
                    sent.append(number)
                if not sent:
                    return
                number = sent.popleft()
                yield Answer(number, *self._answer(most))
        finally:
            self._read_out(len(sent), most)

    def _answer(self, most: int) -> tuple[bytes | None, Failure | None]:
        reply = self._line.reply()
        if reply.kind != "OK":
            return None, refusal(reply)
        try:
            return self._line.block(most=most), None
        except GiveUp as refused:
            # The connection is closed; the next command says so.
            return None, refused

    def _read_out(self, count: int, most: int) -> None:
        """Answers nobody waits for any more: without this the next command would read them as its own."""
        with contextlib.suppress(Failure):
            for _ in range(count):
                self._answer(most)

    def _one(self, command: bytes, most: int) -> bytes:
        self._line.write(command)
        content, refused = self._answer(most)
        if content is None:
            raise refused or RetryLater(Kind.PROTOCOL)
        return content

    # --- removing, and the end

    def delete(self, number: int) -> None:
        """Mark a message for deletion; it is deleted when QUIT answers +OK, not before."""
        self._line.write(b"DELE %d" % number)
        reply = self._line.reply()
        if reply.kind != "OK":
            raise refusal(reply)

    def noop(self) -> None:
        self._line.write(b"NOOP")
        self._line.reply()

    def quit(self) -> bool:
        """End the session; True only when the server confirmed that what was marked is deleted."""
        try:
            self._line.write(b"QUIT")
            return self._line.reply().kind == "OK"
        except Failure:
            return False
        finally:
            self.close()

    @property
    def closed(self) -> bool:
        return self._line.closed

    def close(self) -> None:
        """Drop the connection without a word: nothing that was marked is deleted. Never fails."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self.closed:
            self.quit()
        self.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one RETR or TOP of several: its bytes, or the refusal."""

    number: int
    content: bytes | None
    refused: Failure | None = None


def _next(waiting: Iterator[int], count: int) -> Iterator[int]:
    for _ in range(count):
        number = next(waiting, None)
        if number is None:
            return
        yield number


def _as_passing(refused: Failure) -> Failure:
    """A look that was refused is never taken for an empty one, nor for a mailbox that will never work."""
    return RetryLater(refused.kind, refused.words) if isinstance(refused, GiveUp) else refused


def _numbered(block: bytes) -> dict[int, str]:
    """``number words`` by lines; a line that begins with no number means nothing."""
    found: dict[int, str] = {}
    for line in block.decode("latin-1").split("\n"):
        number, _, words = line.strip().replace("\t", " ").partition(" ")
        if number.isascii() and number.isdigit() and len(number) < 10:
            found[int(number)] = words.strip()
    return found


def _whole(words: str) -> int:
    number = words.partition(" ")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
