"""Folder names: modified UTF-7 (RFC 3501 5.1.3) to text and back, whatever the server made of it.

Decoding is for eyes only. What is sent to the server is always the raw name as it came.
"""

from __future__ import annotations

import base64
import binascii
import re

_SHIFTED = re.compile(rb"&([^-&]*)-")


def decode(raw: bytes) -> str:
    """Read a folder name; one that is broken or is plain UTF-8 is shown as well as can be, never refused."""
    return _CONTROL.sub("\ufffd", _read(raw))


_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def _read(raw: bytes) -> str:
    if any(byte > 126 for byte in raw):
        return _eight_bit(raw)
    try:
        return "".join(_pieces(raw))
    except (ValueError, binascii.Error):
        return raw.decode("ascii", "replace")


def _eight_bit(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _pieces(raw: bytes) -> list[str]:
    pieces, at = [], 0
    for match in _SHIFTED.finditer(raw):
        pieces.append(raw[at : match.start()].decode("ascii"))
        pieces.append(_unshift(match[1]))
        at = match.end()
    pieces.append(raw[at:].decode("ascii"))
    return pieces


def _unshift(encoded: bytes) -> str:
    if not encoded:
        return "&"
    padded = encoded.replace(b",", b"/") + b"=" * (-len(encoded) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be")


def encode(name: str) -> bytes:
    """Write a new folder's name in modified UTF-7."""
    pieces: list[bytes] = []
    for run in re.findall(r"[\x20-\x25\x27-\x7e]+|&|[^\x20-\x7e]+", name):
        if run == "&":
            pieces.append(b"&-")
        elif run.isascii() and run.isprintable():
            pieces.append(run.encode("ascii"))
        else:
            shifted = base64.b64encode(run.encode("utf-16-be", "surrogatepass")).rstrip(b"=")
            pieces.append(b"&" + shifted.replace(b"/", b",") + b"-")
    return b"".join(pieces)
