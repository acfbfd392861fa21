"""POP3 sessions with a real Dovecot and with servers that misbehave (S1-01, S1-03, S5-27; quirk 69)."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import timedelta

import pytest

from mailroom.core.sync.maildrop import Listed
from mailroom.wire.dial import Encryption, Endpoint, Trust
from mailroom.wire.failures import AskPerson, Failure, GiveUp, Kind, RetryLater
from mailroom.wire.pop3 import Pop3Session
from mailroom.wire.sign_in import Password, Token
from tests import letters
from tests.servers import PASSWORD, Certificates, Dovecot
from tests.servers.maildrop import Maildrop, maildrop
from tests.wire.scripted import HANG_UP, LOCAL, SILENCE, Scripted, read_line, serve

ANNA = Password("anna", PASSWORD)


def opened(drop: Maildrop, **how: float) -> Pop3Session:
    return Pop3Session.open(drop.endpoint(), LOCAL, ANNA, timeout=how.get("timeout", 3))


# ------------------------------------------------------------------ a real server


def pop3(dovecot: Dovecot, encryption: Encryption) -> Endpoint:
    return Endpoint(dovecot.host, dovecot.pop3_port, encryption)


@pytest.mark.dovecot
@pytest.mark.parametrize("encryption", [Encryption.NONE, Encryption.STARTTLS])
def test_letters_of_a_real_server_are_exact(
    dovecot: Dovecot, mailbox_user: str, encryption: Encryption
) -> None:
    """S1-01: lines above poplib's limit, dots, bytes that are no text."""
    raws = [
        letters.raw("Long", mid="1@x.example", body="x" * 100_000 + "\r\n.\r\n..\r\n.dot"),
        letters.raw("Bytes", mid="2@x.example", body="y").replace(b"\r\ny", b"\r\n\xff\xfe\x00\x80"),
        letters.raw("Empty", mid="3@x.example", body=""),
    ]
    for raw in raws:
        dovecot.deliver(mailbox_user, raw)
    with Pop3Session.open(
        pop3(dovecot, encryption), dovecot.trust, Password(mailbox_user, PASSWORD)
    ) as session:
        found = session.listing()
        assert [one.number for one in found] == [1, 2, 3]
        assert [one.size for one in found] == [len(raw) for raw in raws]
        assert len({one.uidl for one in found}) == 3
        assert session.retrieve(2) == raws[1]
        answers = {one.number: one.content for one in session.retrieve_each([3, 2, 1])}
        assert session.top(1).endswith(b"\r\n\r\n")
        assert session.top(1) == raws[0].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert answers == dict(enumerate(raws, 1))


@pytest.mark.dovecot
def test_only_quit_deletes(dovecot: Dovecot, mailbox_user: str) -> None:
    """S1-03: a session that ends without QUIT has deleted nothing."""
    dovecot.deliver(mailbox_user, letters.raw("One"))
    way = (pop3(dovecot, Encryption.STARTTLS), dovecot.trust, Password(mailbox_user, PASSWORD))
    session = Pop3Session.open(*way)
    session.delete(1)
    session.close()
    assert len(dovecot.letters(mailbox_user)) == 1

    session = Pop3Session.open(*way)
    session.delete(1)
    assert session.quit()
    assert dovecot.letters(mailbox_user) == []


@pytest.mark.dovecot
@pytest.mark.parametrize("secret", ["wrong", "zażółć", "x\r\ny", "letmein "])
def test_a_wrong_password_asks_the_person(dovecot: Dovecot, secret: str) -> None:
    with pytest.raises(AskPerson) as caught:
        Pop3Session.open(pop3(dovecot, Encryption.STARTTLS), dovecot.trust, Password("anna", secret))
    assert (caught.value.kind, caught.value.cure) == (Kind.WRONG_PASSWORD, "check_password")


# ------------------------------------------------------------------ signing in


@pytest.mark.parametrize("capabilities", [("USER",), ("SASL PLAIN LOGIN",), ("SASL XOAUTH2", "USER"), ()])
def test_a_password_goes_the_way_the_server_knows(capabilities: tuple[str, ...]) -> None:
    with maildrop(capabilities=capabilities) as drop, opened(drop) as session:
        assert session.sizes() == {}
        assert ("AUTH" in drop.heard) == ("SASL PLAIN LOGIN" in capabilities)


def test_a_token_is_shown_by_xoauth2() -> None:
    with maildrop() as drop:
        Pop3Session.open(drop.endpoint(), LOCAL, Token("anna", "good token"), timeout=3).quit()
        with pytest.raises(AskPerson) as caught:
            Pop3Session.open(drop.endpoint(), LOCAL, Token("anna", "old"), timeout=3)
    assert caught.value.kind is Kind.WRONG_PASSWORD


