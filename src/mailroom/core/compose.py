"""A draft, with the ids and the time given, into the exact bytes that will be sent.

Made once, stored, and never made again: every attempt sends these bytes, and the same go to Sent. Bcc is
in nobody's header; it is part of the envelope alone. What could break out of a header is refused by name.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from enum import StrEnum
from hashlib import sha256
from urllib.parse import unquote_to_bytes

from mailroom.core.address import Address, host_key
from mailroom.core.encode import base64_lines, clean, field, parameter, phrase, quoted_printable, structured
from mailroom.core.plaintext import html_to_text

REFERENCE_HEADER = "X-Mailroom-Ref"
MAX_REFERENCES = 30


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file of a draft, its bytes as they are."""

    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class InlineImage:
    """A picture that the HTML shows by ``cid:`` and this id (without angle brackets)."""

    content_id: str
    content_type: str
    data: bytes
    filename: str = ""


@dataclass(frozen=True, slots=True)
class DraftContent:
    """What a person wrote. Ids without angle brackets; ``text`` None is made from the HTML."""

    from_: Address
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    html: str | None = None
    text: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    attachments: tuple[AttachedFile, ...] = ()
    inline: tuple[InlineImage, ...] = ()


class Fault(StrEnum):
    """What is wrong with a field of a draft."""

    LINE_BREAK_OR_NUL = "line_break_or_nul"
    MALFORMED_ADDRESS = "malformed_address"
    MALFORMED_ID = "malformed_id"
    NO_RECIPIENTS = "no_recipients"
    NO_TIME_ZONE = "no_time_zone"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault, at the field of the draft where the person can mend it."""

    field: str
    fault: Fault
    value: str = ""


class ComposeError(ValueError):
    """A draft that no bytes can be made of; ``error`` names the field."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(f"{error.field}: {error.fault.value}")
        self.error = error


def check_draft(content: DraftContent) -> list[FieldError]:
    """Everything that stands between a draft and being sent; empty when nothing does."""
    errors = list(_header_faults(content))
    if not (content.to or content.cc or content.bcc):
        errors.append(FieldError("to", Fault.NO_RECIPIENTS))
    return errors


def envelope(content: DraftContent) -> tuple[str, tuple[str, ...]]:
    """Sender and recipients for SMTP, in ASCII, each recipient once, Bcc among them."""
    recipients: dict[str, str] = {}
    for address in (*content.to, *content.cc, *content.bcc):
        recipients.setdefault(address.key, _spec(address))
    return _spec(content.from_), tuple(recipients.values())


def compose(
    content: DraftContent, *, message_id: str, date: datetime, reference: str, keep_bcc: bool = False
) -> bytes:
    """The letter as bytes: CRLF, ASCII, no line over 998 octets; the same arguments give the same bytes.

    ``message_id`` and ``reference`` are fresh and belong to this letter for ever. ``keep_bcc`` is for the
    copy of a draft in the server's Drafts folder, never for what is sent. Raises ComposeError.
    """
    for error in (*_header_faults(content), *_given_faults(message_id, reference, date)):
        raise ComposeError(error)
    content = _with_text(_data_images_apart(content, domain=message_id.rpartition("@")[2] or "localhost"))
    top = list(_fields(content, message_id, date, reference, keep_bcc=keep_bcc))
    return b"".join(top) + b"MIME-Version: 1.0\r\n" + _body(content, _Boundaries(reference))


# --- what may not be sent --------------------------------------------------------------------------

_BREAKS = re.compile(r"[\r\n\0]")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTABLE = re.compile(r"[\x20-\x7e]+")
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
_LITERAL = re.compile(r"\[[A-Za-z0-9.:]{2,60}\]")


def is_sendable(address: Address) -> bool:
    """True for an address that SMTP without extensions can carry (RFC 5321 4.1.2, 4.5.3.1)."""
    local, host = address.mailbox, host_key(address.host)
    if not 1 <= len(local) <= 64 or not 1 <= len(host) <= 253:
        return False
    if not (_LOCAL.fullmatch(local) or _QUOTABLE.fullmatch(local)):
        return False
    return bool(_HOST.fullmatch(host) or _LITERAL.fullmatch(address.host))


