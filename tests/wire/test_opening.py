"""Signing in when things are wrong: each cause has its own name, and no secret crosses the line in clear."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable

import pytest

from mailroom.wire.dial import Encryption, Trust
from mailroom.wire.failures import AskPerson, Failure, Kind, RetryLater
from mailroom.wire.imap import ImapSession
from mailroom.wire.sign_in import Password, Token
from tests.servers import PASSWORD, Certificates, Dovecot
from tests.wire.scripted import HANG_UP, LOCAL, SILENCE, Scripted, imap_server, read_line, serve

ANNA = Password("anna", 'pässword"\\ 1')


@pytest.mark.parametrize("encryption", list(Encryption))
@pytest.mark.parametrize("variant", ["full", "plain"])
def test_a_good_password_signs_in_however_the_line_is_encrypted(
    dovecot_of: Callable[[str], Dovecot], encryption: Encryption, variant: str
) -> None:
    dovecot = dovecot_of(variant)
    with ImapSession.open(dovecot.endpoint(encryption), dovecot.trust, Password("anna", PASSWORD)) as session:
        assert "IMAP4REV1" in session.capabilities


@pytest.mark.parametrize("secret", ["wrong", "", 'a"b\\c', "zażółć", "x\r\ny", "letmein "])
@pytest.mark.parametrize("variant", ["full", "plain"])
def test_a_wrong_password_asks_the_person(
    dovecot_of: Callable[[str], Dovecot], secret: str, variant: str
) -> None:
    dovecot = dovecot_of(variant)
    with pytest.raises(AskPerson) as caught:
        ImapSession.open(dovecot.endpoint(), dovecot.trust, Password("anna", secret))
    assert (caught.value.kind, caught.value.cure) == (Kind.WRONG_PASSWORD, "check_password")
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("answer", "kind", "cure"),
    [
        (b"%T NO Login failed.\r\n", Kind.WRONG_PASSWORD, "check_password"),
        (b"%T NO [AUTHENTICATIONFAILED] no\r\n", Kind.WRONG_PASSWORD, "check_password"),
        (b"%T NO Application-specific password required\r\n", Kind.WRONG_PASSWORD, "google_app_password"),
        (b"%T NO [WEBALERT https://x] Web login required.\r\n", Kind.WRONG_PASSWORD, "web_login"),
        (b"%T NO [ALERT] Your account is not enabled for IMAP use.\r\n", Kind.IMAP_OFF, "enable_imap"),
        (b"%T NO [AUTHENTICATIONFAILED] IMAP access is disabled\r\n", Kind.IMAP_OFF, "enable_imap"),
        (b"%T BAD User is authenticated but not connected.\r\n", Kind.NO_PERMISSION, "exchange_not_connected"),  # noqa: E501
        (b"%T NO [UNAVAILABLE] Temporary authentication failure.\r\n", Kind.UNAVAILABLE, None),
        (b"%T NO [LIMIT] Maximum number of connections exceeded\r\n", Kind.THROTTLED, None),
        (b"%T NO Too many simultaneous connections.\r\n", Kind.THROTTLED, None),
        (b"* BYE Too many connections from your address\r\n" , Kind.THROTTLED, None),
        (HANG_UP, Kind.CONNECTION_LOST, None),
    ],
)  # fmt: skip
def test_a_refused_sign_in_is_named_by_its_reason(answer: bytes, kind: Kind, cure: str | None) -> None:
    with imap_server({r"LOGIN .*": answer}) as server, pytest.raises(Failure) as caught:
        ImapSession.open(server.endpoint(), LOCAL, ANNA, timeout=3)
    assert (caught.value.kind, caught.value.cure) == (kind, cure)


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"* BYE Server Busy\r\n", Kind.UNAVAILABLE),
        (b"* BYE go away\r\n", Kind.CONNECTION_LOST),
        (b"220 mail ESMTP\r\n", Kind.PROTOCOL),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Kind.PROTOCOL),
        (b"\x15\x03\x01\x00\x02\x02\x46\r\n", Kind.PROTOCOL),
    ],
)
def test_a_greeting_that_is_none_is_named(greeting: bytes, kind: Kind) -> None:
    with imap_server({}, greeting=greeting) as server, pytest.raises(Failure) as caught:
        ImapSession.open(server.endpoint(), LOCAL, ANNA, timeout=3)
    assert caught.value.kind is kind


def test_a_silent_server_is_a_timeout_not_a_wait_without_end() -> None:
    with imap_server({r"LOGIN .*": SILENCE}) as server:
        started = time.monotonic()
        with pytest.raises(RetryLater) as caught:
            ImapSession.open(server.endpoint(), LOCAL, ANNA, timeout=0.5)
    assert caught.value.kind is Kind.TIMEOUT
    assert time.monotonic() - started < 3


def test_a_trickle_does_not_keep_a_command_alive() -> None:
    def trickle(line: socket.socket, server: Scripted) -> None:
        line.sendall(b"* OK")
        for _ in range(200):
            line.sendall(b" ")
            time.sleep(0.05)

    with serve(trickle) as server:
        started = time.monotonic()
        with pytest.raises(RetryLater) as caught:
            ImapSession.open(server.endpoint(), LOCAL, ANNA, timeout=1)
    assert caught.value.kind is Kind.TIMEOUT
    assert time.monotonic() - started < 4


def test_a_server_that_hangs_up_in_the_middle_of_a_letter_lost_the_connection() -> None:
    def half(line: socket.socket, server: Scripted) -> None:
        line.sendall(b"* OK ready\r\n")
        while command := read_line(line, server):
            tag = command.split()[0]
            if b"FETCH" in command:
                line.sendall(
                    b"* 1 FETCH (UID 1 FLAGS () BODY[] {3}\r\nabc)\r\n* 2 FETCH (UID 2 BODY[] {50}\r\nab"
                )
                return
            line.sendall(b"* 2 EXISTS\r\n* OK [UIDVALIDITY 3]\r\n* OK [UIDNEXT 3]\r\n" + tag + b" OK\r\n")

    with serve(half) as server:
        session = ImapSession.open(server.endpoint(), LOCAL, ANNA, timeout=3)
        session.select(b"INBOX")
        arrived: list[bytes | None] = []
        with pytest.raises(RetryLater) as caught:
            arrived.extend(message.raw for message in session.fetch_bodies([1, 2]))
        assert caught.value.kind is Kind.CONNECTION_LOST
        with pytest.raises(RetryLater):
            session.noop()


# --- encryption -----------------------------------------------------------------------------------


def test_preauth_before_starttls_is_an_attack() -> None:
    with imap_server({}, greeting=b"* PREAUTH welcome\r\n") as server, pytest.raises(AskPerson) as caught:
        ImapSession.open(server.endpoint(Encryption.STARTTLS), LOCAL, ANNA, timeout=3)
    assert caught.value.kind is Kind.TLS
    assert not server.raw


@pytest.mark.parametrize(
    "script",
    [{}, {"CAPABILITY": b"* CAPABILITY IMAP4rev1 STARTTLS\r\n%T OK\r\n", "STARTTLS": b"%T NO not today\r\n"}],
)
def test_starttls_that_is_taken_away_stops_before_the_password(script: dict[str, bytes]) -> None:
    with imap_server(script) as server, pytest.raises(AskPerson) as caught:
        ImapSession.open(server.endpoint(Encryption.STARTTLS), LOCAL, ANNA, timeout=3)
    assert (caught.value.kind, caught.value.cure) == (Kind.TLS, "starttls_not_offered")
    assert b"LOGIN" not in server.raw


def test_login_disabled_on_a_plain_line_sends_no_password() -> None:
    script = {r"CAPABILITY": b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n%T OK\r\n"}
    with imap_server(script) as server, pytest.raises(AskPerson) as caught:
        ImapSession.open(server.endpoint(), LOCAL, ANNA, timeout=3)
    assert (caught.value.kind, caught.value.cure) == (Kind.TLS, "needs_encryption")
    assert b"LOGIN" not in bytes(server.raw).replace(b"LOGINDISABLED", b"")


def test_what_was_slipped_in_before_starttls_is_thrown_away(certificates: Certificates) -> None:
    """The capabilities in clear text, injected behind the OK, must not survive into the encrypted session."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server.cert, certificates.server.key)

    def inject(line: socket.socket, server: Scripted) -> None:
        line.sendall(b"* OK ready\r\n")
        tag = read_line(line, server).split()[0]
        line.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK\r\n")
        tag = read_line(line, server).split()[0]
        line.sendall(tag + b" OK\r\n* CAPABILITY IMAP4rev1 X-EVIL\r\nm3 OK\r\nm4 OK\r\n")
        with context.wrap_socket(line, server_side=True) as sealed:
            while command := read_line(sealed, server):
                answer = b"* CAPABILITY IMAP4rev1 X-GOOD\r\n" if b"CAPABILITY" in command else b""
                sealed.sendall(answer + command.split()[0] + b" OK\r\n")

    with serve(inject) as server:
        trust = Trust(ca_file=str(certificates.ca_file), allow_hosts=("localhost",))
        session = ImapSession.open(server.endpoint(Encryption.STARTTLS, "localhost"), trust, ANNA, timeout=3)
        assert session.capabilities == {"IMAP4REV1", "X-GOOD"}
        session.close()