@pytest.mark.parametrize(
    ("answer", "kind", "reaction", "cure"),
    [
        (b"-ERR [AUTH] nope\r\n", Kind.WRONG_PASSWORD, AskPerson, "check_password"),
        (b"-ERR Authentication failed.\r\n", Kind.WRONG_PASSWORD, AskPerson, "check_password"),
        (b"-ERR [AUTH] Application-specific password required\r\n", Kind.WRONG_PASSWORD, AskPerson,
         "google_app_password"),
        (b"-ERR [SYS/PERM] Your account is not enabled for POP access.\r\n", Kind.IMAP_OFF, AskPerson,
         "enable_pop3"),
        (b"-ERR [SYS/PERM] mailbox broken\r\n", Kind.NO_PERMISSION, AskPerson, None),
        (b"-ERR [SYS/TEMP] later\r\n", Kind.UNAVAILABLE, RetryLater, None),
        (b"-ERR [IN-USE] locked by another session\r\n", Kind.UNAVAILABLE, RetryLater, None),
        (b"-ERR [LOGIN-DELAY] minimum time between checks\r\n", Kind.THROTTLED, RetryLater, None),
        (HANG_UP, Kind.CONNECTION_LOST, RetryLater, None),
    ],
)  # fmt: skip
def test_a_refused_sign_in_is_named_by_its_reason(
    answer: bytes, kind: Kind, reaction: type[Failure], cure: str | None
) -> None:
    with (
        maildrop(spoil=lambda command: answer if command.startswith("PASS") else None) as drop,
        pytest.raises(reaction) as caught,
    ):
        opened(drop)
    assert (caught.value.kind, caught.value.cure) == (kind, cure)


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"-ERR [SYS/TEMP] busy\r\n", Kind.UNAVAILABLE),
        (b"* OK IMAP4rev1\r\n", Kind.PROTOCOL),
        (b"220 mail ESMTP\r\n", Kind.PROTOCOL),
        (b"", Kind.CONNECTION_LOST),
    ],
)
def test_a_greeting_that_is_none_is_named(greeting: bytes, kind: Kind) -> None:
    with serve(lambda line, server: line.sendall(greeting)) as server, pytest.raises(Failure) as caught:
        Pop3Session.open(server.endpoint(), LOCAL, ANNA, timeout=3)
    assert caught.value.kind is kind


# ------------------------------------------------------------------ encryption


@pytest.mark.parametrize("offer", [b"USER\r\n", b"USER\r\nSTLS\r\n"])
def test_stls_that_is_taken_away_stops_before_the_password(offer: bytes) -> None:
    """Goal 40: no byte of a credential in clear."""

    def converse(line: socket.socket, server: Scripted) -> None:
        line.sendall(b"+OK ready\r\n")
        while command := read_line(line, server):
            line.sendall(b"+OK\r\n" + offer + b".\r\n" if command == b"CAPA\r\n" else b"-ERR no\r\n")

    with serve(converse) as server, pytest.raises(AskPerson) as caught:
        Pop3Session.open(server.endpoint(Encryption.STARTTLS), LOCAL, ANNA, timeout=3)
    assert (caught.value.kind, caught.value.cure) == (Kind.TLS, "starttls_not_offered")
    assert b"PASS" not in server.raw
    assert b"AUTH" not in server.raw