def _header_faults(content: DraftContent) -> Iterator[FieldError]:
    addressed = {
        "from": (content.from_,),
        "to": content.to,
        "cc": content.cc,
        "bcc": content.bcc,
        "reply_to": content.reply_to,
    }
    for name, addresses in addressed.items():
        for address in addresses:
            if any(map(_BREAKS.search, (address.name, address.mailbox, address.host))):
                yield FieldError(name, Fault.LINE_BREAK_OR_NUL, address.email)
            elif not is_sendable(address):
                yield FieldError(name, Fault.MALFORMED_ADDRESS, address.email)
    for name, text in _header_texts(content):
        if _BREAKS.search(text):
            yield FieldError(name, Fault.LINE_BREAK_OR_NUL, text)
    for image in content.inline:
        if not _ID.fullmatch(image.content_id):
            yield FieldError("inline", Fault.MALFORMED_ID, image.content_id)
    for name, body in (("html", content.html), ("text", content.text)):
        if body and "\0" in body:
            yield FieldError(name, Fault.LINE_BREAK_OR_NUL)


def _header_texts(content: DraftContent) -> Iterator[tuple[str, str]]:
    yield "subject", content.subject
    yield "in_reply_to", content.in_reply_to or ""
    yield from (("references", reference) for reference in content.references)
    for file in content.attachments:
        yield "attachments", file.filename
        yield "attachments", file.content_type
    for image in content.inline:
        yield "inline", image.content_id
        yield "inline", image.content_type
        yield "inline", image.filename


def _given_faults(message_id: str, reference: str, date: datetime) -> Iterator[FieldError]:
    for name, given in (("message_id", message_id), ("reference", reference)):
        if not _ID.fullmatch(given):
            yield FieldError(name, Fault.MALFORMED_ID, given)
    if date.tzinfo is None:
        yield FieldError("date", Fault.NO_TIME_ZONE)


# --- the header ------------------------------------------------------------------------------------

_ID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,900}")


def _fields(
    content: DraftContent, message_id: str, date: datetime, reference: str, *, keep_bcc: bool
) -> Iterator[bytes]:
    yield f"Date: {format_datetime(date)}\r\n".encode()
    yield _addresses("From", (content.from_,))
    if content.reply_to:
        yield _addresses("Reply-To", content.reply_to)
    if content.to:
        yield _addresses("To", content.to)
    elif not content.cc:
        yield b"To: undisclosed-recipients:;\r\n"
    if content.cc:
        yield _addresses("Cc", content.cc)
    if keep_bcc and content.bcc:
        yield _addresses("Bcc", content.bcc)
    yield field("Subject", content.subject)
    yield _ids("Message-ID", (message_id,))
    # An id that a header cannot carry was made by somebody else's mistake; the thread does without it.
    parent = [one for one in (content.in_reply_to,) if one and _ID.fullmatch(one)]
    if parent:
        yield _ids("In-Reply-To", tuple(parent))
    chain = [one for one in dict.fromkeys((*content.references, *parent)) if _ID.fullmatch(one)]
    if chain:
        yield _ids("References", tuple(chain[:1] + chain[1:][-MAX_REFERENCES:]))
    yield structured(REFERENCE_HEADER, [reference.encode("ascii")])


def _addresses(name: str, addresses: tuple[Address, ...]) -> bytes:
    tokens = []
    for address in addresses:
        spec = _spec(address).encode("ascii")
        tokens.append(phrase(address.name) + b" <" + spec + b">" if address.name.strip() else spec)
    return structured(name, tokens, between=b",")


def _spec(address: Address) -> str:
    """The address in ASCII: a host of other letters in its IDNA form (RFC 5890)."""
    host = address.host if address.host.isascii() else host_key(address.host)
    return (
        replace(address, host=host).email
        if _LOCAL.fullmatch(address.mailbox)
        else _quoted_spec(address, host)
    )


def _quoted_spec(address: Address, host: str) -> str:
    local = address.mailbox.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{local}"@{host}'


def _ids(name: str, ids: tuple[str, ...]) -> bytes:
    return structured(name, [f"<{one}>".encode("ascii") for one in ids])


# --- the body --------------------------------------------------------------------------------------

_TYPE = re.compile(r"([a-z0-9][a-z0-9!#$&^_.+-]{0,60})/([a-z0-9][a-z0-9!#$&^_.+-]{0,100})")
_DATA_IMAGE = re.compile(
    r"""(<img\b[^>]*?\bsrc\s*=\s*)(["'])data:(image/[a-z0-9.+-]{1,40})((?:;[^,"';]*)*),([^"']*)\2""",
    re.IGNORECASE,
)


class _Boundaries:
    """Lines that no encoded part can contain: ``=_`` is neither quoted-printable nor base64."""

    def __init__(self, reference: str) -> None:
        self._seed = sha256(reference.encode()).hexdigest()[:24]
        self._number = 0

    def next(self) -> bytes:
        self._number += 1
        return f"=_{self._seed}_{self._number}".encode()


