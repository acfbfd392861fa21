"""Submission at command level, so that the one moment that matters is visible: the final dot of DATA.

Everything but the last octets is sent first; then the caller makes a durable note; only then the dot.
Before the dot a failure means "not sent"; after it, without an answer, nobody knows (RFC 1047).
"""

from __future__ import annotations

import base64
import contextlib
import re
import smtplib
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from mailroom.wire import quirks
from mailroom.wire.dial import CONNECT_TIMEOUT, Encryption, Endpoint, Trust, dial, tls_context
from mailroom.wire.failures import (
    AfterDot,
    AskPerson,
    Failure,
    GiveUp,
    Kind,
    OurBug,
    RetryLater,
    failure,
    from_answer,
    from_os_error,
)
from mailroom.wire.sign_in import Credentials, Token, plain_response, xoauth2_response

ANSWER_TO_DOT = 600.0
"""Seconds to wait for the answer to the final dot (RFC 5321 4.5.3.2.6)."""

SLOWEST = 2_000
"""Bytes a second under which an upload counts as stuck."""

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server."""

    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 3463), such as ``5.1.1``."""
        match = _ENHANCED.match(self.text)
        return match[1] if match else None

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of one transaction.

    ``recipients``: the answer to each RCPT. ``final``: the answer to the dot, None where no recipient
    was accepted and so nothing was sent. A recipient has the letter only if both answers accepted.
    """

    recipients: Mapping[str, Reply]
    final: Reply | None


class SmtpSession:
    """One signed-in submission connection; may carry many letters, one after the other."""

    def __init__(self, smtp: _Conversation, host: str) -> None:
        self._smtp = smtp
        self._host = host
        self._features = smtp.esmtp_features

    @classmethod
    def open(
        cls, endpoint: Endpoint, trust: Trust, credentials: Credentials | None, *, timeout: float = 60.0
    ) -> Self:
        """Connect, encrypt, introduce ourselves and sign in (not at all with ``credentials`` None)."""
        smtp = _Conversation(endpoint, trust, timeout)
        try:
            with _named_errors():
                smtp.greet()
                _hello(smtp)
                if endpoint.encryption == Encryption.STARTTLS:
                    _start_tls(smtp, trust)
                if credentials is not None:
                    _sign_in(smtp, credentials, endpoint.host)
        except BaseException:
            smtp.close()
            raise
        return cls(smtp, endpoint.host)

    @property
    def features(self) -> frozenset[str]:
        """What EHLO offered, upper case, without parameters."""
        return frozenset(name.upper() for name in self._features)

    @property
    def size_limit(self) -> int | None:
        """The largest letter in bytes (RFC 1870); None = not said."""
        told = self._features.get("size", "")
        return int(told) or None if told.isdigit() else None

    def send(
        self,
        envelope_from: str,
        recipients: Iterable[str],
        data: bytes,
        before_dot: Callable[[], None],
        *,
        answer_timeout: float = ANSWER_TO_DOT,
    ) -> Submission:
        """Send one letter in one transaction.

        ``before_dot`` must make durable that the dot is about to be sent; if it raises, nothing was sent
        and the connection is dropped. Raises RetryLater or GiveUp before the dot, AfterDot for silence
        after it. Answers to recipients and to the dot are data, never exceptions.
        """
        wanted = list(dict.fromkeys(recipients))
        stuffed = stuff(data)
        self._check(envelope_from, wanted, stuffed)
        with _named_errors(self.close):
            replies = self._envelope(envelope_from, wanted, len(stuffed))
            if not any(reply.accepted for reply in replies.values()):
                self._reset()
                return Submission(replies, None)
            self._open_data()
            self._smtp.transmit(stuffed[:-2])
        try:
            before_dot()
        except BaseException:
            self.close()
            raise
        return Submission(replies, self._dot(answer_timeout))

    def _check(self, envelope_from: str, recipients: list[str], stuffed: bytes) -> None:
        if not recipients:
            raise OurBug(Kind.PROTOCOL, "no recipients")
        for address in (envelope_from, *recipients):
            if any(character in address for character in "\r\n\0<> \t"):
                raise OurBug(Kind.PROTOCOL, "an address that breaks the line")
        if self.size_limit is not None and len(stuffed) > self.size_limit:
            raise GiveUp(Kind.TOO_BIG, f"SIZE {self.size_limit}")
        if (
            not all(address.isascii() for address in (envelope_from, *recipients))
            and "SMTPUTF8" not in self.features
        ):
            raise GiveUp(Kind.UNSUPPORTED, "SMTPUTF8")

    def _envelope(self, envelope_from: str, recipients: list[str], size: int) -> dict[str, Reply]:
        options = [f"SIZE={size}"] if "SIZE" in self.features else []
        if "8BITMIME" in self.features:
            options.append("BODY=8BITMIME")
        if not all(address.isascii() for address in (envelope_from, *recipients)):
            options.append("SMTPUTF8")
            self._smtp.command_encoding = "utf-8"
        sender = self._smtp.command(f"MAIL FROM:<{envelope_from}>", *options)
        if not sender.accepted:
            raise self._refused(sender, Kind.SENDER_REFUSED)
        replies: dict[str, Reply] = {}
        for address in recipients:
            replies[address] = reply = self._smtp.command(f"RCPT TO:<{address}>")
            if reply.code == 421:  # the server closes: what it had accepted is void
                raise self._refused(reply, Kind.UNAVAILABLE)
        return replies

    def _open_data(self) -> None:
        reply = self._smtp.command("DATA")
        if reply.code != 354:
            raise self._refused(reply, Kind.SERVER_ERROR)

    def _refused(self, reply: Reply, kind: Kind) -> Failure:
        """A refusal of the whole transaction before anything of the letter was sent."""
        if reply.code == 421:
            self.close()
        else:
            self._reset()
        named = from_reply(reply)
        if not reply.permanent:
            kept = named.kind if named.kind in {Kind.THROTTLED, Kind.OVER_QUOTA} else Kind.UNAVAILABLE
            return RetryLater(kept, str(reply))
        return GiveUp(kind if named.kind == Kind.SERVER_ERROR else named.kind, str(reply), cure=named.cure)

    def _dot(self, answer_timeout: float) -> Reply:
        try:
            return self._smtp.finish_data(answer_timeout)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise AfterDot(Kind.AFTER_DOT, str(error)) from error

    def _reset(self) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            self._smtp.command("RSET")
        self._smtp.command_encoding = "ascii"

    # --- the end

    def quit(self) -> None:
        """Say goodbye; what the server answers no longer matters."""
        with contextlib.suppress(OSError, smtplib.SMTPException):
            self._smtp.set_timeout(5)
            self._smtp.command("QUIT")
        self.close()

    def close(self) -> None:
        self._smtp.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.quit()


class _Conversation(smtplib.SMTP):
    """smtplib on a socket that we dialled; only its command level is used."""

    def __init__(self, endpoint: Endpoint, trust: Trust, timeout: float) -> None:
        super().__init__(local_hostname="[127.0.0.1]", timeout=timeout)
        self._endpoint = endpoint
        self._trust = trust
        self._host = endpoint.host.rstrip(".")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = dial(self._endpoint, self._trust, timeout=min(timeout, CONNECT_TIMEOUT))
        sock.settimeout(timeout)
        return sock

    def greet(self) -> None:
        code, text = self.connect(self._endpoint.host, self._endpoint.port)
        reply = Reply(code, _words(text))
        if code != 220:
            raise RetryLater(from_reply(reply).kind if code >= 400 else Kind.PROTOCOL, str(reply))

    def command(self, *words: str) -> Reply:
        code, text = self.docmd(" ".join(words))
        return Reply(code, _words(text))

    def transmit(self, data: bytes) -> None:
        # The timeout of sendall is for all of it: a large letter on a slow line needs its own.
        self.set_timeout(self.timeout + len(data) / SLOWEST)
        try:
            self._connected().sendall(data)
        finally:
            self.set_timeout(self.timeout)

    def finish_data(self, timeout: float) -> Reply:
        self.set_timeout(timeout)
        try:
            self._connected().sendall(b"\r\n.\r\n")
            code, text = self.getreply()
        finally:
            self.set_timeout(self.timeout)
        return Reply(code, _words(text))

    def set_timeout(self, seconds: float) -> None:
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def _connected(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        return self.sock


def _hello(smtp: _Conversation) -> None:
    reply = smtp.command("EHLO", smtp.local_hostname)
    if reply.accepted:
        smtp.esmtp_features = _features(reply.text)
        smtp.ehlo_resp = reply.text.encode()  # else smtplib says EHLO again before STARTTLS
        return
    reply = smtp.command("HELO", smtp.local_hostname)
    if not reply.accepted:
        raise RetryLater(Kind.PROTOCOL, str(reply))


def _features(text: str) -> dict[str, str]:
    """EHLO lines as keyword and parameters; ``AUTH=LOGIN`` of old servers counts as ``AUTH LOGIN``."""
    found: dict[str, str] = {}
    for line in text.splitlines()[1:]:
        keyword, _, parameters = line.replace("=", " ", 1).partition(" ")
        found[keyword.lower()] = f"{found.get(keyword.lower(), '')} {parameters}".strip()
    return found


def _start_tls(smtp: _Conversation, trust: Trust) -> None:
    if "starttls" not in smtp.esmtp_features:
        raise AskPerson(Kind.TLS, "STARTTLS is not offered", cure="starttls_not_offered")
    # smtplib drops its read buffer here, and with it anything slipped in before encryption.
    code, text = smtp.starttls(context=tls_context(trust.ca_file))
    if code != 220:
        raise AskPerson(Kind.TLS, f"{code} {_words(text)}", cure="starttls_not_offered")
    smtp.esmtp_features = {}
    _hello(smtp)


def _sign_in(smtp: _Conversation, credentials: Credentials, host: str) -> None:
    offered = set(smtp.esmtp_features.get("auth", "").upper().split())
    if not offered:
        raise AskPerson(Kind.UNSUPPORTED, "AUTH is not offered", cure="needs_encryption")
    if isinstance(credentials, Token):
        reply = smtp.command("AUTH XOAUTH2", xoauth2_response(credentials).decode("ascii"))
        if reply.code == 334:
            reply = smtp.command("")
    elif "PLAIN" in offered or "LOGIN" not in offered:
        reply = smtp.command("AUTH PLAIN", plain_response(credentials).decode("ascii"))
    else:
        reply = _auth_login(smtp, credentials.login, credentials.secret)
    if reply.code not in {235, 503}:  # 503: signed in already
        raise _sign_in_refused(reply, host)


def _auth_login(smtp: _Conversation, login: str, secret: str) -> Reply:
    reply = smtp.command("AUTH LOGIN")
    for word in (login, secret):
        if reply.code != 334:
            break
        reply = smtp.command(base64.b64encode(word.encode()).decode("ascii"))
    return reply


def _sign_in_refused(reply: Reply, host: str) -> Failure:
    if reply.code in {421, 432, 451, 454} or (400 <= reply.code < 500):
        return RetryLater(Kind.THROTTLED if reply.code == 432 else Kind.UNAVAILABLE, str(reply))
    if reply.code in {530, 538}:
        return AskPerson(Kind.TLS, str(reply), cure="needs_encryption")
    named = from_answer(str(reply), signing_in=True)
    if named.kind not in {Kind.WRONG_PASSWORD, Kind.NO_PERMISSION, Kind.THROTTLED}:
        named = failure(Kind.WRONG_PASSWORD, str(reply))
    if named.cure is None and named.kind == Kind.WRONG_PASSWORD:
        named.cure = quirks.sign_in_cure(host)
    return named


def from_reply(reply: Reply) -> Failure:
    """Name a 4xx or 5xx answer."""
    if reply.code == 552 or reply.enhanced in {"5.3.4", "5.2.3"}:
        return failure(Kind.TOO_BIG, str(reply))
    if reply.code == 530:
        return failure(Kind.NO_PERMISSION, str(reply), cure="smtp_sign_in")
    return from_answer(str(reply))


@contextlib.contextmanager
def _named_errors(close: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Before the dot: turn what smtplib and the socket raise into failures that mean "not sent"."""
    try:
        yield
    except smtplib.SMTPServerDisconnected as error:
        close()
        cause = error.__context__  # smtplib hides what happened to the socket behind "closed"
        raise (
            from_os_error(cause)
            if isinstance(cause, OSError)
            else RetryLater(Kind.CONNECTION_LOST, str(error))
        ) from error
    except smtplib.SMTPResponseException as error:
        close()
        words = _words(error.smtp_error) if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise RetryLater(Kind.PROTOCOL, f"{error.smtp_code} {words}") from error
    except smtplib.SMTPException as error:
        close()
        raise RetryLater(Kind.PROTOCOL, str(error)) from error
    except OSError as error:
        close()
        raise from_os_error(error) from error


_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def stuff(data: bytes) -> bytes:
    """Make line ends CRLF, double leading dots (RFC 5321 4.5.2) and end with CRLF.

    Bare CR and LF are made whole before the dots are doubled: otherwise ``LF . CR LF`` smuggles an end.
    """
    if _BARE.search(data):
        data = _BARE.sub(b"\r\n", data)
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    if data.startswith(b"."):
        data = b"." + data
    return data.replace(b"\r\n.", b"\r\n..")


def _words(text: bytes) -> str:
    return text.decode("utf-8", "replace")