def test_what_was_slipped_in_before_tls_is_thrown_away(certificates: Certificates) -> None:
    """Goal 40: an answer sent in clear is not taken for one that came under encryption."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server.cert, certificates.server.key)

    def converse(line: socket.socket, server: Scripted) -> None:
        line.sendall(b"+OK ready\r\n")
        read_line(line, server)
        line.sendall(b"+OK\r\nSTLS\r\n.\r\n")
        read_line(line, server)
        line.sendall(b"+OK begin\r\n+OK\r\nSASL EVIL\r\n.\r\n")
        with context.wrap_socket(line, server_side=True) as safe:
            while command := read_line(safe, server):
                safe.sendall(b"+OK\r\nUSER\r\nHONEST\r\n.\r\n" if command == b"CAPA\r\n" else b"+OK\r\n")

    trust = Trust(ca_file=str(certificates.ca_file), allow_hosts=("127.0.0.1", "localhost"))
    with serve(converse) as server:
        session = Pop3Session.open(
            Endpoint("localhost", server.port, Encryption.STARTTLS), trust, ANNA, timeout=3
        )
        assert "HONEST" in session.capabilities
        assert "SASL" not in session.capabilities
        session.close()


def test_implicit_tls_and_the_guard_of_addresses(certificates: Certificates) -> None:
    trust = Trust(ca_file=str(certificates.ca_file), allow_hosts=("localhost",))
    with maildrop(pair=certificates.server) as drop:
        endpoint = Endpoint("localhost", drop.port, Encryption.TLS)
        Pop3Session.open(endpoint, trust, ANNA, timeout=3).quit()
        with pytest.raises(AskPerson) as caught:
            Pop3Session.open(endpoint, Trust(), ANNA, timeout=3)
    assert caught.value.kind is Kind.NOT_ALLOWED


def test_a_test_of_the_connection_speaks_pop3() -> None:
    """S1-01: both types can be configured, and tried before they are saved."""
    from mailroom.wire.check import check_incoming

    with maildrop() as drop:
        good = check_incoming(drop.endpoint(), LOCAL, ANNA, protocol="pop3", timeout=3)
        bad = check_incoming(drop.endpoint(), LOCAL, Password("anna", "x"), protocol="pop3", timeout=3)
    assert (good.ok, "UIDL" in good.capabilities, good.folders) == (True, True, ())
    assert (bad.ok, bad.kind) == (False, Kind.WRONG_PASSWORD)


def test_how_long_a_server_wants_to_be_left_alone() -> None:
    with maildrop(capabilities=("USER", "UIDL", "LOGIN-DELAY 900 USER")) as drop, opened(drop) as session:
        assert session.login_delay == timedelta(seconds=900)


# ------------------------------------------------------------------ listings


def test_a_server_without_unique_ids_is_known_by_its_refusal() -> None:
    """Quirk 69: None, and never an empty list."""
    with maildrop(capabilities=("USER", "TOP")) as drop:
        drop.put(letters.raw("One"))
        with opened(drop) as session:
            assert session.uidl() is None
            assert session.listing() == [Listed(1, len(letters.raw("One")))]


@pytest.mark.parametrize("answer", [b"-ERR [SYS/TEMP] index is being rebuilt\r\n", b"-ERR oops\r\n", HANG_UP])
def test_a_listing_that_fails_is_not_a_server_without_unique_ids(answer: bytes) -> None:
    with maildrop(spoil=lambda command: answer if command == "UIDL" else None) as drop:
        session = opened(drop)
        with pytest.raises(RetryLater):
            session.uidl()
        session.close()


def test_ids_may_repeat_or_be_missing() -> None:
    told = b"+OK\r\n1 same\r\n2 same\r\n3\r\njunk\r\n4  with space \r\n.\r\n"
    with maildrop(spoil=lambda command: told if command == "UIDL" else None) as drop:
        drop.put(*(letters.raw(f"{n}", mid=f"{n}@x.example") for n in range(5)))
        with opened(drop) as session:
            found = [one.uidl for one in session.listing()]
    assert found == ["same", "same", None, "with space", None]


# ------------------------------------------------------------------ faults


def test_one_refused_letter_does_not_disturb_the_others() -> None:
    """A cursor never passes a failure: the refusal comes with its number."""
    raws = [letters.raw(f"{n}", mid=f"{n}@x.example") for n in range(12)]
    with maildrop(spoil=lambda command: b"-ERR cannot\r\n" if command == "RETR 5" else None) as drop:
        drop.put(*raws)
        with opened(drop) as session:
            answers = list(session.retrieve_each(range(12, 0, -1)))
    assert [one.number for one in answers] == list(range(12, 0, -1))
    assert {one.number: one.content for one in answers if one.content} == {
        n: raw for n, raw in enumerate(raws, 1) if n != 5
    }
    assert [str(one.refused) for one in answers if one.refused] == ["server_error: cannot"]


def test_a_reading_that_is_given_up_leaves_the_session_usable() -> None:
    with maildrop() as drop:
        drop.put(*(letters.raw(f"{n}", mid=f"{n}@x.example") for n in range(20)))
        with opened(drop) as session:
            some = session.retrieve_each(range(1, 21))
            next(some)
            some.close()  # type: ignore[attr-defined]
            assert len(session.sizes()) == 20


def test_a_letter_without_end_is_too_big_and_costs_the_connection() -> None:
    def endless(line: socket.socket, server: Scripted) -> None:
        line.sendall(b"+OK\r\n")
        while command := read_line(line, server):
            if command.startswith(b"RETR"):
                line.sendall(b"+OK\r\n")
                for _ in range(1000):
                    line.sendall(b"x" * 10_000)
            line.sendall(b"-ERR\r\n" if command == b"CAPA\r\n" else b"+OK\r\n")

    with serve(endless) as server:
        session = Pop3Session.open(server.endpoint(), LOCAL, ANNA, timeout=3)
        with pytest.raises(GiveUp) as caught:
            session.retrieve(1, most=1_000_000)
        assert caught.value.kind is Kind.TOO_BIG
        assert session.closed
        assert not session.quit()


def test_a_silent_server_is_a_timeout_and_the_line_stays_closed() -> None:
    with maildrop(spoil=lambda command: SILENCE if command.startswith("RETR") else None) as drop:
        drop.put(letters.raw("One"))
        session = opened(drop, timeout=0.4)
        started = time.monotonic()
        with pytest.raises(RetryLater) as caught:
            session.retrieve(1)
        assert caught.value.kind is Kind.TIMEOUT
        assert time.monotonic() - started < 3
        with pytest.raises(RetryLater):
            session.noop()


@pytest.mark.parametrize("answer", [b"-ERR some deleted messages not removed\r\n", HANG_UP])
def test_a_quit_without_its_ok_deleted_nothing_for_sure(answer: bytes) -> None:
    """S1-03: only +OK counts."""
    with maildrop(spoil=lambda command: answer if command == "QUIT" else None) as drop:
        drop.put(letters.raw("One"))
        session = opened(drop)
        session.delete(1)
        assert session.quit() is False
        assert session.closed
