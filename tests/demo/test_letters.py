"""The demo's letters read like mail: three languages, threads, every kind of content, sound bytes."""

from __future__ import annotations

import email
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime

import pytest

from mailroom.demo.cast import CAST
from mailroom.demo.letters import DemoLetter, letters
from mailroom.demo.script import threads

AT = datetime(2026, 3, 12, 11, 30, tzinfo=UTC)
ALL = letters(AT, 7)
WORDS = {
    "pl": {"się", "nie", "dzień", "proszę", "jest", "na", "do", "za", "pozdrawiam", "że"},
    "it": {"che", "per", "non", "una", "grazie", "il", "la", "di", "buongiorno", "con"},
    "en": {"the", "and", "you", "for", "with", "of", "is", "to", "thank", "are"},
}


def read(letter: DemoLetter) -> EmailMessage:
    return email.message_from_bytes(letter.raw, policy=policy.default)


PARSED = [(letter, read(letter)) for letter in ALL]
DISTINCT = list({message["Message-ID"]: message for _, message in PARSED}.values())


def body_of(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    return part.get_content() if part is not None else ""


def language_of(text: str) -> str:
    words = Counter(re.findall(r"\w+", text.lower()[:500]))
    return max(WORDS, key=lambda language: sum(words[word] for word in WORDS[language]))


def test_there_are_about_three_hundred_letters_in_every_mailbox_and_folder() -> None:
    assert 280 <= len(ALL) <= 380
    boxes = Counter(letter.mailbox for letter in ALL)
    assert set(boxes) == {mailbox.address for mailbox in CAST.mailboxes}
    assert min(boxes.values()) >= 35
    for mailbox in CAST.mailboxes:
        used = {letter.folder for letter in ALL if letter.mailbox == mailbox.address}
        assert {"INBOX", "Sent"} <= used <= {"INBOX", "Sent", "Drafts", "Spam", "Trash", *mailbox.folders}
    assert {"Drafts", "Spam", "Trash"} <= {letter.folder for letter in ALL}


def test_at_least_seventy_letters_are_written_by_hand_in_each_language_enough() -> None:
    texts = [letter.text for thread in threads() for letter in thread.letters]
    assert len(texts) == len(set(texts)) >= 200
    found = Counter(language_of(body_of(message)) for message in DISTINCT)
    assert min(found.values()) >= 50, found


def test_threads_have_two_to_seven_letters_and_cross_mailboxes() -> None:
    long = [thread for thread in threads() if len(thread.letters) > 1]
    assert len(long) >= 35
    assert max(len(thread.letters) for thread in long) == 7
    boxes = defaultdict(set)
    for letter, message in PARSED:
        root = (message.get("References") or message["Message-ID"]).split()[0]
        boxes[root].add(letter.mailbox)
    assert sum(len(found) > 1 for found in boxes.values()) >= 25


def test_every_answer_names_a_letter_that_is_there() -> None:
    known = {message["Message-ID"] for message in DISTINCT}
    answers = [message for message in DISTINCT if message["In-Reply-To"]]
    assert len(answers) >= 120
    for message in answers:
        assert message["In-Reply-To"] in known
        assert message["References"].split()[-1] == message["In-Reply-To"]


def test_copies_of_a_letter_differ_only_in_the_trace_on_top() -> None:
    copies = defaultdict(list)
    for letter, message in PARSED:
        copies[message["Message-ID"]].append(letter.raw)
    several = [raws for raws in copies.values() if len(raws) > 1]
    assert len(several) >= 50
    for raws in several:
        assert len({raw[raw.index(b"Message-ID: ") :] for raw in raws}) == 1


def test_every_letter_parses_without_a_defect_and_no_mark_is_left_unfilled() -> None:
    for letter, message in PARSED:
        for part in message.walk():
            assert not part.defects, (message["Subject"], part.defects)
            if part.get_content_maintype() == "text":
                assert not re.search(r"\{[@+-]|\ufffd", part.get_content()), message["Subject"]
        assert all(len(line) <= 998 for line in letter.raw.split(b"\r\n"))
        assert b"\n" not in letter.raw.replace(b"\r\n", b"")


def test_nobody_outside_example_is_written_to() -> None:
    for message in DISTINCT:
        values = [str(message[name]) for name in ("From", "To", "Cc", "Reply-To") if message[name]]
        hosts = [address.rpartition("@")[2] for _, address in getaddresses(values)]
        assert hosts
        assert all(host.endswith(".example") for host in hosts)


def test_every_kind_of_content_is_there() -> None:
    kinds = Counter(part.get_content_type() for message in DISTINCT for part in message.walk())
    least = {
        "text/html": 80,
        "application/pdf": 30,
        "image/png": 30,
        "text/csv": 5,
        "text/calendar": 1,
        "application/zip": 1,
        "multipart/related": 15,
        "multipart/report": 1,
    }
    assert {kind: kinds[kind] for kind in least if kinds[kind] < least[kind]} == {}
    assert kinds["application/vnd.openxmlformats-officedocument.wordprocessingml.document"] >= 3
    pages = [
        part.get_content() for m in DISTINCT for part in m.walk() if part.get_content_type() == "text/html"
    ]
    assert sum('src="https://' in page for page in pages) >= 8
    assert sum("<table" in page for page in pages) >= 15
    assert sum('src="cid:' in page for page in pages) >= 15


def test_old_charsets_and_encodings_appear() -> None:
    parts = [part for message in DISTINCT for part in message.walk() if part.get_content_maintype() == "text"]
    charsets = Counter(part.get_content_charset() for part in parts)
    assert charsets["iso-8859-2"] >= 15
    assert charsets["iso-8859-15"] >= 3
    encodings = {str(part["Content-Transfer-Encoding"]) for part in parts}
    assert {"8bit", "quoted-printable", "base64", "7bit"} <= encodings
    raw = b"".join(letter.raw for letter in ALL).lower()
    assert b"=?iso-8859-2?q?" in raw
    assert b"format=flowed" in raw


def test_machines_write_too() -> None:
    automatic = [message for message in DISTINCT if message["Auto-Submitted"]]
    assert any("Automatic reply" in message["Subject"] for message in automatic)
    assert any(message.get_content_type() == "multipart/report" for message in automatic)
    assert sum(bool(message["List-Unsubscribe"]) for message in DISTINCT) >= 7
    assert sum(bool(message["List-Id"]) for message in DISTINCT) == 1


def test_flags_are_those_of_a_lived_in_mailbox() -> None:
    flags = Counter(flag for letter in ALL for flag in letter.flags)
    unread = [letter for letter in ALL if "\\Seen" not in letter.flags]
    assert 15 <= len(unread) <= 80
    assert flags["\\Answered"] >= 40
    assert flags["\\Flagged"] >= 5
    assert flags["\\Draft"] == 3
    assert all(letter.folder != "Sent" for letter in unread)


def test_the_bytes_are_real_files() -> None:
    starts = {
        "application/pdf": b"%PDF-1.",
        "image/png": b"\x89PNG\r\n\x1a\n",
        "application/zip": b"PK\x03\x04",
    }
    sizes = []
    for message in DISTINCT:
        for part in message.iter_attachments():
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                sizes.append(len(content))
                assert content.startswith(starts.get(part.get_content_type(), b""))
    assert min(sizes) < 2_000
    assert max(sizes) > 150_000


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 3, 15, 3, 10, tzinfo=UTC),  # Sunday night
        datetime(2025, 10, 26, 1, 30, tzinfo=UTC),  # the clock goes back
        datetime(2024, 2, 29, 23, 59, tzinfo=UTC),
        datetime(2027, 1, 1, 0, 0, tzinfo=UTC),
    ],
)
def test_mail_ends_at_the_given_moment_and_begins_months_before(at: datetime) -> None:
    found = letters(at, 7)
    dates = [letter.internaldate for letter in found]
    assert dates == sorted(dates)
    assert at - timedelta(hours=2) < dates[-1] <= at
    assert timedelta(days=200) < at - dates[0] < timedelta(days=305)
    by_id = {}
    for letter in found:
        message = email.message_from_bytes(letter.raw)
        by_id[message["Message-ID"]] = parsedate_to_datetime(message["Date"])
    for letter in found:
        message = email.message_from_bytes(letter.raw)
        answered = by_id.get(message["In-Reply-To"])
        assert answered is None or answered < by_id[message["Message-ID"]]


def test_older_letters_of_people_keep_office_hours() -> None:
    for thread in threads():
        if thread.hours_ago > 72 and len(thread.letters) > 1:
            first = next(m for m in DISTINCT if m["Subject"] == thread.subject)
            local = parsedate_to_datetime(first["Date"])
            assert local.weekday() < 5
            assert 6 <= local.hour <= 17


def test_the_same_moment_and_seed_give_the_same_bytes() -> None:
    assert letters(AT, 7) == ALL
    assert letters(AT, 8) != ALL
