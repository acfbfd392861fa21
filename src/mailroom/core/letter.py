"""`read_letter`: all that is kept about one letter, read from its bytes in one value; never raises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from hashlib import blake2b, sha256

from mailroom.core.address import Address, parse_addresses
from mailroom.core.body import Body, read_body
from mailroom.core.bounces import Kind, is_automatic, is_bulk, kind_of
from mailroom.core.charset import decode_text
from mailroom.core.headers import Defect, Header, decode_words, message_id, message_ids, parse_date
from mailroom.core.mime import (
    ParsedMessage,
    Part,
    decode_transfer,
    decoded_size,
    read_message,
    read_message_header,
)
from mailroom.core.subject import base_subject

MAX_REFERENCES = 200
MAX_SUBJECT_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a letter: a range of the letter's own bytes (`offset`, `length`, still in `encoding`)."""

    index: int
    filename: str | None
    content_type: str
    size: int
    """Of the decoded bytes."""
    inline: bool
    """Whether the HTML of the letter shows it (by `cid:`)."""
    content_id: str | None
    offset: int
    length: int
    encoding: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as it was read. Ids have no angle brackets, times are UTC, text holds no U+0000."""

    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    date: datetime | None
    """Of the Date header: what the sender's clock said."""
    received_at: datetime | None
    """Of the topmost Received: what our own server said."""
    subject: str
    base_subject: str
    from_: tuple[Address, ...]
    sender: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    text: str
    html: str | None
    """Foreign and unsafe: show it through `core.html.safe_html` only."""
    new_text: str
    quoted: bool
    signature: str | None
    snippet: str
    charset: str | None
    attachments: tuple[Attachment, ...]
    kind: Kind
    is_bulk: bool
    is_automatic: bool
    defects: tuple[Defect, ...]
    size: int
    letter_key: bytes
    """16 bytes, equal for copies of a letter in several accounts: of id and body, else of all bytes."""
    header_digest: bytes
    """16 bytes of From, To, Date, Subject, topmost Received: recognises a copy before its body is here."""
    folded: tuple[str, ...] = ()
    """The searchable columns, where :mod:`mailroom.core.indexing` has prepared them."""
    packed: bytes = b""
    """The same as they are kept."""

    @property
    def has_html(self) -> bool:
        return self.html is not None


def read_letter(raw: bytes, *, brief: bool = False) -> Letter:
    """The letter in `raw` (RFC 5322 and whatever is sent in its name).

    ``brief`` is for storing: everything but ``new_text``, ``quoted`` and ``signature``, which may be of the
    first lines only.
    """
    try:
        return _read(read_message(raw), raw, brief=brief)
    except Exception:  # noqa: BLE001 - whatever the reader stumbles over, the letter must be readable
        return _read_by_stdlib(raw)


def read_header(header_bytes: bytes) -> Letter:
    """The letter of a header block alone: no text, no attachments; its letter key says nothing."""
    try:
        return _read(read_message_header(header_bytes), b"")
    except Exception:  # noqa: BLE001 - see read_letter
        return _read_by_stdlib(header_bytes)


def attachment_bytes(raw: bytes, attachment: Attachment) -> bytes:
    """The decoded bytes of an attachment of the letter in `raw`."""
    return decode_transfer(
        raw[attachment.offset : attachment.offset + attachment.length], attachment.encoding
    )


def attachment_sha256(raw: bytes, attachment: Attachment) -> str:
    """SHA-256 of the decoded bytes, in hex."""
    return sha256(attachment_bytes(raw, attachment)).hexdigest()


# --- from the tree to the letter ---------------------------------------------------------------------


def _read(parsed: ParsedMessage, raw: bytes, *, brief: bool = False) -> Letter:
    header = parsed.header
    body = read_body(parsed, raw, brief=brief) if raw else _NO_BODY
    identifier = message_id(header.first("message-id"))
    subject = header.text("subject")[:MAX_SUBJECT_CHARS]
    date = parse_date(header.first("date"))
    senders = _addresses(header, "from")
    return Letter(
        message_id=identifier,
        in_reply_to=message_ids(header.first("in-reply-to"))[:MAX_REFERENCES],
        references=_references(header),
        date=date,
        received_at=_received_at(header),
        subject=subject,
        base_subject=base_subject(subject),
        from_=senders,
        sender=_addresses(header, "sender"),
        to=_addresses(header, "to"),
        cc=_addresses(header, "cc"),
        bcc=_addresses(header, "bcc"),
        reply_to=_addresses(header, "reply-to"),
        text=body.text,
        html=body.html,
        new_text=body.new_text,
        quoted=body.quoted,
        signature=body.signature,
        snippet=body.snippet,
        charset=body.charset,
        attachments=_attachments(parsed, body, raw) if raw else (),
        kind=kind_of(parsed, raw),
        is_bulk=is_bulk(header),
        is_automatic=is_automatic(header),
        defects=_defects(parsed, header, date, identifier, senders),
        size=parsed.size,
        letter_key=_letter_key(raw, parsed.root.offset, identifier),
        header_digest=_header_digest(header),
    )


