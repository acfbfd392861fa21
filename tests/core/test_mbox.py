"""Mbox files: every dialect's letters are found, liars hurt nobody, and what we write comes back exactly."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.mbox import UNTERMINATED, Entry, begins_mbox, dated, marks, read_mbox, written

AT = datetime(2026, 11, 2, 8, 5, 9, tzinfo=UTC)
MOST = 50_000_000


def read(content: bytes, step: int = 1 << 18, most: int = MOST) -> list[Entry]:
    return list(read_mbox((content[at : at + step] for at in range(0, len(content), step)), most_bytes=most))


def letters(content: bytes) -> list[bytes | None]:
    return [entry.content for entry in read(content)]


LINES = st.sampled_from(
    [
        b"From ",
        b">From ",
        b">>From x",
        b"From luca@x.example Mon Nov  2 08:05:09 2026",
        b"From: luca@x.example",
        b"Subject: one",
        b"Content-Length: 7",
        b"From -",
        b"",
        b"text",
        b"\xff\x00",
        b"\r",
        b">",
        b"From",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n"])
CONTENT = st.builds(
    lambda lines, end: b"".join(line + one for line, one in lines) + end,
    st.lists(st.tuples(LINES, ENDS), max_size=8),
    st.one_of(st.binary(max_size=12), st.sampled_from([b"\n", b"\r\n", b"\r", b""])),
)


@given(st.lists(CONTENT, min_size=1, max_size=5), st.integers(1, 40))
def test_what_is_written_comes_back_byte_for_byte(contents: list[bytes], step: int) -> None:
    file = b"".join(written(content, sender="luca@x.example", at=AT) for content in contents)

    entries = read(file, step)

    assert [entry.content for entry in entries] == contents
    assert entries[-1].end == len(file)
    assert {dated(entry.from_line) for entry in entries} == {AT}


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_are_read_alike_in_any_pieces(content: bytes, step: int) -> None:
    assert [(e.from_line, e.content) for e in read(content, step)] == [
        (e.from_line, e.content) for e in read(content)
    ]


ONE = b"Subject: one\n\nfirst\n"
TWO = b"Subject: two\n\nsecond\n"


@pytest.mark.parametrize(
    "file",
    [
        b"From a@x Mon Nov  2 08:00:00 2026\n%b\nFrom b@x Mon Nov  2 08:00:00 2026\n%b\n",
        b"From a@x Mon Nov  2 08:00:00 2026\n%bFrom b@x Mon Nov  2 08:00:00 2026\n%b",
        b"From - Mon Nov  2 08:00:00 2026\n%b\nFrom - Mon Nov  2 08:00:00 2026\n%b\n",
        b"From -\n%b\nFrom -\n%b\n",
        b"From 18443@xxx Mon Nov 02 08:00:00 +0000 2026\n%b\nFrom 18444@xxx\n%b\n",
        b"\xef\xbb\xbfFrom -\n%b\nFrom -\n%b\n",
        b"\n\nFrom a b c, d\n%b\nFrom a b c, d\n%b\n",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_each_dialect_gives_its_letters(file: bytes, step: int) -> None:
    assert [entry.content for entry in read(file % (ONE, TWO), step)] == [ONE, TWO]


def test_windows_line_ends_are_kept() -> None:
    file = b"From a@x Mon Nov  2 08:00:00 2026\n%b\nFrom b@x Mon Nov  2 08:00:00 2026\n%b\n" % (ONE, TWO)
    crlf = [one.replace(b"\n", b"\r\n") for one in (ONE, TWO)]

    assert letters(file.replace(b"\n", b"\r\n")) == crlf


@pytest.mark.parametrize("length", [0, 1, 7, 60, 10**9, -3])
def test_a_content_length_that_lies_costs_no_letter(length: int) -> None:
    liar = b"Subject: liar\nContent-Length: %d\n\nbody\n" % length

    assert letters(
        b"From a@x Mon Nov  2 08:00:00 2026\n%b\nFrom b@x Mon Nov  2 08:00:00 2026\n%b\n" % (liar, TWO)
    ) == [liar, TWO]


def test_prose_that_begins_with_from_is_prose() -> None:
    letter = b"Subject: film\n\nMy favourite:\n\nFrom Russia with love\nYear: 1963\n\nFrom here on\n\nmore\n"

    assert letters(b"From -\n%b\nFrom -\n%b\n" % (letter, TWO)) == [letter, TWO]


def test_marked_lines_lose_one_mark() -> None:
    (letter,) = letters(b"From -\nSubject: x\n\n>From a\n>>From b\n> From c\n\n")

    assert letter == b"Subject: x\n\nFrom a\n>From b\n> From c\n"


def test_what_stands_before_the_first_letter_is_not_lost() -> None:
    assert letters(b"Subject: lost\n\nx\n\nFrom -\n%b\n" % ONE) == [b"Subject: lost\n\nx\n", ONE]


def test_a_letter_longer_than_allowed_is_named_and_the_rest_goes_on() -> None:
    file = b"From -\nSubject: huge\n\n%b\n\nFrom -\n%b\n" % (b"x" * 5000, ONE)

    huge, one = read(file, 64, most=1000)

    assert (huge.content, one.content) == (None, ONE)
    assert huge.size > 5000


def test_a_large_file_takes_the_memory_of_one_letter() -> None:
    entry = b"From a@x Mon Nov  2 08:00:00 2026\nSubject: x\n\n" + b"line of a letter\n" * 500 + b"\n"
    pieces = -(-(48 << 20) // (len(entry) * 8))

    def chunks() -> Iterator[bytes]:
        for _ in range(pieces):
            yield entry * 8

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_mbox(chunks(), most_bytes=MOST))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == pieces * 8
    assert peak < 2 << 20


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"From a@x Mon Nov  2 08:05:09 2026\n", AT),
        (b"From a@x Mon Nov 02 08:05:09 2026\r\n", AT),
        (b"From a@x Mon Nov  2 09:05:09 +0100 2026\n", AT),
        (b"From a@x Mon Nov  2 07:05:09 2026 -0100\n", AT),
        (b"From a@x Mon Nov  2 08:05:09 CET 2026\n", AT),
        (b"From a@x Mon Nov  2 08:05:09 2026 remote from host\n", AT),
        (b"From - Mon Nov  2 08:05 2026\n", AT.replace(second=0)),
        (b"From a@x Mon Feb 31 08:05:09 2026\n", None),
        (b"From -\n", None),
        (b"From a@x Mon Nov  2 08:05:09 0000\n", None),
    ],
)
def test_the_date_of_a_from_line(line: bytes, expected: datetime | None) -> None:
    assert dated(line) == expected


@pytest.mark.parametrize(
    ("header", "flags", "removed"),
    [
        (b"Subject: x", {"\\Seen"}, False),
        (b"Status: RO\r\nX-Status: AF", {"\\Seen", "\\Answered", "\\Flagged"}, False),
        (b"Status: O\nX-Status: ", set(), False),
        (b"X-Status: DT", {"\\Draft"}, False),
        (b"X-Mozilla-Status: 0003", {"\\Seen", "\\Answered"}, False),
        (b"X-Mozilla-Status: 000d", {"\\Seen", "\\Flagged"}, True),
        (b"X-Mozilla-Status: none", set(), False),
        (b"X-Gmail-Labels: Inbox,Opened,Starred", {"\\Seen", "\\Flagged"}, False),
        (b"X-Gmail-Labels: Inbox,Unread", set(), False),
        (b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2", set(), True),
    ],
)
def test_marks_of_other_programs(header: bytes, flags: set[str], removed: bool) -> None:
    found = marks(header + b"\n\nStatus: RO\nX-Mozilla-Status: 0009\n")

    assert (found.flags, found.removed) == (flags, removed)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"From a@x Mon Nov  2 08:00:00 2026\nwhatever", True),
        (b"From -\nSubject: x\n", True),
        (b"\r\nFrom -\r\nSubject: x\r\n", True),
        (b"From: a@x\nSubject: x\n", False),
        (b"From here on it is prose\n", False),
        (b"", False),
    ],
)
def test_an_mbox_is_known_by_its_first_line(start: bytes, expected: bool) -> None:
    assert begins_mbox(start) is expected


def test_a_sender_that_would_break_the_line_is_not_written() -> None:
    for sender in ("", "a b@x", "a\n@x", "ż@x", UNTERMINATED):
        assert written(b"x\n", sender=sender, at=AT).startswith(
            b"From MAILER-DAEMON Mon Nov  2 08:05:09 2026\n"
        )


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("mimekit/mbox/content-length.mbox.txt", 29),
        ("mimekit/mbox/unmunged.mbox.txt", 2),
        ("mimekit/mbox/issue1189.mbox.txt", 4),
        ("mime4j/mbox/src/test/resources/test-1/mbox.rlug", 5),
        ("mox/importtest.mbox", 2),
    ],
)
def test_real_files_are_split_where_their_authors_say(corpus: Path, name: str, count: int) -> None:
    content = (corpus / name).read_bytes()

    entries = read(content)

    assert len(entries) == count
    assert entries[-1].end == len(content)
