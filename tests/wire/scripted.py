"""A mail server that says what a test tells it to, byte for byte, and records what it was told."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailroom.wire.dial import Encryption, Endpoint, Trust
from tests.servers.certs import Pair

LOCAL = Trust(allow_hosts=("127.0.0.1",))

HANG_UP = b"<hang up>"
SILENCE = b"<silence>"
"""As an answer: close the connection; say nothing."""

Script = dict[str, bytes]
"""Regular expression on a command without its tag, to the answer; ``%T`` in it stands for the tag."""

LOGIN_SCRIPT: Script = {
    r"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n%T OK\r\n",
    r"LOGIN .*": b"%T OK signed in\r\n",
    r"ID .*": b"* ID NIL\r\n%T OK\r\n",
    r"LOGOUT": b"* BYE\r\n%T OK\r\n",
}


@dataclass
class Scripted:
    """The running server."""

    port: int
    heard: list[bytes] = field(default_factory=list)
    """Commands without tags; literals stand behind their line after ``\\n``."""
    raw: bytearray = field(default_factory=bytearray)

    def endpoint(self, encryption: str = Encryption.NONE, host: str = "127.0.0.1") -> Endpoint:
        return Endpoint(host, self.port, encryption)


@contextmanager
def imap_server(
    script: Script, *, greeting: bytes = b"* OK ready\r\n", pair: Pair | None = None
) -> Iterator[Scripted]:
    """Serve IMAP from a script on top of ``LOGIN_SCRIPT``; with ``pair`` behind implicit TLS."""
    table = {
        re.compile(pattern, re.S | re.I): answer for pattern, answer in {**LOGIN_SCRIPT, **script}.items()
    }

    def converse(line: socket.socket, server: Scripted) -> None:
        line.sendall(greeting)
        while command := _command(line, server):
            tag, _, rest = command.partition(b" ")
            text = rest.decode("latin-1")
            answer = next(
                (table[p] for p in reversed(table) if p.fullmatch(text)), b"%T BAD unknown command\r\n"
            )
            server.heard.append(rest)
            if answer == HANG_UP:
                return
            if answer != SILENCE:
                line.sendall(answer.replace(b"%T", tag))

    with serve(converse, pair=pair) as server:
        yield server


def _command(line: socket.socket, server: Scripted) -> bytes:
    """Read one command with its literals, giving the go-ahead for each."""
    whole = b""
    while True:
        text = read_line(line, server)
        if not text:
            return b""
        whole += text.rstrip(b"\r\n")
        literal = re.search(rb"\{(\d+)(\+?)\}\r\n$", text)
        if literal is None:
            return whole
        if not literal[2]:
            line.sendall(b"+ go\r\n")
        whole += b"\n" + _exactly(line, int(literal[1]), server)


def read_line(line: socket.socket, server: Scripted) -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        octet = line.recv(1)
        if not octet:
            return b""
        text += octet
    server.raw += text
    return text


def _exactly(line: socket.socket, count: int, server: Scripted) -> bytes:
    data = b""
    while len(data) < count:
        data += line.recv(count - len(data))
    server.raw += data
    return data


@contextmanager
def serve(
    converse: Callable[[socket.socket, Scripted], None], *, pair: Pair | None = None
) -> Iterator[Scripted]:
    """Listen on a free port and give each connection to ``converse`` in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Scripted(listener.getsockname()[1])
    context = None
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)

    def handle(line: socket.socket) -> None:
        try:
            if context is not None:
                line = context.wrap_socket(line, server_side=True)
            line.settimeout(20)
            converse(line, server)
        except OSError:
            pass
        finally:
            line.close()

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(line,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
