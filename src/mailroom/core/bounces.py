"""What kind of letter this is: a person's, a failed delivery, an automatic answer, a report, a list's.

Machines are recognised in the order of their honesty: standard reports first (RFC 3464, 5965, 8098), then
the wording of mail systems, then RFC 3834 answers. Whoever merely asks not to be answered is no machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mailroom.core import wording
from mailroom.core.body import body_parts, part_text
from mailroom.core.headers import Header, decode_words, message_id, raw_text, read_fields
from mailroom.core.mime import ParsedMessage, Part

_TEXT_BYTES = 20_000
_REPORT_BYTES = 100_000


class Kind(StrEnum):
    """MAIL is a letter, BOUNCE a failed delivery, AUTO_REPLY an absence, REPORT a receipt or complaint."""

    MAIL = "mail"
    BOUNCE = "bounce"
    AUTO_REPLY = "auto_reply"
    REPORT = "report"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Bounce:
    """One recipient that a letter of ours did not reach; `status` is an RFC 3463 code or None."""

    recipient: str
    status: str | None
    action: str | None
    original_message_id: str | None
    diagnostic: str | None

    @property
    def permanent(self) -> bool:
        """Whether trying again is pointless."""
        return self.status is not None and self.status.startswith("5")


def kind_of(parsed: ParsedMessage, raw: bytes) -> Kind:
    """The kind of a parsed message; a letter in case of doubt."""
    header = parsed.header
    reported = _kind_by_report(parsed, raw) or _kind_by_pec(header)
    if reported is not None:
        return reported
    if _may_be_bounce(header) and _reads_as_bounce(parsed, raw):
        return Kind.REPORT if _is_delay(parsed, raw) else Kind.BOUNCE
    if _is_automatic_answer(header):
        return Kind.AUTO_REPLY
    return Kind.LIST if _is_list(header) else Kind.MAIL


# --- reports by the book -----------------------------------------------------------------------------

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status", "message/x-delivery-status")
_RECEIPT_TYPES = ("message/disposition-notification", "message/global-disposition-notification")


def _kind_by_report(parsed: ParsedMessage, raw: bytes) -> Kind | None:
    if not parsed.root.children:
        return Kind.REPORT if parsed.root.content_type in _RECEIPT_TYPES else None
    for part in parsed.root.walk():
        if part.content_type in _STATUS_TYPES:
            return _kind_by_actions(part, raw)
        if part.content_type in _RECEIPT_TYPES or part.content_type == "message/feedback-report":
            return Kind.REPORT
        if part.content_type == "message/rfc822" and part is not parsed.root:
            break  # what lies inside an enclosed letter happened to somebody else
    if parsed.root.parameters.get("report-type", "").lower() in (
        "disposition-notification",
        "feedback-report",
    ):
        return Kind.REPORT
    return None


def _kind_by_actions(part: Part, raw: bytes) -> Kind | None:
    actions = set()
    for fields in _report_blocks(part, raw):
        action = fields.text("action").lower().split(" ", 1)[0].strip(";,")
        status = fields.text("status")
        if action:
            actions.add("delivered" if action.startswith("deliver") else action)
        elif status.startswith(("4", "5")):
            actions.add("failed")
    if not actions:
        return None
    if "failed" in actions or not actions & {"delayed", "delivered", "relayed", "expanded"}:
        return Kind.BOUNCE
    return Kind.REPORT


def _report_blocks(part: Part, raw: bytes) -> Iterator[Header]:
    """The groups of fields of a delivery status (RFC 3464 2.1), the message's own first."""
    data = part.decode(raw)[:_REPORT_BYTES].replace(b"\r\n", b"\n").strip(b"\n")
    for block in re.split(rb"\n[ \t]*\n", data, maxsplit=2_000):
        fields = read_fields(block.lstrip(b"\n"))[0]
        if fields.fields:
            yield fields


def _kind_by_pec(header: Header) -> Kind | None:
    """Italian certified mail: receipts carry X-Ricevuta, certified letters are letters."""
    receipt = header.text("x-ricevuta").lower()
    if receipt:
        failed = "errore" in receipt or "non-accettazione" in receipt or "virus" in receipt
        return Kind.BOUNCE if failed and "preavviso" not in receipt else Kind.REPORT
    return Kind.MAIL if header.first("x-trasporto") else None


