"""From a socket to a signed-in connection: greeting, CAPA, STLS, sign-in, CAPA (RFC 2449, 2595, 5034)."""

from __future__ import annotations

from mailroom.wire import quirks
from mailroom.wire.dial import CONNECT_TIMEOUT, Encryption, Endpoint, Trust, dial
from mailroom.wire.failures import AskPerson, Failure, Kind, RetryLater, failure
from mailroom.wire.pop3.connection import Connection
from mailroom.wire.pop3.grammar import Reply
from mailroom.wire.pop3.refusals import refusal
from mailroom.wire.sign_in import Credentials, Password, Token, plain_response, xoauth2_response

Capabilities = dict[str, str]
"""Upper case name to its arguments; empty where the server knows no CAPA."""

_MOST = 64 * 1024


def connect(endpoint: Endpoint, trust: Trust, *, timeout: float) -> Connection:
    """Open the connection and read the greeting, with TLS as the endpoint says."""
    connection = Connection(dial(endpoint, trust, timeout=min(timeout, CONNECT_TIMEOUT)), timeout=timeout)
    try:
        greeting = connection.reply()
        if greeting.kind == "ERR":
            raise refusal(greeting)
        if greeting.kind != "OK":
            raise RetryLater(Kind.PROTOCOL, greeting.text, cure="check_port")
        if endpoint.encryption == Encryption.STARTTLS:
            _start_tls(connection, endpoint, trust)
    except Failure:
        connection.close()
        raise
    return connection


def _start_tls(connection: Connection, endpoint: Endpoint, trust: Trust) -> None:
    if "STLS" not in capabilities(connection):
        raise AskPerson(Kind.TLS, "STLS is not offered", cure="starttls_not_offered")
    connection.write(b"STLS")
    reply = connection.reply()
    if reply.kind != "OK":
        raise AskPerson(Kind.TLS, reply.text, cure="starttls_not_offered")
    connection.start_tls(endpoint.host, trust)


def capabilities(connection: Connection) -> Capabilities:
    """Ask CAPA (RFC 2449 section 5)."""
    connection.write(b"CAPA")
    if connection.reply().kind != "OK":
        return {}
    lines = connection.block(most=_MOST).decode("latin-1").splitlines()
    pairs = (line.strip().upper().partition(" ") for line in lines)
    return {name: arguments for name, _, arguments in pairs if name}


def sign_in(connection: Connection, credentials: Credentials, host: str) -> Capabilities:
    """Authenticate; returns what the server can do for who is signed in."""
    before = capabilities(connection)
    try:
        if isinstance(credentials, Token):
            _auth(connection, b"XOAUTH2", xoauth2_response(credentials))
        elif "PLAIN" in before.get("SASL", "").split():
            _auth(connection, b"PLAIN", plain_response(_sendable(credentials)))
        else:
            _user_and_pass(connection, before, _sendable(credentials))
        return capabilities(connection)
    except Failure as refused:
        connection.close()
        if refused.kind is Kind.WRONG_PASSWORD and refused.cure in (None, "check_password"):
            refused.cure = quirks.sign_in_cure(host)
        raise


def _sendable(credentials: Password) -> Password:
    """No server has a login or a password with a line break: refused before it reaches the line."""
    if any(octet in credentials.login + credentials.secret for octet in "\r\n\0"):
        raise failure(Kind.WRONG_PASSWORD, "a line break in the login or the password")
    return credentials


def _auth(connection: Connection, mechanism: bytes, response: bytes) -> None:
    """AUTH in two lines: the form with everything in one is limited to 255 bytes, and not known to all.

    A refused token brings a challenge with the reason, to be answered by an empty line.
    """
    connection.write(b"AUTH " + mechanism)
    answers = iter((response,))
    reply = connection.reply()
    while reply.kind == "+":
        connection.write(next(answers, b""))
        reply = connection.reply()
    _insist(reply)


def _user_and_pass(connection: Connection, before: Capabilities, credentials: Password) -> None:
    if before and "USER" not in before and "STLS" in before:
        # RFC 2595 section 4: no way in for a password before encryption.
        raise AskPerson(Kind.TLS, "USER is not offered", cure="needs_encryption")
    connection.write(b"USER " + credentials.login.encode())
    _insist(connection.reply())
    connection.write(b"PASS " + credentials.secret.encode())
    _insist(connection.reply())


def _insist(reply: Reply) -> None:
    if reply.kind != "OK":
        raise refusal(reply, signing_in=True)
