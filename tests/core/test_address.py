"""Address lists as people and programs write them (RFC 5322 3.4, RFC 6532, RFC 5890)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailroom.core.address import MAX_ADDRESSES, Address, format_address, parse_addresses

ROWS: list[tuple[str, list[tuple[str, str]]]] = [
    ("a@b.example", [("", "a@b.example")]),
    ("Ann Bee <a@b.example>, c@d.example", [("Ann Bee", "a@b.example"), ("", "c@d.example")]),
    ('"Bee, Ann" <a@b.example>', [("Bee, Ann", "a@b.example")]),
    ("Bee, Ann <a@b.example>", [("Bee, Ann", "a@b.example")]),
    (r'"Ann \"Queen\" Bee" <a@b.example>', [('Ann "Queen" Bee', "a@b.example")]),
    ("a@b.example (Ann Bee)", [("Ann Bee", "a@b.example")]),
    (r"Ann (a nice \) one) <a(her box)@b.example(her host)>", [("Ann", "a@b.example")]),
    ("Friends: a@b.example, C <c@d.example>;", [("", "a@b.example"), ("C", "c@d.example")]),
    ("undisclosed-recipients:;", []),
    ("Hidden: ; , a@b.example", [("", "a@b.example")]),
    ("<@one.example,@two.example:a@b.example>", [("", "a@b.example")]),
    ("a @ b . example", [("", "a@b.example")]),
    ("a@b.example; c@d.example", [("", "a@b.example"), ("", "c@d.example")]),
    ("Ann <a@b.example> Cid <c@d.example>", [("Ann", "a@b.example"), ("Cid", "c@d.example")]),
    ("=?utf-8?Q?B=C5=82a=C5=BCej=2C_Jan?= <a@b.example>", [("Błażej, Jan", "a@b.example")]),
    ('"=?utf-8?B?xYF1a2Fzeg==?=" <a@b.example>', [("Łukasz", "a@b.example")]),
    ("=?utf-8?Q?Ann_=3Ca=40b.example=3E?=", [("Ann", "a@b.example")]),
    ("Łukasz <ł@b.example>", [("Łukasz", "ł@b.example")]),
    ('"john doe"@b.example', [("", '"john doe"@b.example')]),
    ("root", [("", "root")]),
    ("MAILER-DAEMON <>", [("MAILER-DAEMON", "")]),
    ("mailto:a@b.example", [("", "a@b.example")]),
    ("Ann\r\n\tBee <a@b.example>", [("Ann Bee", "a@b.example")]),
    ('"Ann <a@b.example>, c@d.example', [('"Ann', "a@b.example"), ("", "c@d.example")]),
    ("", []),
    (" , ;,", []),
]


@pytest.mark.parametrize(("header", "expected"), ROWS)
def test_an_address_list_gives_names_and_addresses(header: str, expected: list[tuple[str, str]]) -> None:
    read = [(address.name.strip('"'), address.email) for address in parse_addresses(header)]
    assert read == [(name.strip('"'), email) for name, email in expected]
    if "\n" not in header:
        assert parse_addresses(header.encode()) == parse_addresses(header)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann.Bee@Firm.Example", "ann.bee@firm.example"),
        ("a@żółw.example", "a@XN--W-UGA1V8H.example"),
        ("a@b.example.", "a@b.example"),
        ('"ann"@b.example', "ann@b.example"),
    ],
)
def test_two_spellings_of_one_mailbox_share_their_key(one: str, other: str) -> None:
    assert parse_addresses(one)[0].key == parse_addresses(other)[0].key != ""


def test_what_names_no_mailbox_has_no_key() -> None:
    assert [address.key for address in parse_addresses("root, Nobody At All, <>")] == ["", ""]


def test_the_written_form_is_kept_for_sending() -> None:
    assert parse_addresses("Ann.Bee@Firm.Example")[0].email == "Ann.Bee@Firm.Example"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address("Ann Bee", "a", "b.example"), "Ann Bee <a@b.example>"),
        (Address("Bee, Ann", "a", "b.example"), '"Bee, Ann" <a@b.example>'),
        (Address('A "Q" B', "a", "b.example"), '"A \\"Q\\" B" <a@b.example>'),
        (Address("", "a", "b.example"), "a@b.example"),
    ],
)
def test_a_formatted_address_reads_back_as_itself(address: Address, expected: str) -> None:
    assert format_address(address) == expected
    assert parse_addresses(expected) == (address,)


@given(st.text(max_size=300))
@example("(" * 300)
@example('"\\' * 100)
def test_any_text_gives_addresses_without_controls(text: str) -> None:
    for address in parse_addresses(text):
        assert "\n" not in address.name + address.email
        assert "\x00" not in address.name + address.email
        address.key.encode()


@given(st.binary(max_size=300))
def test_any_bytes_give_addresses(value: bytes) -> None:
    parse_addresses(value)


def test_20000_addresses_are_read_within_a_second_or_two() -> None:
    odd = ", ".join(f"=?utf-8?q?N=C5=82_{n}?= <u{n}@b.example> (x)" for n in range(MAX_ADDRESSES + 500))
    started = time.process_time()
    assert len(parse_addresses(odd)) == MAX_ADDRESSES
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "piece", ["(", '"\\', "<", "a:", "a@ ", "a b,", '\\"', "=?a?q?", "=?u?q?a,?= ", ",", "@"]
)
def test_hostile_lists_of_250000_characters_are_read_in_seconds(piece: str) -> None:
    started = time.process_time()
    parse_addresses(piece * (250_000 // len(piece)))
    assert time.process_time() - started < 5


def flattened(expected: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    members = expected.get("List") or [
        one for group in expected.get("Group", []) for one in group["addresses"]
    ]
    return [(one["name"], one["address"]) for one in members]


@pytest.mark.corpus
def test_another_reader_agrees_on_its_own_examples(corpus: Path) -> None:
    rows = json.loads((corpus / "stalwart-mail-parser" / "address.json").read_text())
    differing = []
    for row in rows:
        if "mailto:" in row["header"] or "http:" in row["header"]:
            continue  # List-* fields, which hold URLs
        read = [(address.name or None, address.email or None) for address in parse_addresses(row["header"])]
        if [email for _, email in read] != [email for _, email in flattened(row["expected"])]:
            differing.append((row["header"], read, flattened(row["expected"])))
    assert len(rows) > 40
    assert len(differing) <= 5, differing