# --- the wording of mail systems ---------------------------------------------------------------------

_DAEMON = re.compile(wording.one_of(wording.DAEMONS), re.IGNORECASE)
_BOUNCE_SUBJECT = re.compile(wording.one_of(wording.BOUNCE_SUBJECTS), re.IGNORECASE)
_BOUNCE_TEXT = re.compile(wording.one_of(wording.BOUNCE_TEXTS), re.IGNORECASE | re.MULTILINE)
_DELAY_SUBJECT = re.compile(
    r"delay|opóźni|ritard|warning: (?:message|could)|still being retried", re.IGNORECASE
)
_GAVE_UP = re.compile(
    r"given up|permanent|has been (?:returned|deleted)|5\.\d\.\d|cannot be delivered|could not be delivered",
    re.IGNORECASE,
)


def _may_be_bounce(header: Header) -> bool:
    """Whether sender, return path or subject speak of a machine that returns mail."""
    if header.first("x-failed-recipients"):
        return True
    sender = raw_text(header.first("from") or b"<>")
    if _DAEMON.search(sender) and not _is_list(header):
        return True
    path = (header.first("return-path") or b"").strip().lower()
    null_path = path in (b"<>", b"<mailer-daemon>") or path.startswith(
        (b"<mailer-daemon@", b"<double-bounce@")
    )
    subject = header.text("subject")
    if null_path:
        return bool(_BOUNCE_SUBJECT.search(subject)) or bool(header.first("x-failed-recipients"))
    return bool(re.match(r"(?:fwd: ?)?returned mail: ", subject, re.IGNORECASE)) or (
        bool(_BOUNCE_SUBJECT.search(subject)) and bool(_OWN_MACHINES.search(sender))
    )


_OWN_MACHINES = re.compile(r"no-?reply@|-admin@", re.IGNORECASE)


def _reads_as_bounce(parsed: ParsedMessage, raw: bytes) -> bool:
    header = parsed.header
    if _BOUNCE_SUBJECT.search(header.text("subject")) or header.first("x-failed-recipients"):
        return bool(_BOUNCE_TEXT.search(_shown_text(parsed, raw))) or bool(
            _DAEMON.search(raw_text(header.first("from") or b""))
        )
    return bool(_BOUNCE_TEXT.search(_shown_text(parsed, raw)))


def _is_delay(parsed: ParsedMessage, raw: bytes) -> bool:
    return bool(_DELAY_SUBJECT.search(parsed.header.text("subject"))) and not _GAVE_UP.search(
        _shown_text(parsed, raw)[:2_000]
    )


def _shown_text(parsed: ParsedMessage, raw: bytes) -> str:
    texts = [part_text(part, raw)[0][:_TEXT_BYTES] for part in body_parts(parsed.root)[:3]]
    return "\n".join(texts)


# --- answers and lists -------------------------------------------------------------------------------

_AUTO_SUBJECT = re.compile(rf"\s*(?:re:\s*)?{wording.one_of(wording.ABSENCES)}", re.IGNORECASE)


_ANSWERING = frozenset(
    {
        "auto-submitted",
        "x-autoreply",
        "x-autorespond",
        "x-autoreply-from",
        "x-mail-autoreply",
        "precedence",
        "delivered-to",
    }
)


def _is_automatic_answer(header: Header) -> bool:
    if _ANSWERING.isdisjoint(header.index):
        return bool(_AUTO_SUBJECT.match(header.text("subject")))
    submitted = header.text("auto-submitted").lower()
    if submitted.startswith(("auto-replied", "auto-notified")):
        return True
    if header.first("x-autoreply") or header.first("x-autorespond") or header.first("x-autoreply-from"):
        return header.text("x-autoreply").lower() not in ("no", "false")
    if header.text("precedence").lower() in ("auto_reply", "auto-reply"):
        return True
    if header.first("x-mail-autoreply") or header.text("delivered-to").lower() == "autoresponder":
        return True
    return bool(_AUTO_SUBJECT.match(header.text("subject")))


