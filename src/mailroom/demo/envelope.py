"""Letters as bytes: headers, encodings and parts written out one by one, so that old charsets can appear."""

from __future__ import annotations

import base64
import hashlib
import quopri
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr

from mailroom.demo.enclosures import Enclosure

PARAMETERS = {"text/calendar": "; method=REQUEST; charset=UTF-8", "text/csv": "; charset=UTF-8"}
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME part: its own headers as ready lines, and its encoded body with CRLF line ends."""

    headers: tuple[str, ...]
    body: bytes

    def to_bytes(self) -> bytes:
        """Headers, the empty line, body."""
        return "".join(f"{line}\r\n" for line in self.headers).encode("ascii") + b"\r\n" + self.body


def letter_bytes(headers: Headers, part: Part, *, charset: str = "utf-8") -> bytes:
    """A whole letter; header values are encoded words of `charset` where they are not ASCII."""
    lines = [header_line(name, value, charset) for name, value in headers]
    top = "".join(f"{line}\r\n" for line in (*lines, "MIME-Version: 1.0"))
    return top.encode("ascii") + part.to_bytes()


def header_line(name: str, value: str, charset: str = "utf-8") -> str:
    """`Name: value`, folded; non-ASCII text as encoded words (RFC 2047)."""
    if value.isascii():
        return f"{name}: {value}"
    encoded = Header(value, _fitting(value, charset), header_name=name, maxlinelen=75).encode(linesep="\r\n")
    return f"{name}: {encoded}"


def address_list(addresses: Sequence[tuple[str, str]], charset: str = "utf-8") -> str:
    """`(name, address)` pairs as the value of a To header, one to a line."""
    return ",\r\n ".join(formataddr(pair, _fitting(pair[0], charset)) for pair in addresses)


def _fitting(text: str, charset: str) -> str:
    """`charset`, or UTF-8 where it lacks a character (a real program switches in the same way)."""
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return "utf-8"
    return charset


def date_value(at: datetime) -> str:
    """A moment as the value of a Date header, in the zone it is given in."""
    return format_datetime(at.replace(microsecond=0))


def text_part(text: str, *, subtype: str, charset: str, encoding: str, parameters: str = "") -> Part:
    """A text part; what `charset` lacks becomes the nearest plain character, then a question mark."""
    body = text.replace("\n", "\r\n")
    octets = body.encode(charset, "strict" if charset == "utf-8" else "replace")
    headers = (
        f"Content-Type: text/{subtype}; charset={charset.upper()}{parameters}",
        f"Content-Transfer-Encoding: {encoding}",
    )
    return Part(headers, _encoded(octets, encoding))


def file_part(enclosure: Enclosure) -> Part:
    """An enclosure in base64; a name outside ASCII goes as RFC 2231 and as an encoded word."""
    name = enclosure.name
    kind = "inline" if enclosure.content_id else "attachment"
    shown = name if name.isascii() else Header(name, "utf-8", maxlinelen=1000).encode()
    more = PARAMETERS.get(enclosure.content_type, "")
    headers = [
        f'Content-Type: {enclosure.content_type}{more};\r\n name="{shown}"',
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: {kind};\r\n filename="{shown}"; size={len(enclosure.content)}',
    ]
    if enclosure.content_id:
        headers.append(f"Content-ID: <{enclosure.content_id}>")
    return Part(tuple(headers), _encoded(enclosure.content, "base64"))


def multipart(subtype: str, parts: Sequence[Part], *, parameters: str = "") -> Part:
    """Parts under a boundary that depends on their bytes alone."""
    digest = hashlib.sha256(b"".join(part.body for part in parts)).hexdigest()
    boundary = f"=_{subtype[:3]}_{digest[:24]}"
    body = b"".join(f"--{boundary}\r\n".encode() + part.to_bytes() + b"\r\n" for part in parts)
    header = f'Content-Type: multipart/{subtype}{parameters};\r\n boundary="{boundary}"'
    return Part((header,), body + f"--{boundary}--\r\n".encode())


def _encoded(octets: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return base64.encodebytes(octets).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        # The encoder must not see the line ends, or it would write them as =0D.
        lines = octets.split(b"\r\n")
        return b"\r\n".join(quopri.encodestring(line).replace(b"\n", b"\r\n") for line in lines) + b"\r\n"
    return octets + b"\r\n"
