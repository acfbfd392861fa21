"""A POP3 server in the test's own process: real commands, and the faults a test asks for."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailroom.wire.dial import Encryption, Endpoint
from tests.servers.certs import Pair
from tests.wire.scripted import HANG_UP, SILENCE, Scripted, read_line, serve

PASSWORD = "letmein"

Spoil = Callable[[str], bytes | None]
"""A command line in; None = answer as usual, else what to say instead (or HANG_UP, SILENCE)."""


@dataclass
class Kept:
    """One message of the maildrop."""

    uidl: str
    raw: bytes


@dataclass
class Maildrop:
    """What the server holds and how it behaves; may be changed between two sessions."""

    port: int = 0
    letters: list[Kept] = field(default_factory=list)
    capabilities: tuple[str, ...] = ("USER", "UIDL", "TOP", "PIPELINING")
    """What CAPA tells, and what works; empty: CAPA itself is unknown, and so are UIDL and TOP."""
    spoil: Spoil = lambda command: None
    heard: list[str] = field(default_factory=list)
    """Every command of every session."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def endpoint(self, encryption: str = Encryption.NONE) -> Endpoint:
        return Endpoint("127.0.0.1", self.port, encryption)

    def put(self, *raws: bytes, start: int | None = None) -> None:
        """More letters, with ids by their place unless told otherwise."""
        for raw in raws:
            number = len(self.letters) if start is None else start + raws.index(raw)
            self.letters.append(Kept(f"id-{number}", raw))

    def count(self, verb: str) -> int:
        """How often a command was heard."""
        return sum(command.split()[:1] == [verb] for command in self.heard)


@contextmanager
def maildrop(*, pair: Pair | None = None, **how: object) -> Iterator[Maildrop]:
    """Serve a maildrop on a free port, with implicit TLS where a certificate is given."""
    drop = Maildrop(**how)  # type: ignore[arg-type]
    with serve(lambda line, server: _Session(drop, line, server).run(), pair=pair) as server:
        drop.port = server.port
        yield drop


class _Session:
    def __init__(self, drop: Maildrop, line: socket.socket, server: Scripted) -> None:
        self._drop = drop
        self._line = line
        self._server = server
        self._letters: list[Kept] = []
        self._marked: set[int] = set()
        self._holds = False

    def run(self) -> None:
        try:
            self._line.sendall(b"+OK ready\r\n")
            while (command := read_line(self._line, self._server)) and self._answer(
                command.decode("utf-8", "replace").rstrip("\r\n")
            ):
                pass
        finally:
            if self._holds:
                self._drop.lock.release()

    def _answer(self, command: str) -> bool:
        verb, _, rest = command.partition(" ")
        verb = verb.upper()
        self._drop.heard.append(command if verb not in {"PASS", "AUTH"} else verb)
        said = self._drop.spoil(command)
        if said == HANG_UP:
            return False
        if said is None:
            # A clear error of the test itself must not look like a server that hung up.
            said = getattr(self, f"_{verb.lower()}", self._unknown)(rest)
        if said != SILENCE:
            self._line.sendall(said)
        return verb != "QUIT"

    def _unknown(self, _rest: str) -> bytes:
        return b"-ERR unknown command\r\n"

    def _capa(self, rest: str) -> bytes:
        told = self._drop.capabilities
        return _block("\r\n".join(told).encode() + b"\r\n") if told else self._unknown(rest)

    def _user(self, _rest: str) -> bytes:
        return b"+OK\r\n"

    def _pass(self, rest: str) -> bytes:
        return self._enter(rest == PASSWORD)

    def _auth(self, rest: str) -> bytes:
        self._line.sendall(b"+ \r\n")
        answer = base64.b64decode(read_line(self._line, self._server).strip())
        if rest == "XOAUTH2" and b"good token" not in answer:
            self._line.sendall(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n")
            read_line(self._line, self._server)
            return b"-ERR [AUTH] invalid token\r\n"
        return self._enter(rest == "XOAUTH2" or answer.endswith(PASSWORD.encode()))

    def _enter(self, known: bool) -> bytes:
        if not known:
            return b"-ERR [AUTH] wrong password\r\n"
        if not self._drop.lock.acquire(timeout=2):
            return b"-ERR [IN-USE] maildrop locked\r\n"
        self._holds, self._letters = True, list(self._drop.letters)
        return b"+OK welcome\r\n"

    def _uidl(self, rest: str) -> bytes:
        if "UIDL" not in self._drop.capabilities:
            return self._unknown(rest)
        return _block(b"".join(b"%d %s\r\n" % (n, kept.uidl.encode()) for n, kept in self._left()))

    def _list(self, _rest: str) -> bytes:
        return _block(b"".join(b"%d %d\r\n" % (n, len(kept.raw)) for n, kept in self._left()))

    def _left(self) -> list[tuple[int, Kept]]:
        return [(n, kept) for n, kept in enumerate(self._letters, 1) if n not in self._marked]

    def _retr(self, rest: str) -> bytes:
        return _block(dict(self._left())[int(rest)].raw)

    def _top(self, rest: str) -> bytes:
        if "TOP" not in self._drop.capabilities:
            return self._unknown(rest)
        head, gap, _ = dict(self._left())[int(rest.split()[0])].raw.partition(b"\r\n\r\n")
        return _block(head + gap)

    def _dele(self, rest: str) -> bytes:
        self._marked.add(int(rest))
        return b"+OK marked\r\n"

    def _noop(self, _rest: str) -> bytes:
        return b"+OK\r\n"

    def _quit(self, _rest: str) -> bytes:
        gone = [self._letters[number - 1] for number in self._marked]
        self._drop.letters = [kept for kept in self._drop.letters if kept not in gone]
        return b"+OK bye\r\n"


def _block(content: bytes) -> bytes:
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    if stuffed and not stuffed.endswith(b"\r\n"):
        stuffed += b"\r\n"
    return b"+OK\r\n" + stuffed + b".\r\n"