def _is_list(header: Header) -> bool:
    """Mailing lists and newsletters (RFC 2369, RFC 2919, RFC 8058)."""
    fields = header.index
    if (
        "list-id" in fields
        or "list-post" in fields
        or "list-unsubscribe" in fields
        or "mailing-list" in fields
    ):
        return True
    return header.text("precedence").lower() == "list" if "precedence" in fields else False


def is_bulk(header: Header) -> bool:
    """Whether many people got this: a list, a newsletter, or whoever says `Precedence: bulk`."""
    if _is_list(header) or "feedback-id" in header.index or "x-mailgun-sid" in header.index:
        return True
    return header.text("precedence").lower() in ("bulk", "junk", "list")


def is_automatic(header: Header) -> bool:
    """Whether a machine sent this (RFC 3834 section 5): never answer it by another machine."""
    submitted = header.text("auto-submitted").lower()
    return (bool(submitted) and submitted != "no") or _is_automatic_answer(header)


# --- facts about a failed delivery -------------------------------------------------------------------

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?:^|;\s*|\s)([45])\d\d[\s-]")
_RECIPIENT_FIELDS = ("final-recipient", "original-recipient", "x-actual-recipient")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


def read_bounces(parsed: ParsedMessage, raw: bytes) -> tuple[Bounce, ...]:
    """The recipients of a bounce: from its status part when it has one, else from its wording."""
    original = _original_id(parsed, raw)
    found: list[Bounce] = []
    for part in parsed.root.walk():
        if part.content_type in _STATUS_TYPES:
            found.extend(_bounces_of_status(part, raw, original))
    return tuple(found) or _bounces_by_wording(parsed, raw, original)


def _bounces_of_status(part: Part, raw: bytes, original: str | None) -> Iterator[Bounce]:
    for fields in _report_blocks(part, raw):
        recipients = (_typed_address(fields.text(name)) for name in _RECIPIENT_FIELDS)
        recipient = next((found for found in recipients if found), None)
        if recipient is None:
            continue
        diagnostic = fields.text("diagnostic-code") or None
        written = _STATUS.search(fields.text("status"))
        said = _STATUS.search(diagnostic or "")
        status = written[1] if written else None
        if said and (status is None or status.endswith(".0.0")):
            status = said[1]  # the server's own words are more precise than a bare 5.0.0
        reply = _REPLY_CODE.search(diagnostic or "") if status is None else None
        if reply:
            status = f"{reply[1]}.0.0"
        yield Bounce(recipient, status, fields.text("action").lower() or None, original, diagnostic)


def _typed_address(value: str) -> str | None:
    """`rfc822; a@b` without its type."""
    address = value.rpartition(";")[2].strip().strip("<>")
    found = _EMAIL.search(address)
    return found[0] if found else (address or None)


def _original_id(parsed: ParsedMessage, raw: bytes) -> str | None:
    """The Message-ID of the letter that failed, from the copy that came back."""
    for part in parsed.root.walk():
        if part is not parsed.root and part.content_type == "message/rfc822" and part.children:
            return message_id(part.children[0].header.first("message-id"))
        if part.content_type in ("text/rfc822-headers", "message/rfc822-headers"):
            return message_id(read_fields(part.decode(raw)[:_REPORT_BYTES])[0].first("message-id"))
    inline = re.search(
        rb"^[ \t>]*Message-I[Dd]:\s*(<[^<>\r\n]+>)", raw[parsed.root.offset :][:_REPORT_BYTES], re.MULTILINE
    )
    return message_id(inline[1]) if inline else None


def _bounces_by_wording(parsed: ParsedMessage, raw: bytes, original: str | None) -> tuple[Bounce, ...]:
    header = parsed.header
    named = header.text("x-failed-recipients")
    text = _shown_text(parsed, raw)
    to = {found.lower() for found in _EMAIL.findall(decode_words(header.first("to") or b""))}
    sender = {found.lower() for found in _EMAIL.findall(decode_words(header.first("from") or b""))}
    candidates = _EMAIL.findall(named) or [
        found
        for found in _EMAIL.findall(text)
        if found.lower() not in to | sender and not _DAEMON.search(found)
    ]
    if not candidates:
        return ()
    status = _STATUS.search(text)
    return (Bounce(candidates[0].rstrip("."), status[1] if status else None, "failed", original, None),)
