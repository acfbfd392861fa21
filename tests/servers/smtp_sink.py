"""An SMTP server that keeps what it is given, delivers it on request, and misbehaves for recipients by name.

=============  ==================================================================
local part     what happens
=============  ==================================================================
permerror      550 at RCPT
temperror      451 at RCPT
421            421 at RCPT, and the connection ends
hangup         the connection ends at RCPT without an answer
dot550 dot451  that code as the answer to the final dot
dotlost        the letter is kept, and the connection ends instead of the answer
dotdropped     the letter is thrown away, and the connection ends instead of the answer
dotslow        the answer to the final dot comes after ``slow_seconds``
=============  ==================================================================
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailroom.wire.dial import Encryption, Endpoint, Trust
from tests.servers.certs import Certificates
from tests.servers.dovecot import PASSWORD, Dovecot

Deliver = Callable[[str, bytes], object]
"""Called with the recipient's address and the bytes."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One accepted message."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    options: tuple[str, ...] = ()
    login: str | None = None


@dataclass
class _Handler:
    sink: SmtpSink

    async def handle_MAIL(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sink.require_auth and not session.authenticated:
            return "530 5.7.0 authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        local = address.partition("@")[0]
        if local == "permerror":
            return "550 5.1.1 no such user"
        if local == "temperror":
            return "451 4.2.0 try again later"
        if local == "421":
            server.transport.write(b"421 4.3.2 shutting down\r\n")
            return _hang_up(server)
        if local == "hangup":
            return _hang_up(server)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        locals_ = {address.partition("@")[0] for address in envelope.rcpt_tos}
        if "dot550" in locals_:
            return "550 5.7.1 message refused"
        if "dot451" in locals_:
            return "451 4.3.0 not now"
        if "dotdropped" in locals_:
            return _hang_up(server)
        if "dotslow" in locals_:
            await asyncio.sleep(self.sink.slow_seconds)
        self.sink.keep(session, envelope)
        if "dotlost" in locals_:
            return _hang_up(server)
        return f"250 2.0.0 queued as {len(self.sink.letters)}"


def _hang_up(server: Any) -> str:
    server.transport.close()
    return ""


class SmtpSink:
    """Listens on a port with STARTTLS (``port``) and on one with implicit TLS (``tls_port``)."""

    host = "localhost"

    def __init__(
        self,
        certificates: Certificates,
        *,
        deliver_to: Dovecot | Deliver | None = None,
        require_auth: bool = True,
        size_limit: int = 35_000_000,
    ) -> None:
        self.certificates = certificates
        self.letters: list[Letter] = []
        self.slow_seconds = 1.0
        self.conversations: list[str] = []
        self._deliver = _into_maildir(deliver_to) if isinstance(deliver_to, Dovecot) else deliver_to
        self.require_auth = require_auth
        self._size_limit = size_limit
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.server.cert, certificates.server.key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self.port = self.tls_port = 0

    def endpoint(self, encryption: Encryption | str = Encryption.STARTTLS) -> Endpoint:
        return Endpoint(self.host, self.tls_port if encryption == Encryption.TLS else self.port, encryption)

    @property
    def trust(self) -> Trust:
        return Trust(ca_file=str(self.certificates.ca_file), allow_hosts=("127.0.0.0/8", "::1"))

    def keep(self, session: Session, envelope: Envelope) -> None:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        letter = Letter(
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            data=raw,
            options=tuple(envelope.mail_options),
            login=session.auth_data.decode() if isinstance(session.auth_data, bytes) else None,
        )
        self.letters.append(letter)
        if self._deliver is not None:
            for address in letter.recipients:
                self._deliver(address, raw)

    # --- life

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the SMTP sink did not start")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        servers = self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _listen(self) -> list[asyncio.Server]:
        plain = await self._loop.create_server(lambda: self._protocol(self._context), "127.0.0.1", 0)
        implicit = await self._loop.create_server(
            lambda: self._protocol(None), "127.0.0.1", 0, ssl=self._context
        )
        self.port, self.tls_port = (server.sockets[0].getsockname()[1] for server in (plain, implicit))
        return [plain, implicit]

    def _protocol(self, context: ssl.SSLContext | None) -> SMTP:
        return SMTP(
            _Handler(self),
            hostname="localhost",
            data_size_limit=self._size_limit,
            enable_SMTPUTF8=True,
            tls_context=context,
            authenticator=_authenticate,
            auth_require_tls=False,
            loop=self._loop,
        )


def _authenticate(server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    if isinstance(data, LoginPassword) and data.password == PASSWORD.encode():
        return AuthResult(success=True, auth_data=data.login)
    return AuthResult(success=False, handled=False)


def _into_maildir(dovecot: Dovecot) -> Deliver:
    return lambda address, raw: dovecot.deliver(address, b"Return-Path: <>\r\n" + raw)
