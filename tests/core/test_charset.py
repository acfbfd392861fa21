"""Bytes that claim, lie or say nothing become text (quirks 80 and 81, goal 34)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.charset import clean_text, decode_text

POLISH = "Zażółć gęślą jaźń – „Łódź”"
PLAIN_POLISH = "Proszę o wycenę, zażółć gęślą jaźń. Świętek, Łódź"


@pytest.mark.parametrize(
    ("text", "written", "claimed"),
    [
        (POLISH, "utf-8", "utf-8"),
        (POLISH, "utf-8", "UTF8"),
        (POLISH, "utf-8", '"utf-8"'),
        (POLISH, "cp1250", "windows-1250"),
        (POLISH, "cp1250", "cp-1250"),
        (POLISH, "cp1250", "x-cp1250"),
        # Letters at 0x80-0x9F under an ISO label: Windows was meant.
        (POLISH, "cp1250", "iso-8859-2"),
        ("“quoted” – €", "cp1252", "iso-8859-1"),
        # The label lies (business 018, 019).
        (PLAIN_POLISH, "utf-8", "iso-8859-2"),
        (PLAIN_POLISH, "iso8859-2", "utf-8"),
        (PLAIN_POLISH, "utf-8", "us-ascii"),
        # No label, or one that means nothing.
        (PLAIN_POLISH, "utf-8", None),
        (PLAIN_POLISH, "iso8859-2", None),
        (PLAIN_POLISH, "cp1250", "x-unknown"),
        ("Perché così? La città è più bella", "cp1252", None),
        ("Перевод документа, пожалуйста, ответьте до завтра", "koi8-r", "koi8-r"),
        ("日本語のメール", "iso2022_jp", "ISO-2022-JP"),
        ("日本語のメール", "cp932", "shift_jis"),
        ("中文邮件", "gbk", "gb2312"),
        ("한국어 메일", "cp949", "ks_c_5601-1987"),
        ("ภาษาไทย", "cp874", "windows-874"),
        ("עברית", "iso8859_8", "iso-8859-8-i"),
        ("utf-7 ążź", "utf-7", "utf-7"),
        ("wide ążź", "utf-16", "utf-16"),
    ],
)
def test_text_reads_as_it_was_written(text: str, written: str, claimed: str | None) -> None:
    assert decode_text(text.encode(written), claimed)[0] == text


@pytest.mark.parametrize(
    "claimed",
    ["rot13", "base64", "unicode_escape", "idna", "zlib", "mbcs", "undefined", "\x00", "ż", "x" * 999],
)
def test_a_codec_that_is_no_charset_is_not_used(claimed: str) -> None:
    assert decode_text(b"plain \\u0041 text", claimed)[0] == "plain \\u0041 text"


def test_one_broken_byte_does_not_change_the_charset_of_a_long_text() -> None:
    text, charset = decode_text(POLISH.encode() * 20 + b"\xff", "utf-8")
    assert text == POLISH * 20 + "\ufffd"
    assert charset == "utf-8"


@given(
    st.binary(max_size=500),
    st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["utf-7", "utf-16", "hz", "big5"])),
)
def test_any_bytes_give_text_that_can_be_stored(data: bytes, claimed: str | None) -> None:
    text, charset = decode_text(data, claimed)
    text.encode()
    assert "\x00" not in text
    assert charset


@given(st.text(st.characters()))
def test_clean_text_changes_only_what_cannot_be_stored(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode()
    assert cleaned == text.replace("\x00", "") or any(0xD800 <= ord(char) < 0xE000 for char in text)
