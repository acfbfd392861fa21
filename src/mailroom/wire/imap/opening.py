"""From a socket to a signed-in connection (sync order: greeting, TLS, capabilities, sign-in, ID, ENABLE)."""

from __future__ import annotations

from dataclasses import dataclass

from mailroom import __version__
from mailroom.wire import quirks
from mailroom.wire.dial import CONNECT_TIMEOUT, Encryption, Endpoint, Trust, dial
from mailroom.wire.failures import AskPerson, Failure, Kind, failure
from mailroom.wire.imap.connection import Connection, Listener, string
from mailroom.wire.imap.grammar import Code, Data, Status, pairs
from mailroom.wire.sign_in import Credentials, Password, Token, plain_response, xoauth2_response


@dataclass(frozen=True, slots=True)
class Welcome:
    """What is known once signed in. ``capabilities`` are those announced after it, quirks taken off."""

    capabilities: frozenset[str]
    enabled: frozenset[str]
    server_name: str
    """The ``name`` of the server's ID answer, lower case; empty when it does not tell."""


def connect(
    endpoint: Endpoint, trust: Trust, listener: Listener, *, timeout: float
) -> tuple[Connection, Status]:
    """Open the connection and read the greeting, with TLS as the endpoint says."""
    sock = dial(endpoint, trust, timeout=min(timeout, CONNECT_TIMEOUT))
    connection = Connection(sock, listener=listener, timeout=timeout)
    greeting = connection.greeting()
    if endpoint.encryption != Encryption.STARTTLS:
        return connection, greeting
    if greeting.kind == "PREAUTH":
        # Signed in before encryption: STARTTLS is no longer allowed, so this is how it would be stripped.
        connection.close()
        raise AskPerson(Kind.TLS, "PREAUTH before STARTTLS", cure="starttls_not_offered")
    try:
        _start_tls(connection, endpoint, trust)
    except Failure:
        connection.close()
        raise
    return connection, Status(None, "OK", None, greeting.text)


def _start_tls(connection: Connection, endpoint: Endpoint, trust: Trust) -> None:
    if "STARTTLS" not in capability(connection):
        raise AskPerson(Kind.TLS, "STARTTLS is not offered", cure="starttls_not_offered")
    try:
        connection.run(b"STARTTLS")
    except Failure as refused:
        raise AskPerson(Kind.TLS, refused.words, cure="starttls_not_offered") from refused
    connection.start_tls(endpoint.host, trust)


def sign_in(connection: Connection, greeting: Status, credentials: Credentials, host: str) -> Welcome:
    """Authenticate, introduce ourselves, and turn on QRESYNC or CONDSTORE before any SELECT."""
    before = announced(greeting.code) or capability(connection)
    _set_literals(connection, before)
    if greeting.kind != "PREAUTH":
        _authenticate(connection, before, credentials, host)
    # What may be done often shows only now; the list in the OK of LOGIN is not always the true one.
    after = capability(connection) - quirks.denied(host)
    _set_literals(connection, after)
    server_name = _introduce(connection)
    return Welcome(after, _enable(connection, after), server_name)


def _set_literals(connection: Connection, capabilities: frozenset[str]) -> None:
    if "LITERAL+" in capabilities or "LITERAL-" in capabilities:
        # Longer ones wait for the go-ahead even under LITERAL+: a refusal then costs no upload.
        connection.literal_plus = 4096


def announced(code: Code | None) -> frozenset[str]:
    """The capabilities in a response code, where it is that one."""
    return words(code.args) if code and code.name == "CAPABILITY" else frozenset()


def words(text: bytes) -> frozenset[str]:
    return frozenset(text.decode("latin-1").upper().split())


def capability(connection: Connection) -> frozenset[str]:
    """Ask CAPABILITY (RFC 3501 6.1.1)."""
    found: set[str] = set()

    def take(data: Data) -> bool:
        if data.kind != "CAPABILITY":
            return False
        found.update(words(data.text()))
        return True

    connection.run(b"CAPABILITY", take=take)
    return frozenset(found)


def _authenticate(
    connection: Connection, capabilities: frozenset[str], credentials: Credentials, host: str
) -> None:
    try:
        if isinstance(credentials, Token):
            _xoauth2(connection, capabilities, credentials)
        elif "AUTH=PLAIN" in capabilities:
            _plain(connection, capabilities, credentials)
        else:
            _login(connection, capabilities, credentials)
    except Failure as refused:
        connection.close()
        raise _explained(refused, host) from refused


def _plain(connection: Connection, capabilities: frozenset[str], credentials: Password) -> None:
    response = plain_response(credentials)
    if "SASL-IR" in capabilities:
        connection.run(b"AUTHENTICATE PLAIN " + response)
    else:
        connection.exchange(b"AUTHENTICATE PLAIN", answer=lambda _challenge: response)


def _login(connection: Connection, capabilities: frozenset[str], credentials: Password) -> None:
    if "LOGINDISABLED" in capabilities:
        raise AskPerson(Kind.TLS, "LOGINDISABLED", cure="needs_encryption")
    connection.run(b"LOGIN ", string(credentials.login.encode()), b" ", string(credentials.secret.encode()))


def _xoauth2(connection: Connection, capabilities: frozenset[str], credentials: Token) -> None:
    response = xoauth2_response(credentials)
    if "SASL-IR" in capabilities:
        # A refused token brings a challenge with the reason, to be answered by an empty line.
        connection.exchange(b"AUTHENTICATE XOAUTH2 " + response, answer=lambda _challenge: b"")
    else:
        replies = iter([response])
        connection.exchange(b"AUTHENTICATE XOAUTH2", answer=lambda _challenge: next(replies, b""))


def _explained(refused: Failure, host: str) -> Failure:
    """A refusal without a reason means the credential; the provider's own way to cure it is added."""
    if refused.kind == Kind.SERVER_ERROR:
        refused = failure(Kind.WRONG_PASSWORD, refused.words)
    if refused.kind == Kind.WRONG_PASSWORD and refused.cure is None:
        refused.cure = quirks.sign_in_cure(host)
    return refused


def _introduce(connection: Connection) -> str:
    """Send ID (RFC 2971) always: NetEase refuses SELECT from those who do not; return the server's name."""
    names: list[str] = []

    def take(data: Data) -> bool:
        if data.kind != "ID":
            return False
        found = data.values()
        name = pairs(found[0]).get("NAME") if found else None
        names.append(name.decode("latin-1").lower() if isinstance(name, bytes) else "")
        return True

    try:
        connection.run(b'ID ("name" "Mailroom" "version" ', string(__version__.encode()), b")", take=take)
    except Failure:
        if connection.closed:
            raise
    return names[-1] if names else ""


def _enable(connection: Connection, capabilities: frozenset[str]) -> frozenset[str]:
    """ENABLE before SELECT (RFC 5161, 7162); what the server does not confirm is not on."""
    wanted = next((name for name in ("QRESYNC", "CONDSTORE") if name in capabilities), None)
    if wanted is None or "ENABLE" not in capabilities:
        return frozenset()
    confirmed: set[str] = set()

    def take(data: Data) -> bool:
        if data.kind != "ENABLED":
            return False
        confirmed.update(words(data.text()))
        return True

    try:
        connection.run(b"ENABLE " + wanted.encode(), take=take)
    except Failure:
        if connection.closed:
            raise
    return frozenset(confirmed | {"CONDSTORE"} if "QRESYNC" in confirmed else confirmed)