# --- ways to sign in -------------------------------------------------------------------------------


def test_the_password_travels_unchanged_by_login_and_by_plain() -> None:
    with imap_server({}) as server:
        ImapSession.open(server.endpoint(), LOCAL, ANNA, timeout=3).close()
    assert b'LOGIN "anna" {13}\np\xc3\xa4ssword"\\ 1' in server.heard
    for offer in (b"AUTH=PLAIN SASL-IR", b"AUTH=PLAIN"):
        script = {
            r"CAPABILITY": b"* CAPABILITY IMAP4rev1 " + offer + b"\r\n%T OK\r\n",
            r"AUTHENTICATE PLAIN AGFubmEAcMOkc3N3b3JkIlwgMQ==": b"%T OK\r\n",
        }
        with imap_server(script) as server:
            if offer.endswith(b"SASL-IR"):
                ImapSession.open(server.endpoint(), LOCAL, ANNA, timeout=3).close()


def test_a_refused_token_is_answered_and_named() -> None:
    script = {
        r"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR\r\n%T OK\r\n",
        r"AUTHENTICATE XOAUTH2 .*": b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n%T NO [AUTHENTICATIONFAILED] no\r\n",
    }
    with imap_server(script) as server, pytest.raises(AskPerson) as caught:
        ImapSession.open(server.endpoint(), LOCAL, Token("anna", "secret-token"), timeout=3)
    assert caught.value.kind is Kind.WRONG_PASSWORD
    assert "secret-token" not in repr(Token("anna", "secret-token")) + repr(ANNA) + str(caught.value)
    assert "pässword" not in repr(ANNA)
