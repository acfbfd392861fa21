"""What arrives while the demo runs: believable letters, and answers that fit what was written."""

from __future__ import annotations

import email
import threading
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage

import pytest

from mailroom.demo.cast import CAST
from mailroom.demo.letters import letters
from mailroom.demo.sink import SentLetter
from mailroom.demo.trickle import News, Trickle

AT = datetime(2026, 3, 12, 11, 30, tzinfo=UTC)
LATER = AT + timedelta(minutes=3)
ANNA = "anna.zielinska@warta-meble.example"


def news() -> News:
    return News(CAST, loaded_at=AT, seed=7)


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=policy.default)


def sent(to: str, subject: str, text: str, cc: str = "", **headers: str) -> SentLetter:
    message = EmailMessage()
    message["From"] = f"Anna Zielińska <{ANNA}>"
    message["To"], message["Subject"] = to, subject
    message["Message-ID"] = "<asked@warta-meble.example>"
    message["References"] = "<root@panificiomoretti.example>"
    for name, value in {**headers, **({"Cc": cc} if cc else {})}.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    recipients = tuple(address for address in (to, cc) if address)
    return SentLetter(ANNA, ANNA, recipients, message.as_bytes(policy=policy.SMTP), AT)


def test_forty_letters_arrive_each_with_a_message_id_of_its_own() -> None:
    source, boxes = news(), {mailbox.address for mailbox in CAST.mailboxes}
    arrivals = [source.next_arrival(AT + timedelta(minutes=minute)) for minute in range(40)]
    messages = [parsed(arrival.raw) for arrival in arrivals]
    assert len({message["Message-ID"] for message in messages}) == 40
    assert all(boxes.issuperset(arrival.mailboxes) and arrival.mailboxes for arrival in arrivals)
    assert not any(part.defects for message in messages for part in message.walk())
    people = [m for m in messages if not m["Auto-Submitted"]]
    assert len(people) >= 15
    assert not any("{+" in message.get_body(("plain",)).get_content() for message in messages)


def test_some_arrivals_continue_threads_that_were_loaded() -> None:
    known = {parsed(letter.raw)["Message-ID"] for letter in letters(AT, 7)}
    source = news()
    messages = [parsed(source.next_arrival(AT).raw) for _ in range(30)]
    answers = [message["In-Reply-To"] for message in messages if message["In-Reply-To"]]
    assert len(answers) >= 4
    assert known.issuperset(answers)


def test_the_same_seed_brings_the_same_letters() -> None:
    first, second = news(), news()
    assert [first.next_arrival(AT) for _ in range(30)] == [second.next_arrival(AT) for _ in range(30)]


@pytest.mark.parametrize(
    ("to", "subject", "text", "word"),
    [
        ("giulia@panificiomoretti.example", "Offerta San Donato", "Ciao, ecco il prezzo.", "trasporto"),
        ("eleanor@harbourfinch.example", "Invoice FV/1010", "The invoice is attached.", "accounts"),
        ("h.bak@piekarnie-rogalik.example", "Termin montażu", "Przyjedziemy we wtorek.", "kierowca"),
        ("simon@oakleysdeli.example", "The hinge", "So sorry, we shall replace it.", "happy"),
        ("michal@poddebem.example", "Wycena antresoli", "Cena w załączniku.", ""),
    ],
)
def test_a_client_answers_in_their_language_and_on_the_subject(
    to: str, subject: str, text: str, word: str
) -> None:
    arrival = news().answer(sent(to, subject, text), LATER)
    assert arrival is not None
    message = parsed(arrival.raw)
    body = message.get_body(("plain",)).get_content()
    assert arrival.mailboxes == (ANNA,)
    assert message["From"].addresses[0].addr_spec == to
    assert message["Subject"] == f"Re: {subject}"
    assert message["In-Reply-To"] == "<asked@warta-meble.example>"
    assert message["References"].split() == ["<root@panificiomoretti.example>", "<asked@warta-meble.example>"]
    assert text in body
    assert word in body or word == "trasporto"


def test_an_answer_goes_to_the_copied_mailbox_too() -> None:
    asked = sent("g.sykes@thornbury-interiors.example", "Re: Brackets", "Ok.", cc="sales@warta-meble.example")
    arrival = news().answer(asked, LATER)
    assert arrival is not None
    assert arrival.mailboxes == (ANNA, "oferty@warta-meble.example")


@pytest.mark.parametrize(
    "asked",
    [
        sent("no-reply@spedycja-trakt.example", "x", "x"),
        sent("nobody@elsewhere.example", "x", "x"),
        sent("pawel.sroka@warta-meble.example", "x", "x"),
        sent("giulia@panificiomoretti.example", "x", "x", Auto_Submitted="auto-replied"),
    ],
)
def test_machines_strangers_colleagues_and_auto_replies_get_no_answer(asked: SentLetter) -> None:
    assert news().answer(asked, LATER) is None


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe garbage", b"From: <>\r\nSubject: =?x?q?=FF?=\r\n\r\n\xff"])
def test_bytes_that_are_no_letter_do_not_stop_the_trickle(raw: bytes) -> None:
    asked = SentLetter(ANNA, ANNA, ("giulia@panificiomoretti.example",), raw, AT)
    arrival = news().answer(asked, LATER)
    assert arrival is not None
    assert arrival.mailboxes == (ANNA,)


class Box:
    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.changed = threading.Condition()

    def deliver(self, mailbox: str, raw: bytes) -> int:
        with self.changed:
            self.got.append((mailbox, raw))
            self.changed.notify_all()
            return len(self.got)

    def wait_for(self, count: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: len(self.got) >= count, timeout=10)


def test_the_thread_delivers_arrivals_and_ends_when_told() -> None:
    box, before = Box(), set(threading.enumerate())
    trickle = Trickle(box, news(), clock=lambda: LATER, arrival_seconds=(0.01, 0.02))
    trickle.start()
    assert box.wait_for(3)
    trickle.stop()
    trickle.stop()
    assert set(threading.enumerate()) == before


def test_the_thread_answers_what_it_hears() -> None:
    box = Box()
    trickle = Trickle(box, news(), clock=lambda: LATER, arrival_seconds=(60, 60), answer_seconds=(0, 0.01))
    trickle.start()
    trickle.hear(sent("eleanor@harbourfinch.example", "Hello", "Hello."))
    assert box.wait_for(1)
    trickle.stop()
    assert box.got[0][0] == ANNA


class BrokenOnce(Box):
    def deliver(self, mailbox: str, raw: bytes) -> int:
        if not self.got:
            super().deliver(mailbox, raw)
            raise RuntimeError("the demo mail server is not running")
        return super().deliver(mailbox, raw)


def test_a_letter_that_cannot_be_delivered_is_logged_and_the_next_one_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    box = BrokenOnce()
    trickle = Trickle(box, news(), clock=lambda: LATER, arrival_seconds=(0.01, 0.02))
    trickle.start()
    assert box.wait_for(3)
    trickle.stop()
    assert "a letter did not arrive" in caplog.text
