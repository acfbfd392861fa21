"""Our reading against Dovecot's: at least 98 % of the fields and 97 % of the part trees (goal 31)."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mailroom.core.address import Address
from mailroom.core.headers import decode_words
from mailroom.core.letter import read_letter
from mailroom.core.mime import Part, read_message
from tests.corpus import oracle

pytestmark = pytest.mark.corpus

# What Dovecot writes where an address lacks something: its own words, not the letter's.
PLACEHOLDERS = ("MISSING_MAILBOX", "MISSING_DOMAIN", "SYNTAX_ERROR")
SUBJECT, FROM, TO, CC, IN_REPLY_TO, MESSAGE_ID = 1, 2, 5, 6, 8, 9


def shown(value: str | None) -> str:
    return " ".join(decode_words((value or "").encode("latin-1", "replace")).split())


def first_id(value: str | None) -> str | None:
    found = re.findall(r"<([^<>]+)>", value or "") or re.findall(r"[^\s<>]+@[^\s<>]+", value or "")
    return re.sub(r"\s", "", found[0]) if found else None


def theirs(addresses: list[Any] | None) -> list[tuple[str, str, str]]:
    """Mailboxes of an ENVELOPE list; a member without host is the mark of a group."""
    return [(shown(name), mailbox, host) for name, _, mailbox, host in addresses or () if host is not None]


def ours(addresses: tuple[Address, ...]) -> list[tuple[str, str, str]]:
    return [(" ".join(one.name.split()), one.mailbox, one.host) for one in addresses]


def test_fields_agree_with_dovecot_on_98_of_100(corpus: Path) -> None:
    asked: Counter[str] = Counter()
    differing: list[tuple[str, str, object, object]] = []
    for name, raw, answer in oracle(corpus):
        envelope, letter = answer["ENVELOPE"], read_letter(raw)
        rows: list[tuple[str, object, object]] = [
            ("subject", " ".join(letter.subject.split()), shown(envelope[SUBJECT])),
            ("message-id", letter.message_id, first_id(envelope[MESSAGE_ID])),
            ("in-reply-to", next(iter(letter.in_reply_to), None), first_id(envelope[IN_REPLY_TO])),
        ]
        for field, place, mine in (
            ("from", FROM, letter.from_),
            ("to", TO, letter.to),
            ("cc", CC, letter.cc),
        ):
            expected = theirs(envelope[place])
            if not any(word in PLACEHOLDERS for address in expected for word in address):
                rows.append((field, ours(mine), expected))
        for field, mine_said, they_said in rows:
            asked[field] += 1
            if mine_said != they_said:
                differing.append((name, field, mine_said, they_said))

    assert min(asked.values()) > 1_600
    agreement = 1 - len(differing) / asked.total()
    assert agreement >= 0.98, differing
    for field in asked:
        wrong = [row for row in differing if row[1] == field]
        assert len(wrong) <= 0.02 * asked[field], wrong


Shape = tuple[str, list["Shape"]]


def their_tree(body: list[Any]) -> Shape:
    if isinstance(body[0], list):
        children = [part for part in body if isinstance(part, list)]
        subtype = next(part for part in body if not isinstance(part, list))
        count = body.index(subtype)
        return f"multipart/{subtype.lower()}", [their_tree(child) for child in children[:count]]
    # A type that cannot be read is "" "" there; by RFC 2045 5.2 it is text.
    content_type = f"{body[0]}/{body[1]}".lower() if body[0] else "text/plain"
    if content_type == "message/rfc822" and len(body) > 8:
        return content_type, [their_tree(body[8])]
    return content_type, []


def our_tree(part: Part) -> Shape:
    return part.content_type, [our_tree(child) for child in part.children]


def test_part_trees_agree_with_dovecot_on_97_of_100(corpus: Path) -> None:
    total, differing = 0, []
    for name, raw, answer in oracle(corpus):
        total += 1
        expected, read = their_tree(answer["BODYSTRUCTURE"]), our_tree(read_message(raw).root)
        if expected != read:
            differing.append((name, expected, read))

    assert total == 1_665
    assert len(differing) <= 0.03 * total, differing


def test_sizes_of_parts_agree_with_dovecot(corpus: Path) -> None:
    total, differing = 0, []
    for name, raw, answer in oracle(corpus):
        root, body = read_message(raw).root, answer["BODYSTRUCTURE"]
        if their_tree(body) != our_tree(root) or root.children:
            continue
        total += 1
        if root.length != int(body[6]):
            differing.append((name, root.length, body[6]))

    assert total > 900
    assert len(differing) <= 0.01 * total, differing
