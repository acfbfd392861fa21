"""Submission: what is known before the dot, what is unknown after it, and what reaches the other side."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.wire.dial import Encryption
from mailroom.wire.failures import AfterDot, AskPerson, Failure, GiveUp, Kind, OurBug, RetryLater
from mailroom.wire.sign_in import Password
from mailroom.wire.smtp import Reply, SmtpSession, Submission, stuff
from tests.servers import PASSWORD, Certificates, Letter, SmtpSink
from tests.wire.scripted import LOCAL, Scripted, read_line, serve

ANNA = Password("anna@firma.example", PASSWORD)
LETTER = b"Message-ID: <1@test>\r\nSubject: x\r\n\r\n.dot\r\nbody\r\n"


@pytest.fixture(scope="module")
def sink(certificates: Certificates) -> Iterator[SmtpSink]:
    with SmtpSink(certificates, size_limit=100_000) as sink:
        yield sink


@pytest.fixture
def letters(sink: SmtpSink) -> list[Letter]:
    sink.letters.clear()
    return sink.letters


def nothing() -> None:
    """The durable note of tests that do not look at it."""


def send(
    sink: SmtpSink, *recipients: str, data: bytes = LETTER, before: Callable[[], None] = nothing
) -> Submission:
    with SmtpSession.open(sink.endpoint(), sink.trust, ANNA, timeout=10) as session:
        return session.send(
            "anna@firma.example", [f"{name}@klient.example" for name in recipients], data, before
        )


@pytest.mark.parametrize("encryption", list(Encryption))
def test_a_letter_arrives_byte_for_byte(
    sink: SmtpSink, letters: list[Letter], encryption: Encryption
) -> None:
    with SmtpSession.open(sink.endpoint(encryption), sink.trust, ANNA, timeout=10) as session:
        sent = session.send("anna@firma.example", ["jan@klient.example"], LETTER, nothing)
    assert sent.final is not None
    assert sent.final.accepted
    assert sent.final.enhanced == "2.0.0"
    (letter,) = letters
    assert (letter.data, letter.recipients, letter.sender) == (
        LETTER,
        ("jan@klient.example",),
        "anna@firma.example",
    )
    assert letter.login == ANNA.login


def test_one_connection_carries_many_letters(sink: SmtpSink, letters: list[Letter]) -> None:
    with SmtpSession.open(sink.endpoint(), sink.trust, ANNA, timeout=10) as session:
        for name in ("a", "permerror", "b", "dot550", "c"):
            session.send("anna@firma.example", [f"{name}@klient.example"], LETTER, nothing)
    assert [letter.recipients[0][0] for letter in letters] == ["a", "b", "c"]


def test_the_note_is_made_after_the_body_and_before_the_dot(sink: SmtpSink, letters: list[Letter]) -> None:
    seen: list[int] = []
    send(sink, "jan", before=lambda: seen.append(len(letters)))
    assert seen == [0]
    assert len(letters) == 1


def test_a_note_that_cannot_be_made_sends_nothing(sink: SmtpSink, letters: list[Letter]) -> None:
    def disk_full() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        send(sink, "jan", before=disk_full)
    time.sleep(0.2)
    assert letters == []


def test_each_recipient_has_an_answer_of_its_own(sink: SmtpSink, letters: list[Letter]) -> None:
    sent = send(sink, "jan", "permerror", "temperror", "ola")
    codes = {address.partition("@")[0]: reply.code for address, reply in sent.recipients.items()}
    assert codes == {"jan": 250, "permerror": 550, "temperror": 451, "ola": 250}
    assert sent.recipients["permerror@klient.example"].permanent
    assert not sent.recipients["temperror@klient.example"].permanent
    assert [letter.recipients for letter in letters] == [("jan@klient.example", "ola@klient.example")]


def test_nobody_accepted_means_nothing_sent_and_no_note(sink: SmtpSink, letters: list[Letter]) -> None:
    sent = send(sink, "permerror", "temperror", before=lambda: pytest.fail("no dot, no note"))
    assert sent.final is None
    assert letters == []


@pytest.mark.parametrize(("name", "permanent"), [("dot550", True), ("dot451", False)])
def test_a_refusal_at_the_dot_is_an_answer(
    sink: SmtpSink, letters: list[Letter], name: str, permanent: bool
) -> None:
    sent = send(sink, name)
    assert sent.final is not None
    assert (sent.final.accepted, sent.final.permanent) == (False, permanent)
    assert letters == []


@pytest.mark.parametrize(("name", "kept"), [("dotlost", 1), ("dotdropped", 0)])
def test_silence_after_the_dot_is_unknown_whatever_happened(
    sink: SmtpSink, letters: list[Letter], name: str, kept: int
) -> None:
    with pytest.raises(AfterDot) as caught:
        send(sink, name)
    assert caught.value.kind is Kind.AFTER_DOT
    assert len(letters) == kept


def test_an_answer_that_is_too_late_is_unknown(sink: SmtpSink, letters: list[Letter]) -> None:
    with (
        SmtpSession.open(sink.endpoint(), sink.trust, ANNA, timeout=10) as session,
        pytest.raises(AfterDot),
    ):
        session.send("a@firma.example", ["dotslow@klient.example"], LETTER, nothing, answer_timeout=0.2)


@pytest.mark.parametrize("name", ["421", "hangup"])
def test_a_connection_that_ends_before_the_dot_is_tried_later(
    sink: SmtpSink, letters: list[Letter], name: str
) -> None:
    with pytest.raises(RetryLater) as caught:
        send(sink, "jan", name, before=lambda: pytest.fail("the dot was not reached"))
    assert not caught.value.permanent
    assert letters == []


def test_a_letter_over_the_announced_size_is_not_offered(sink: SmtpSink, letters: list[Letter]) -> None:
    with pytest.raises(GiveUp) as caught:
        send(sink, "jan", data=LETTER + b"x" * 100_001)
    assert caught.value.kind is Kind.TOO_BIG


@pytest.mark.parametrize(
    "evil", ["a@b.example>\r\nRCPT TO:<c@d.example", "a\n@b.example", "a b@c.example", "\0@x.example"]
)
def test_no_address_can_end_the_command(sink: SmtpSink, letters: list[Letter], evil: str) -> None:
    with SmtpSession.open(sink.endpoint(), sink.trust, ANNA, timeout=10) as session:
        with pytest.raises(OurBug):
            session.send("anna@firma.example", [evil], LETTER, nothing)
        with pytest.raises(OurBug):
            session.send(evil, ["jan@klient.example"], LETTER, nothing)
    assert letters == []


def test_smtputf8_is_asked_for_only_when_an_address_needs_it(sink: SmtpSink, letters: list[Letter]) -> None:
    with SmtpSession.open(sink.endpoint(), sink.trust, ANNA, timeout=10) as session:
        session.send("anna@firma.example", ["jan@klient.example"], LETTER, nothing)
        session.send("anna@firma.example", ["żółw@klient.example"], LETTER, nothing)
        session.send("anna@firma.example", ["jan@klient.example"], LETTER, nothing)
    assert ["SMTPUTF8" in letter.options for letter in letters] == [False, True, False]
    assert letters[1].recipients == ("żółw@klient.example",)


@pytest.mark.parametrize("secret", ["wrong", "zażółć", ""])
def test_a_wrong_password_asks_the_person(sink: SmtpSink, secret: str) -> None:
    with pytest.raises(AskPerson) as caught:
        SmtpSession.open(sink.endpoint(), sink.trust, replace(ANNA, secret=secret), timeout=10)
    assert (caught.value.kind, caught.value.cure) == (Kind.WRONG_PASSWORD, "check_password")


# --- servers that say what they are told ----------------------------------------------------------


def converse(answers: dict[bytes, bytes]) -> Callable[[socket.socket, Scripted], None]:
    """Answer by the first word of a command; DATA goes on to the end of the letter."""

    def talk(line: socket.socket, server: Scripted) -> None:
        line.sendall(answers.get(b"greeting", b"220 ready\r\n"))
        while command := read_line(line, server):
            verb = command.split()[0].upper()
            server.heard.append(command)
            line.sendall(answers.get(verb, b"250 ok\r\n"))
            if verb == b"DATA" and answers.get(verb, b"354").startswith(b"354"):
                while (text := read_line(line, server)) and text != b".\r\n":
                    pass
                line.sendall(answers.get(b"dot", b"250 kept\r\n"))

    return talk


@pytest.mark.parametrize(
    ("answers", "failure", "kind"),
    [
        ({b"greeting": b"554 no service\r\n"}, RetryLater, Kind.SERVER_ERROR),
        ({b"greeting": b"421 too many connections\r\n"}, RetryLater, Kind.THROTTLED),
        ({b"greeting": b"* OK imap\r\n"}, RetryLater, Kind.PROTOCOL),
        (
            {b"AUTH": b"535 5.7.8 bad\r\n", b"EHLO": b"250-x\r\n250 AUTH PLAIN\r\n"},
            AskPerson,
            Kind.WRONG_PASSWORD,
        ),
        (
            {b"AUTH": b"454 4.7.0 later\r\n", b"EHLO": b"250-x\r\n250 AUTH LOGIN\r\n"},
            RetryLater,
            Kind.UNAVAILABLE,
        ),
        (
            {b"AUTH": b"432 4.3.2 concurrent\r\n", b"EHLO": b"250-x\r\n250 AUTH=PLAIN\r\n"},
            RetryLater,
            Kind.THROTTLED,
        ),
        ({b"EHLO": b"502 what\r\n"}, AskPerson, Kind.UNSUPPORTED),
    ],
)
def test_a_refusal_while_opening_is_named(
    answers: dict[bytes, bytes], failure: type[Failure], kind: Kind
) -> None:
    with serve(converse(answers)) as server, pytest.raises(failure) as caught:
        SmtpSession.open(server.endpoint(), LOCAL, ANNA, timeout=3)
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("answers", "failure", "kind"),
    [
        ({b"MAIL": b"550 5.7.1 not yours\r\n"}, GiveUp, Kind.SENDER_REFUSED),
        ({b"MAIL": b"451 4.3.0 busy\r\n"}, RetryLater, Kind.UNAVAILABLE),
        ({b"MAIL": b"421 4.7.0 too many connections\r\n"}, RetryLater, Kind.THROTTLED),
        ({b"MAIL": b"552 5.3.4 too big\r\n"}, GiveUp, Kind.TOO_BIG),
        ({b"DATA": b"554 5.6.0 no\r\n"}, Failure, Kind.SERVER_ERROR),
        ({b"DATA": b"451 4.3.0 later\r\n"}, RetryLater, Kind.UNAVAILABLE),
    ],
)
def test_a_refusal_before_the_dot_is_final_or_passing_by_its_code(
    answers: dict[bytes, bytes], failure: type[Failure], kind: Kind
) -> None:
    with serve(converse(answers)) as server:
        session = SmtpSession.open(server.endpoint(), LOCAL, None, timeout=3)
        with pytest.raises(failure) as caught:
            session.send(
                "a@b.example", ["c@d.example"], LETTER, lambda: pytest.fail("the dot was not reached")
            )
        session.close()
    assert caught.value.kind is kind


def test_the_password_is_not_sent_where_starttls_was_taken_away() -> None:
    with (
        serve(converse({b"EHLO": b"250-x\r\n250 AUTH PLAIN\r\n"})) as server,
        pytest.raises(AskPerson) as caught,
    ):
        SmtpSession.open(server.endpoint(Encryption.STARTTLS), LOCAL, ANNA, timeout=3)
    assert (caught.value.kind, caught.value.cure) == (Kind.TLS, "starttls_not_offered")
    assert b"AUTH" not in server.raw


def test_what_was_slipped_in_before_starttls_is_thrown_away(certificates: Certificates) -> None:
    injected = {
        b"EHLO": b"250-x\r\n250 STARTTLS\r\n",
        b"STARTTLS": b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n235 welcome\r\n",
    }
    with serve(converse(injected)) as server, pytest.raises(Failure) as caught:
        SmtpSession.open(server.endpoint(Encryption.STARTTLS), LOCAL, ANNA, timeout=3)
    assert caught.value.kind in {Kind.TLS, Kind.TIMEOUT, Kind.CONNECTION_LOST, Kind.CERTIFICATE}
    assert b"AUTH" not in server.raw


# --- dots and line ends ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "stuffed"),
    [
        (b"", b"\r\n"),
        (b".", b"..\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\n.\nQUIT\n", b"a\r\n..\r\nQUIT\r\n"),
        (b"a\r.\rb", b"a\r\n..\r\nb\r\n"),
        (b"a\r\r\n.\r\n", b"a\r\n\r\n..\r\n"),
        (b"a\r\n..\r\n", b"a\r\n...\r\n"),
    ],
)
def test_dots_are_doubled_after_line_ends_are_made_whole(data: bytes, stuffed: bytes) -> None:
    assert stuff(data) == stuffed


@given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"a", b"\r\n"]), max_size=30).map(b"".join))
def test_no_letter_contains_its_own_end(data: bytes) -> None:
    """Quirk 77: a bare line end next to a dot smuggles a second letter."""
    stuffed = stuff(data)
    assert b"\r\n.\r\n" not in b"\r\n" + stuffed
    assert stuffed.endswith(b"\r\n")
    assert stuffed.replace(b"\r\n", b"").count(b"\r") == stuffed.replace(b"\r\n", b"").count(b"\n") == 0


def test_a_reply_knows_its_enhanced_code() -> None:
    assert Reply(550, "5.1.1 no such user").enhanced == "5.1.1"
    assert Reply(550, "no such user").enhanced is None
