"""One connection to an IMAP server: tags, commands in flight, deadlines.

Every untagged response reaches one listener whatever command is running; a command may take for
itself what it asked for. After a timeout or a broken answer the connection is closed and stays so.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mailroom.wire.dial import Trust, secure
from mailroom.wire.failures import Failure, Kind, OurBug, RetryLater, from_answer, from_os_error
from mailroom.wire.imap.grammar import Continuation, Data, Garbled, Reader, Response, Status

SLOWEST = 2_000
"""Bytes a second under which an answer counts as stuck: what has come lengthens a deadline by this rate."""

_RECEIVE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Literal:
    """A string of any bytes inside a command, sent by its length: nothing in it can end the command."""

    data: bytes


Piece = bytes | Literal
Listener = Callable[[Data | Status], None]
Taker = Callable[[Data], bool]
"""Called with each untagged response of a running command; True keeps it from the listener."""

_SAFE_QUOTED = re.compile(rb"[\x20-\x7e]*")


def string(value: bytes) -> Piece:
    """Write ``value`` as a quoted string where that is safe, else as a literal by byte length."""
    if len(value) <= 1000 and _SAFE_QUOTED.fullmatch(value):
        return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return Literal(value)


class Connection:
    """The line itself. ``listener`` hears every untagged response that no command takes."""

    def __init__(self, sock: socket.socket, *, listener: Listener, timeout: float) -> None:
        self._sock = sock
        self._reader = Reader()
        self._listener = listener
        self._timeout = timeout
        self._count = 0
        self._answers: dict[bytes, Status] = {}
        self._closed = False
        self.literal_plus = 0
        """The longest literal that needs no go-ahead (LITERAL+ any, LITERAL- 4096)."""
        self.last_heard = time.monotonic()

    # --- commands

    def run(self, *pieces: Piece, take: Taker | None = None, timeout: float | None = None) -> Status:
        """Send a command and wait for its end; a NO or BAD is raised as a Failure."""
        return self.finish(self.send(*pieces, timeout=timeout), take=take, timeout=timeout)

    def send(self, *pieces: Piece, timeout: float | None = None) -> bytes:
        """Send a command without waiting for its end; return its tag.

        At a literal that needs the server's go-ahead this waits for it; a refusal there ends the command.
        """
        self._count += 1
        tag = b"m%d" % self._count
        line = tag + b" "
        for piece in pieces:
            if isinstance(piece, bytes):
                line += _one_line(piece)
            elif len(piece.data) <= self.literal_plus:
                line += b"{%d+}\r\n" % len(piece.data) + piece.data
            else:
                self.write(line + b"{%d}\r\n" % len(piece.data))
                if not self._go_ahead(tag, timeout):
                    return tag
                line = piece.data
        self.write(line + b"\r\n")
        return tag

    def finish(self, tag: bytes, *, take: Taker | None = None, timeout: float | None = None) -> Status:
        """Read until the end of command ``tag``; return its OK, raise on NO, BAD or a lost connection."""
        deadline = Deadline(timeout or self._timeout)
        while tag not in self._answers:
            self._hear(self._receive(deadline), take)
        status = self._answers.pop(tag)
        if status.kind != "OK":
            raise refusal(status)
        return status

    def answered(self, tag: bytes) -> bool:
        return tag in self._answers

    def step(self, *, take: Taker | None = None, deadline: Deadline) -> None:
        """Hear what has come, or wait for more: for commands that hand on what comes while it comes."""
        response: Response | None = self._receive(deadline)
        while response is not None:
            self._hear(response, take)
            response = self._next_response()

    def deadline(self, timeout: float | None = None) -> Deadline:
        return Deadline(timeout or self._timeout)

    def greeting(self) -> Status:
        """Read the first line of the server: OK, PREAUTH, or BYE raised as a Failure."""
        response = self._receive(Deadline(self._timeout))
        if not isinstance(response, Status) or response.tag is not None:
            raise self._broken(RetryLater(Kind.PROTOCOL, _shown(response), cure="check_port"))
        if response.kind not in {"OK", "PREAUTH"}:
            raise self._broken(refusal(response))
        return response

    def exchange(self, *pieces: Piece, answer: Callable[[bytes], bytes]) -> Status:
        """Run a command in which each ``+`` is answered by ``answer(text)`` (RFC 3501 6.2.2)."""
        tag = self.send(*pieces)
        deadline = Deadline(self._timeout)
        while tag not in self._answers:
            response = self._receive(deadline)
            if isinstance(response, Continuation):
                self.write(answer(response.text) + b"\r\n")
            else:
                self._hear(response, None)
        return self.finish(tag)

    def wait_continuation(self, tag: bytes) -> None:
        """Wait for the ``+`` of a command such as IDLE; a refusal is raised."""
        if not self._go_ahead(tag, None):
            self.finish(tag)

    def _go_ahead(self, tag: bytes, timeout: float | None) -> bool:
        deadline = Deadline(timeout or self._timeout)
        while tag not in self._answers:
            response = self._receive(deadline)
            if isinstance(response, Continuation):
                return True
            self._hear(response, None)
        return False

    # --- what comes in

    def _hear(self, response: Response, take: Taker | None) -> None:
        if isinstance(response, Data):
            if take is None or not take(response):
                self._listener(response)
        elif isinstance(response, Status):
            if response.tag is None:
                self._unasked(response)
            else:
                self._answers[response.tag] = response
        elif isinstance(response, Continuation | Garbled):
            return  # a stray "+" or a line that means nothing: the next line is read afresh

    def _unasked(self, status: Status) -> None:
        self._listener(status)
        if status.kind == "BYE" and not self._answers:
            raise self._broken(from_goodbye(status))

    def poll(self) -> None:
        """Hear everything that has arrived, without waiting; raises when the connection has ended."""
        self._open_or_raise()
        self._sock.settimeout(0)
        try:
            while self._hear_waiting():
                self._feed(self._sock.recv(_RECEIVE))
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            raise self._broken(from_os_error(error)) from error

    def _hear_waiting(self) -> bool:
        while (response := self._next_response()) is not None:
            self._hear(response, None)
        return True

    def _receive(self, deadline: Deadline) -> Response:
        self._open_or_raise()
        while (response := self._next_response()) is None:
            try:
                self._sock.settimeout(deadline.left())
                data = self._sock.recv(_RECEIVE)
            except OSError as error:
                raise self._broken(from_os_error(error)) from error
            deadline.received(len(data))
            self._feed(data)
        return response

    def _next_response(self) -> Response | None:
        try:
            return self._reader.next_response()
        except Failure as broken:
            raise self._broken(broken) from broken

    def _feed(self, data: bytes) -> None:
        if not data:
            raise self._broken(RetryLater(Kind.CONNECTION_LOST, "the server closed the connection"))
        self.last_heard = time.monotonic()
        self._reader.feed(data)

    # --- the socket

    def write(self, data: bytes) -> None:
        self._open_or_raise()
        try:
            self._sock.settimeout(self._timeout + len(data) / SLOWEST)
            self._sock.sendall(data)
        except OSError as error:
            raise self._broken(from_os_error(error)) from error

    def start_tls(self, host: str, trust: Trust) -> None:
        """Encrypt the line. What had arrived in clear is thrown away: it may have been slipped in."""
        self._reader.discard()
        self._answers.clear()
        try:
            self._sock = secure(self._sock, host, trust, timeout=self._timeout)
        except Failure as broken:
            raise self._broken(broken) from broken

    def fileno(self) -> int:
        return self._sock.fileno()

    def pending(self) -> bool:
        return isinstance(self._sock, ssl.SSLSocket) and not self._closed and self._sock.pending() > 0

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True
        self._sock.close()

    def _broken(self, reason: Failure) -> Failure:
        self.close()
        return reason

    def _open_or_raise(self) -> None:
        if self._closed:
            raise RetryLater(Kind.CONNECTION_LOST, "the connection is closed")


class Deadline:
    """A command must end in time; an answer that flows is given more, one that trickles is not."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._ends_at = time.monotonic() + timeout

    def received(self, count: int) -> None:
        self._ends_at += count / SLOWEST

    def left(self) -> float:
        """Seconds to wait for the next bytes; TimeoutError when there are none left."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        return min(left, self._timeout)


def _one_line(piece: bytes) -> bytes:
    """Nothing that ends a line may stand in a command outside a literal."""
    if any(octet in piece for octet in (b"\r", b"\n", b"\0")):
        raise OurBug(Kind.PROTOCOL, "a line break inside a command")
    return piece


def refusal(status: Status, *, signing_in: bool = False) -> Failure:
    """Turn NO, BAD or BYE into a Failure with the server's words."""
    code = status.code.name if status.code else None
    words = f"[{code}] {status.text}".strip() if code else status.text
    if status.kind == "BYE" and not signing_in:
        return from_goodbye(status)
    return from_answer(words, code=code, signing_in=signing_in)


def from_goodbye(status: Status) -> Failure:
    """A BYE: throttled or unavailable where it says so, else a connection that was lost."""
    named = from_answer(status.text, code=status.code.name if status.code else None)
    if named.kind in {
        Kind.THROTTLED,
        Kind.UNAVAILABLE,
        Kind.WRONG_PASSWORD,
        Kind.NO_PERMISSION,
        Kind.IMAP_OFF,
    }:
        return named
    return RetryLater(Kind.CONNECTION_LOST, status.text)


def _shown(response: Response) -> str:
    match response:
        case Garbled(line):
            return line[:200].decode("latin-1")
        case Status():
            return response.text
        case Data():
            return response.kind
        case Continuation(text):
            return text[:200].decode("latin-1")


def joined(pieces: Iterable[bytes]) -> bytes:
    """Join atoms by spaces inside brackets: ``(A B)``."""
    return b"(" + b" ".join(pieces) + b")"