def _data_images_apart(content: DraftContent, *, domain: str) -> DraftContent:
    """Pictures pasted into the HTML become parts of their own: many programs show no ``data:`` address."""
    if not content.html or "data:image" not in content.html.lower():
        return content
    images: dict[str, InlineImage] = {image.content_id: image for image in content.inline}

    def apart(match: re.Match[str]) -> str:
        data = _data_of(match[4], match[5])
        if not data:
            return match[0]
        content_id = f"{sha256(data).hexdigest()[:24]}@{domain}"
        images[content_id] = InlineImage(content_id, match[3].lower(), data)
        return f"{match[1]}{match[2]}cid:{content_id}{match[2]}"

    html = _DATA_IMAGE.sub(apart, content.html)
    return replace(content, html=html, inline=tuple(images.values()))


def _data_of(parameters: str, encoded: str) -> bytes:
    """The bytes of a data: address (RFC 2397); empty when they cannot be read."""
    octets = unquote_to_bytes(encoded)
    if ";base64" not in parameters.lower():
        return octets
    try:
        return base64.b64decode(re.sub(rb"\s", b"", octets), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _with_text(content: DraftContent) -> DraftContent:
    if content.text is not None:
        return content
    return replace(content, text=html_to_text(content.html) if content.html else "")


def _body(content: DraftContent, boundaries: _Boundaries) -> bytes:
    """mixed(related(alternative(text, html), pictures), files), as far as each is needed."""
    part = _text_part("plain", content.text or "")
    if content.html:
        part = _multipart("alternative", [part, _text_part("html", content.html)], boundaries)
        if content.inline:
            pictures = [_picture(image) for image in content.inline]
            part = _multipart("related", [part, *pictures], boundaries, root="multipart/alternative")
    # Without HTML nothing can show a picture: it travels as a file.
    files = content.attachments if content.html else (*content.attachments, *map(_as_file, content.inline))
    if files:
        part = _multipart("mixed", [part, *map(_file, files)], boundaries)
    return part


def _multipart(
    subtype: str, parts: list[bytes], boundaries: _Boundaries, *, root: str | None = None
) -> bytes:
    boundary = boundaries.next()
    tokens = [f"multipart/{subtype}".encode(), b'boundary="' + boundary + b'"']
    if root:
        tokens.insert(1, f'type="{root}"'.encode())
    joined = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return structured("Content-Type", tokens, between=b";") + b"\r\n" + joined + b"--" + boundary + b"--\r\n"


def _text_part(subtype: str, text: str) -> bytes:
    lines = re.sub(r"\r\n|\r|\n", "\r\n", clean(text))
    data = (lines if lines.endswith("\r\n") else lines + "\r\n").encode("utf-8")
    strange = sum(byte > 126 for byte in data)
    encoding, encoded = (
        (b"base64", base64_lines(data))
        if strange * 3 > len(data)
        else (b"quoted-printable", quoted_printable(data))
    )
    head = structured("Content-Type", [f"text/{subtype}".encode(), b'charset="utf-8"'], between=b";")
    return head + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + encoded


def _picture(image: InlineImage) -> bytes:
    name = image.filename or f"image.{image.content_type.partition('/')[2].partition('+')[0] or 'bin'}"
    head = _ids("Content-ID", (image.content_id,))
    return head + _encoded_part(image.content_type, b"inline", name, image.data)


def _as_file(image: InlineImage) -> AttachedFile:
    return AttachedFile(image.filename, image.content_type, image.data)


def _file(file: AttachedFile) -> bytes:
    return _encoded_part(file.content_type, b"attachment", file.filename, file.data)


def _encoded_part(content_type: str, disposition: bytes, filename: str, data: bytes) -> bytes:
    named = parameter("filename", filename) if filename else []
    # Old Outlook reads only the parameter of Content-Type.
    kind = [_safe_type(content_type), *(parameter("name", filename) if filename else [])]
    return (
        structured("Content-Type", kind, between=b";")
        + structured("Content-Disposition", [disposition, *named], between=b";")
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + base64_lines(data)
    )


def _safe_type(content_type: str) -> bytes:
    """The type without parameters. What may not be base64 (RFC 2046 5.1, 5.2.1) goes as plain octets."""
    match = _TYPE.fullmatch(content_type.partition(";")[0].strip().lower())
    if match is None or match[1] in ("multipart", "message"):
        return b"application/octet-stream"
    return match[0].encode("ascii")
