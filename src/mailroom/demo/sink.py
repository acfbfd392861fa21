"""The demo's SMTP server: demo addresses receive, others under .example are accepted, no more."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailroom.demo.cast import Cast

HANG_SECONDS = 3600.0
HOST_NAME = "mail.warta-meble.example"


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A letter that a user of the demo has sent: who signed in, the envelope, the bytes as received."""

    login: str
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    sent_at: datetime


# The library warns of its own use of an old attribute at each sign-in; a user of the demo need not read that.
_OWN_NOISE = "Session.login_data is deprecated"


def _not_own_noise(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_OWN_NOISE)


logging.getLogger("mail.log").addFilter(_not_own_noise)

Deliver = Callable[[str, bytes, datetime], Awaitable[None]]


class Sink:
    """The handler behind aiosmtpd: who may send, which recipients there are, where a letter goes.

    Recipients named `temperror`, `permerror`, `timeout` or `421` at any domain misbehave as named.
    """

    def __init__(
        self,
        cast: Cast,
        password: str,
        *,
        deliver: Deliver,
        sent: Callable[[SentLetter], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._cast = cast
        self._password = password
        self._deliver = deliver
        self._sent = sent
        self._clock = clock

    def protocol(self) -> SMTP:
        """A new conversation, for `loop.create_server`."""
        return SMTP(
            self,
            hostname=HOST_NAME,
            ident="Mailroom demo",
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )

    def _authenticate(
        self, server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        login = data.login.decode("utf-8", "replace").lower()
        known = self._cast.mailbox_of(login) is not None
        right = hmac.compare_digest(data.password, self._password.encode())
        return AuthResult(success=known and right, handled=False, auth_data=login)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Only who has signed in may send (the library's own check warns about the missing TLS)."""
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept, refuse or misbehave, by the recipient's name."""
        local, _, host = address.lower().rpartition("@")
        if local == "timeout":
            await asyncio.sleep(HANG_SECONDS)
        if local == "421":
            server.loop.call_later(0.1, server.transport.close)
            return "421 4.3.2 Service shutting down"
        refusal = self._refusal(local, host)
        if refusal is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return refusal or "250 2.1.5 Recipient ok"

    def _refusal(self, local: str, host: str) -> str | None:
        if local == "temperror":
            return "451 4.2.1 Mailbox busy, try again later"
        if local == "permerror":
            return "550 5.1.1 No such user here"
        if host == self._cast.domain:
            return None if self._is_colleague(f"{local}@{host}") else "550 5.1.1 No such user here"
        if host == "example" or host.endswith(".example"):
            return None
        return "550 5.7.1 Nothing leaves the demo: only addresses under .example are accepted"

    def _is_colleague(self, address: str) -> bool:
        # A colleague without a mailbox here has one that is not connected to Mailroom: accepted, not seen.
        known = any(address == colleague.address for colleague in self._cast.colleagues)
        return known or self._cast.mailbox_of(address) is not None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Deliver to each demo mailbox once, and tell who listens."""
        at = self._clock()
        raw = bytes(envelope.content or b"")
        login = str(session.auth_data or "")
        recipients = tuple(envelope.rcpt_tos)
        stamped = _trace(envelope.mail_from or "", at) + raw
        found = [self._cast.mailbox_of(recipient) for recipient in recipients]
        for address in dict.fromkeys(mailbox.address for mailbox in found if mailbox is not None):
            await self._deliver(address, stamped, at)
        self._sent(SentLetter(login, envelope.mail_from or "", recipients, raw, at))
        return "250 2.0.0 Accepted"


def _trace(sender: str, at: datetime) -> bytes:
    """The lines a last hop puts on top (RFC 5321 section 4.4)."""
    lines = (
        f"Return-Path: <{sender}>",
        f"Received: from mailroom.{HOST_NAME[5:]} (localhost [127.0.0.1])",
        f"\tby {HOST_NAME} with ESMTPA;",
        f"\t{format_datetime(at)}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8")
