"""Header fields: encoded words, parameters, dates and ids, well formed and not."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.headers import (
    MAX_ID_CHARS,
    decode_words,
    message_id,
    message_ids,
    parse_date,
    read_fields,
    read_parameters,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?Q?Za=C5=BC=C3=B3=C5=82=C4=87?=", "Zażółć"),
        (b"=?UTF-8?B?xYHDs2TFug==?= x", "Łódź x"),
        # Two words cut inside a character, as 020 of the business set has them.
        (b"=?UTF-8?B?xQ==?=\r\n =?UTF-8?B?gQ==?=", "Ł"),
        (b"=?iso-8859-2?Q?=B1?= =?utf-8?Q?=C4=85?=", "ąą"),
        (b"a =?utf-8?q?b?= c =?utf-8?q?d?= =?utf-8?q?e?=", "a b c de"),
        (b"=?utf-8*pl?Q?tak?=", "tak"),
        (b"=?utf-8?Q?a b?c?=", "a b?c"),
        (b"=?x-nonsense?Q?abc?=", "abc"),
        (b"=?utf-8?B?YWJj?", "=?utf-8?B?YWJj?"),
        ("Zażółć".encode(), "Zażółć"),
        ("Zażółć gęślą".encode("cp1250"), "Zażółć gęślą"),
        (b"one\r\n two\r\n\tthree", "one two three"),
        (b"a\x00b\x07c", "abc"),
        (b"", ""),
    ],
)
def test_words_are_decoded_for_eyes(value: bytes, expected: str) -> None:
    assert decode_words(value) == expected


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=80))
def test_words_written_by_the_standard_library_read_as_they_were(text: str) -> None:
    from email.header import Header

    written = Header(text, "utf-8").encode()
    assert decode_words(written) == text == str(make_header(decode_header(written)))


@given(st.binary(max_size=400))
def test_any_header_value_is_one_line_of_storable_text(value: bytes) -> None:
    text = decode_words(value)
    text.encode()
    assert "\x00" not in text


@pytest.mark.parametrize(
    ("value", "main", "parameters"),
    [
        (
            b'text/plain; charset="UTF-8"; format=flowed',
            "text/plain",
            {"charset": "UTF-8", "format": "flowed"},
        ),
        (b"Text/HTML;charset=x (comment)", "text/html", {"charset": "x"}),
        (b"a/b; name*=utf-8'pl'%C5%82%C4%85.pdf", "a/b", {"name": "łą.pdf"}),
        (b"a/b; name*1*=%82.pdf; name*0*=utf-8''%C5", "a/b", {"name": "ł.pdf"}),
        (b'a/b; name*0="one "; name*1="two"', "a/b", {"name": "one two"}),
        # The starred form wins wherever it stands (RFC 6266 4.3).
        (b"a/b; name*=utf-8''%C5%82; name=plain", "a/b", {"name": "ł"}),
        (b'a/b; name="=?utf-8?Q?=C5=82?="', "a/b", {"name": "ł"}),
        ("a/b; name=łąka.pdf".encode("cp1250"), "a/b", {"name": "łąka.pdf"}),
        (b"a/b; name=two words.pdf; x=y", "a/b", {"name": "two words.pdf", "x": "y"}),
        (b'a/b; name="half open', "a/b", {"name": "half open"}),
        (b'a/b; name="semi;colon"', "a/b", {"name": "semi;colon"}),
        (b"", "", {}),
    ],
)
def test_parameters_are_read(value: bytes, main: str, parameters: dict[str, str]) -> None:
    assert read_parameters(value) == (main, parameters)


@pytest.mark.parametrize(
    "value",
    [b";" * 250_000, b'; a="\\' * 50_000, b"(" * 250_000, b"; ".join(b"n*%d=a" % n for n in range(20_000))],
)
def test_hostile_parameters_are_read_in_seconds(value: bytes) -> None:
    started = time.process_time()
    read_parameters(b"text/plain; " + value)
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mon, 03 Nov 2025 09:12:36 +0100", (2025, 11, 3, 8, 12, 36)),
        ("3 Nov 25 09:12 GMT", (2025, 11, 3, 9, 12, 0)),
        ("Fri, 21 Nov 1997 09:55:06 -0600 (CST)", (1997, 11, 21, 15, 55, 6)),
        ("21 Nov 97 09:55:06 EST", (1997, 11, 21, 14, 55, 6)),
        ("Mar, 30 Sett 2025 17:45:10 +0200 (ora legale)", (2025, 9, 30, 15, 45, 10)),
        ("pon, 03 lis 2025 09:12:36 +0100", (2025, 11, 3, 8, 12, 36)),
        ("2025-11-03T09:12:36+01:00", (2025, 11, 3, 8, 12, 36)),
        ("Mon Nov  3 09:12:36 2025", (2025, 11, 3, 9, 12, 36)),
        ("Mon, 3 Nov 2025 09:12:60 +0000", (2025, 11, 3, 9, 12, 59)),
        ("Mon, 3 Nov 2025 09:12:36 +9900", (2025, 11, 3, 9, 12, 36)),
        ("Mon, 3 Nov 2025 09:12:36", (2025, 11, 3, 9, 12, 36)),
    ],
)
def test_a_date_is_an_instant_in_utc(value: str, expected: tuple[int, ...]) -> None:
    assert parse_date(value) == parse_date(value.encode()) == datetime(*expected, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    "value", ["", "yesterday", "31 Feb 2025 10:00 +0000", "1 Jan 0000 00:00:00 +0000", "\x00" * 50]
)
def test_what_is_no_date_is_none(value: str) -> None:
    assert parse_date(value) is None


@given(
    st.one_of(
        st.text(max_size=80),
        st.binary(max_size=80),
        st.from_regex(r"\d{1,2} [A-Z][a-z]{2} \d{1,5} \d\d:\d\d"),
    )
)
def test_any_date_is_aware_or_none(value: str | bytes) -> None:
    read = parse_date(value)
    assert read is None or read.utcoffset() is not None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<a@b>", ("a@b",)),
        (b"<a@b> <c@d>\r\n <a@b>", ("a@b", "c@d")),
        (b"Your message of Monday <a@b> (with a comment)", ("a@b",)),
        (b"a@b c@d", ("a@b", "c@d")),
        (b"<a@\r\n b>", ("a@b",)),
        (b"<>", ()),
        (b"nothing", ()),
        (b"<" + b"a" * 2_000 + b"@b>", ()),
    ],
)
def test_ids_come_without_brackets_each_once(value: bytes, expected: tuple[str, ...]) -> None:
    assert message_ids(value) == expected


def test_a_message_id_without_brackets_or_at_counts() -> None:
    assert message_id(b"20251112.KO8") == "20251112.KO8"
    assert message_id(b"<>") is None
    assert message_id(b"x" * (MAX_ID_CHARS + 1)) is None


def test_fields_keep_their_order_and_every_value() -> None:
    header, _, junk = read_fields(b"Received: a\r\nX: 1\r\n 2\r\nreceived: b\r\nX : 3")
    assert [name for name, _ in header.fields] == ["Received", "X", "received", "X"]
    assert header.all("received") == (b"a", b"b")
    assert header.all("x") == (b"1 2", b"3")
    assert not junk


def test_lines_that_are_no_fields_do_not_hide_the_fields_below() -> None:
    header, _, junk = read_fields(b"From: a\r\nthis is no field\r\nTo: b")
    assert header.first("to") == b"b"
    assert junk


@pytest.mark.corpus
def test_another_reader_agrees_on_its_dates_and_ids(corpus: Path) -> None:
    rows = json.loads((corpus / "stalwart-mail-parser" / "date.json").read_text())
    wrong = []
    for row in rows:
        expected, read = row["expected"], parse_date(row["header"])
        if expected is None:
            continue
        minutes = expected["tz_hour"] * 60 + expected["tz_minute"]
        wanted = (
            datetime(
                expected["year"],
                expected["month"],
                expected["day"],
                expected["hour"],
                expected["minute"],
                tzinfo=UTC,
            ).timestamp()
            - (-60 if expected["tz_before_gmt"] else 60) * minutes
            + expected["second"]
        )
        if read is None or abs(read.timestamp() - wanted) > 1:
            wrong.append((row["header"], read, expected))
    assert len(wrong) <= 0.1 * len(rows), wrong
