"""One connection to a POP3 server: lines out, replies and blocks in, each under a deadline.

After a timeout or a broken answer the connection is closed and stays so; nothing marked is deleted then.
"""

from __future__ import annotations

import socket

from mailroom.wire.dial import Trust, secure
from mailroom.wire.failures import Failure, GiveUp, Kind, OurBug, RetryLater, from_os_error
from mailroom.wire.imap.connection import Deadline
from mailroom.wire.pop3.grammar import Reader, Reply

_RECEIVE = 256 * 1024


class Connection:
    """The line itself. ``timeout``: seconds without progress after which a command has failed."""

    def __init__(self, sock: socket.socket, *, timeout: float) -> None:
        self._sock = sock
        self._reader = Reader()
        self._timeout = timeout
        self._closed = False

    def write(self, *lines: bytes) -> None:
        """Send lines, each ended here. A line break inside one is our bug."""
        if any(octet in line for line in lines for octet in (b"\r", b"\n", b"\0")):
            raise OurBug(Kind.PROTOCOL, "a line break inside a command")
        self._open_or_raise()
        try:
            self._sock.settimeout(self._timeout)
            self._sock.sendall(b"".join(line + b"\r\n" for line in lines))
        except OSError as error:
            raise self._broken(from_os_error(error)) from error

    def reply(self) -> Reply:
        """Wait for the next status line."""
        deadline = Deadline(self._timeout)
        while (reply := self._next_reply()) is None:
            self._receive(deadline)
        return reply

    def _next_reply(self) -> Reply | None:
        try:
            return self._reader.reply()
        except Failure as broken:
            raise self._broken(broken) from broken

    def block(self, *, most: int) -> bytes:
        """Wait for the lines after a ``+OK``; more than ``most`` bytes close the connection (too_big)."""
        deadline = Deadline(self._timeout)
        while (block := self._reader.block()) is None:
            if self._reader.held > most:
                raise self._broken(GiveUp(Kind.TOO_BIG, f"more than {most} bytes"))
            self._receive(deadline)
        return block

    def start_tls(self, host: str, trust: Trust) -> None:
        """Encrypt the line. What had arrived in clear is thrown away: it may have been slipped in."""
        self._reader.discard()
        try:
            self._sock = secure(self._sock, host, trust, timeout=self._timeout)
        except Failure as broken:
            raise self._broken(broken) from broken

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True
        self._sock.close()

    def _receive(self, deadline: Deadline) -> None:
        self._open_or_raise()
        try:
            self._sock.settimeout(deadline.left())
            data = self._sock.recv(_RECEIVE)
        except OSError as error:
            raise self._broken(from_os_error(error)) from error
        if not data:
            raise self._broken(RetryLater(Kind.CONNECTION_LOST, "the server closed the connection"))
        deadline.received(len(data))
        self._reader.feed(data)

    def _broken(self, reason: Failure) -> Failure:
        self.close()
        return reason

    def _open_or_raise(self) -> None:
        if self._closed:
            raise RetryLater(Kind.CONNECTION_LOST, "the connection is closed")
