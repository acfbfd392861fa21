"""Transfer encodings: whole, damaged and cut (RFC 2045 section 6)."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.transfer import base64_size, decode_base64, decode_quoted_printable, decode_uuencode


@given(st.binary(max_size=600))
def test_what_was_encoded_comes_back(data: bytes) -> None:
    assert decode_base64(base64.encodebytes(data)) == (data, True)
    assert decode_quoted_printable(quopri.encodestring(data)) == data


@given(st.one_of(st.binary(max_size=300), st.from_regex(rb"[A-Za-z0-9+/=\r\n!]{0,200}")))
def test_the_size_is_known_without_decoding(data: bytes) -> None:
    assert base64_size(data) == len(decode_base64(data)[0])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"QUJD", b"ABC"),
        (b"QUI", b"AB"),
        (b"QUJDR", b"ABC"),
        (b"Q*U-J\x00D", b"ABC"),
        (b"QUI=QUJD", b"ABABC"),
        (b"QQ==\r\nQg==\r\n", b"AB"),
        (b"====", b""),
    ],
)
def test_damage_costs_as_little_as_possible(written: bytes, expected: bytes) -> None:
    assert decode_base64(written)[0] == expected


def test_a_uuencoded_file_is_found_in_its_frame() -> None:
    data = bytes(range(100))
    lines = b"".join(binascii.b2a_uu(data[place : place + 45]) for place in range(0, 100, 45))
    assert decode_uuencode(b"hello\nbegin 644 x.bin\n" + lines + b"`\nend\nbye") == data
    assert decode_uuencode(b"no file here") == b"no file here"


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_without_an_exception(data: bytes) -> None:
    decode_quoted_printable(data)
    decode_uuencode(data)
    decode_uuencode(b"begin 644 x\n" + data)