_NO_BODY = Body("", None, "", False, None, "", None, frozenset())


def _addresses(header: Header, name: str) -> tuple[Address, ...]:
    """All addresses of a field; a field written twice counts as one list."""
    values = header.index.get(name)
    if not values:
        return ()
    if len(values) == 1:
        return parse_addresses(values[0])
    return tuple(address for value in values[:50] for address in parse_addresses(value))


def _references(header: Header) -> tuple[str, ...]:
    """The first ids and the last ones: a thread is known by its root and by whom it answers."""
    found = message_ids(header.first("references"))
    return found if len(found) <= MAX_REFERENCES else (found[0], *found[-(MAX_REFERENCES - 1) :])


def _received_at(header: Header) -> datetime | None:
    value = header.first("received")
    if not value or b";" not in value:
        return None
    return parse_date(value.rpartition(b";")[2])


def _defects(
    parsed: ParsedMessage,
    header: Header,
    date: datetime | None,
    identifier: str | None,
    senders: tuple[Address, ...],
) -> tuple[Defect, ...]:
    found = list(parsed.defects)
    if date is None and header.first("date") is not None:
        found.append(Defect.BAD_DATE)
    if identifier is None and header.first("message-id") is not None:
        found.append(Defect.BAD_MESSAGE_ID)
    if not any(sender.mailbox for sender in senders):
        found.append(Defect.MISSING_FROM)
    return tuple(found)


def _letter_key(raw: bytes, body_offset: int, identifier: str | None) -> bytes:
    if identifier is None:
        return sha256(raw).digest()[:16]
    # Line ends differ between servers. Taking out every CR is three times as fast as replacing CRLF.
    body = raw[body_offset:].translate(None, b"\r").strip()
    digest = sha256(identifier.encode() + b"\n")
    digest.update(body)
    return digest.digest()[:16]


def _header_digest(header: Header) -> bytes:
    digest = blake2b(digest_size=16)
    for name in ("from", "to", "date", "subject", "received"):
        digest.update(b" ".join((header.first(name) or b"").split()))
        digest.update(b"\n")
    return digest.digest()


# --- attachments -------------------------------------------------------------------------------------


def _attachments(parsed: ParsedMessage, body: Body, raw: bytes) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    shown_ids = _ids_shown(body.html)
    stack = [parsed.root]
    while stack:
        part = stack.pop()
        if part.is_multipart and part.children:
            stack.extend(reversed(part.children))
        elif part.offset not in body.shown and (part.length or part.filename or part is not parsed.root):
            found.append(_attachment(len(found), part, raw, shown_ids))
    return tuple(found)


def _attachment(index: int, part: Part, raw: bytes, shown_ids: frozenset[str]) -> Attachment:
    """A leaf as a file; an enclosed letter is one file and is not entered."""
    return Attachment(
        index=index,
        filename=part.filename,
        content_type=part.content_type,
        size=decoded_size(part.encoded(raw), part.encoding),
        inline=part.content_id is not None and part.content_id.lower() in shown_ids,
        content_id=part.content_id,
        offset=part.offset,
        length=part.length,
        encoding=part.encoding,
    )


_CID = re.compile(r"cid:([^\s\"'<>)]{1,500})", re.IGNORECASE)


def _ids_shown(html: str | None) -> frozenset[str]:
    if html is None or "cid:" not in html.lower():
        return frozenset()
    return frozenset(found.lower().replace("%40", "@") for found in _CID.findall(html))


# --- when our own reader failed ----------------------------------------------------------------------


def _read_by_stdlib(raw: bytes) -> Letter:
    """A second opinion on bytes that our reader stumbled over: header and whatever text there is."""
    message = message_from_bytes(raw, policy=policy.compat32)
    fields = tuple((name, str(value).encode("utf-8", "replace")) for name, value in message.raw_items())
    index: dict[str, tuple[bytes, ...]] = {}
    for name, value in fields:
        index[name.lower()] = (*index.get(name.lower(), ()), value)
    text = decode_text(raw.partition(b"\n\n")[2] or raw.partition(b"\r\n\r\n")[2])[0]
    root = Part(Header(fields, index), "text/plain", {}, "", None, None, None, 0, 0, 0, (), ())
    header = root.header
    identifier = message_id(header.first("message-id"))
    subject = decode_words(header.first("subject") or b"")[:MAX_SUBJECT_CHARS]
    return Letter(
        message_id=identifier, in_reply_to=(), references=(), date=None, received_at=None,
        subject=subject, base_subject=subject,
        from_=(), sender=(), to=(), cc=(), bcc=(), reply_to=(),
        text=text, html=None, new_text=text, quoted=False, signature=None, snippet=text[:200], charset=None,
        attachments=(), kind=Kind.MAIL, is_bulk=False, is_automatic=False, defects=(Defect.READER_FAILED,),
        size=len(raw), letter_key=_letter_key(raw, 0, None), header_digest=_header_digest(header),
    )  # fmt: skip
