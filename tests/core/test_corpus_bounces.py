"""Bounces of 60 mail systems are recognised, letters of people are not taken for any (goal 20)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailroom.core.bounces import Kind, kind_of, read_bounces
from mailroom.core.letter import read_letter
from mailroom.core.mime import read_message
from tests.corpus import business, messages

pytestmark = pytest.mark.corpus

DELAY = re.compile(rb"delay|warning: could not send", re.IGNORECASE)


def expected_kind(name: str, raw: bytes) -> Kind:
    """The file name is the label; a report of delay is no failed delivery."""
    file = Path(name).name
    if file.startswith("arf-"):
        return Kind.REPORT
    if file.startswith("rfc3834-"):
        return Kind.AUTO_REPLY
    subject = re.search(rb"^Subject:.*", raw, re.MULTILINE | re.IGNORECASE)
    return Kind.REPORT if subject and DELAY.search(subject[0]) else Kind.BOUNCE


def test_95_of_100_machine_letters_are_recognised(corpus: Path) -> None:
    differing, total = [], 0
    for name, raw in messages(corpus, "sisimai/maildir/bsd"):
        total += 1
        kind, expected = read_letter(raw).kind, expected_kind(name, raw)
        if kind is not expected:
            differing.append((name, kind, expected))
    assert total == 301
    assert len(differing) <= 0.05 * total, differing


def test_no_letter_of_a_person_is_a_bounce(corpus: Path) -> None:
    folders = ("spamassassin-public/easy-ham-1", "spamassassin-public/hard-ham-1", "sisimai/maildir/not")
    false = [
        name
        for name, raw in messages(corpus, *folders)
        if read_letter(raw).kind in (Kind.BOUNCE, Kind.AUTO_REPLY, Kind.REPORT)
    ]
    assert false == []


def test_reports_by_the_book_name_recipient_and_status(corpus: Path) -> None:
    """Of the bounces with a delivery status, 98 % give an address and an RFC 3463 code."""
    total, poor = 0, []
    for name, raw in messages(corpus, "sisimai/maildir/bsd"):
        parsed = read_message(raw)
        if not any(part.content_type == "message/delivery-status" for part in parsed.root.walk()):
            continue
        if kind_of(parsed, raw) is not Kind.BOUNCE:
            continue
        total += 1
        found = read_bounces(parsed, raw)
        if (
            not found
            or "@" not in found[0].recipient
            or not re.fullmatch(r"[45]\.\d+\.\d+", found[0].status or "")
        ):
            poor.append((name, found[:1]))
    assert total > 100
    assert len(poor) <= 0.02 * total, poor


def test_facts_of_the_business_bounces_are_right(corpus: Path) -> None:
    seen = 0
    for number, raw, want in business(corpus):
        if "bounce" not in want:
            continue
        seen += 1
        facts = read_bounces(read_message(raw), raw)[0]
        assert facts.recipient == want["bounce"]["recipient"], number
        assert facts.status == want["bounce"]["status"], number
        assert facts.original_message_id == want["bounce"]["original_message_id"], number
    assert seen == 3
