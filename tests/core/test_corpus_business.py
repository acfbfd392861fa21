"""Business mail of three firms read as a person would read it; the expectations lie beside the letters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mailroom.cli.inspect import letter_document
from mailroom.core.letter import read_letter
from tests.corpus import business

pytestmark = pytest.mark.corpus

Row = tuple[str, dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def rows(corpus: Path) -> list[Row]:
    return [(number, letter_document(read_letter(raw), raw), want) for number, raw, want in business(corpus)]


def collapsed(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())


def wrong(rows: list[Row], field: str) -> Iterator[tuple[str, object, object]]:
    for number, read, want in rows:
        if want[field] is not None or field == "signature":
            mine, theirs = read[field], want[field]
            if isinstance(mine, str | None) and field != "message_id":
                mine, theirs = collapsed(mine), collapsed(theirs)
            if mine != theirs:
                yield number, mine, theirs


@pytest.mark.parametrize("field", ["new_text", "quoted", "signature", "kind"])
def test_95_of_100_letters_are_told_apart_rightly(rows: list[Row], field: str) -> None:
    assert len(rows) == 65
    differing = list(wrong(rows, field))
    assert len(differing) <= 0.05 * len(rows), differing


@pytest.mark.parametrize("field", ["message_id", "in_reply_to", "references", "subject", "from", "to", "cc"])
def test_headers_are_read_without_a_fault(rows: list[Row], field: str) -> None:
    differing = [
        (number, read[field], want[field]) for number, read, want in rows if read[field] != want[field]
    ]
    assert differing == []


def test_dates_are_the_instant_that_was_meant(rows: list[Row]) -> None:
    differing = [
        number
        for number, read, want in rows
        if want["date"] and datetime.fromisoformat(read["date"] or "") != datetime.fromisoformat(want["date"])
    ]
    assert differing == []


def test_snippets_begin_with_the_new_text(rows: list[Row]) -> None:
    differing = [
        (number, read["snippet"], want["snippet_starts_with"])
        for number, read, want in rows
        if want["snippet_starts_with"] and not read["snippet"].startswith(want["snippet_starts_with"])
    ]
    assert len(differing) <= 0.05 * len(rows), differing


def test_attachments_are_byte_exact(rows: list[Row]) -> None:
    fields = ("filename", "content_type", "size", "sha256", "inline")
    differing = []
    for number, read, want in rows:
        mine = [tuple(file[field] for field in fields) for file in read["attachments"]]
        theirs = [tuple(file[field] for field in fields) for file in want["attachments"]]
        if mine != theirs:
            differing.append((number, mine, theirs))
    assert len(differing) <= 0.05 * len(rows), differing


def test_the_charset_is_the_one_by_which_the_text_reads(corpus: Path) -> None:
    for number, raw, want in business(corpus):
        letter = read_letter(raw)
        assert "\ufffd" not in letter.text, number
        assert "Ã" not in letter.text, (number, want["charset"])


def test_an_answer_is_not_taken_for_a_copy_of_another_letter(corpus: Path) -> None:
    """Letter 051 uses the Message-ID of letter 009 for quite another text: two letter keys."""
    keys = {number: read_letter(raw).letter_key for number, raw, _ in business(corpus)}
    assert keys["051"] != keys["009"]
    assert len(set(keys.values())) == len(keys)
