"""Content transfer encodings (RFC 2045 section 6): bytes in, bytes out, damaged or not; never raises."""

from __future__ import annotations

import binascii
import re

_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)
_REGULAR = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n\t "
_UU_BEGIN = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} [^\r\n]*\r?\n", re.MULTILINE)

IDENTITY = frozenset({"", "7bit", "8bit", "binary"})


def decode_base64(data: bytes) -> tuple[bytes, bool]:
    """The decoded bytes, and whether the text was flawless.

    Damage costs as little as possible: foreign characters are skipped, a cut end loses at most two bytes,
    and text after padding (two encodings glued together) is still decoded.
    """
    if not _padding_in_the_middle(data):
        try:
            return binascii.a2b_base64(data), True
        except binascii.Error:
            pass
    pieces = [_decode_base64_run(run) for run in re.split(rb"=+", data, maxsplit=10_000)]
    return b"".join(pieces), False


def base64_size(data: bytes) -> int:
    """How many bytes `decode_base64` gives, without decoding where the text is regular."""
    letters = len(data.translate(None, b"\r\n\t "))
    padding = data.count(b"=", max(0, len(data) - 80))
    if letters % 4 or padding > 2 or data.translate(None, _REGULAR) or _padding_in_the_middle(data):
        return len(decode_base64(data)[0])
    return letters // 4 * 3 - padding


def decode_quoted_printable(data: bytes) -> bytes:
    """Quoted-printable text as bytes; what is no escape stays as it stands (RFC 2045 section 6.7)."""
    return binascii.a2b_qp(data)


def decode_uuencode(data: bytes) -> bytes:
    """The first uuencoded file in `data`; `data` itself when there is none."""
    begin = _UU_BEGIN.search(data)
    if begin is None:
        return data
    pieces = []
    for line in data[begin.end() :].splitlines():
        if line.strip() in (b"end", b"`", b""):
            break
        pieces.append(_decode_uu_line(line))
    return b"".join(pieces)


def _padding_in_the_middle(data: bytes) -> bool:
    """CPython stops in silence at padding that is followed by more text."""
    first = data.find(b"=")
    return first >= 0 and len(data) - first > 2 and bool(data[first:].strip(b"= \r\n\t"))


def _decode_base64_run(run: bytes) -> bytes:
    letters = run.translate(None, _NOT_BASE64)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _decode_uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Some writers leave garbage after the counted bytes: read as many as the count says.
        count = (((line[0] - 32) & 63) * 4 + 5) // 3
        try:
            return binascii.a2b_uu(line[:count])
        except binascii.Error:
            return b""
