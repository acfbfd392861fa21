"""Letters being written, and the moment they are handed over: the bytes are made once, here, for ever.

A draft takes nearly anything, so that no word is lost while it is written; handing it over judges it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from mailroom.core import compose, reply
from mailroom.core.address import Address, host_key, parse_addresses
from mailroom.core.html import safe_html
from mailroom.core.letter import read_header
from mailroom.data.blobs.keeping import content_of, make_durable, rows_of
from mailroom.data.mail.models import Access, Account, Message
from mailroom.data.mail.visibility import may_read, reach_of
from mailroom.data.outbox.models import Draft, DraftFile, Outgoing, Recipient
from mailroom.data.people.models import User

from .contacts import address_row, read_address
from .refusals import Fault, Invalid, clash, invalid, not_allowed

MAX_LETTER = 50 * 1024 * 1024
"""Bytes of a whole letter; servers seldom take more."""
MAX_RECIPIENTS = 500
FIELDS = ("to", "cc", "bcc")

# ------------------------------------------------------------------ writing


@transaction.atomic
def save_draft(*, by: User, values: Mapping[str, Any], draft: Draft | None = None) -> Draft:
    """Keep what is written so far. ``values`` by REST field names; what is left out stays as it is.

    Addresses may still be half written; control characters may not. Raises Invalid, NotAllowed.
    """
    if draft is None:
        draft = Draft(author=by)
    if "account_id" in values or not draft.account_id:
        draft.account = _sender(by, values.get("account_id"))
    faults: list[Fault] = [*_take_recipients(draft, values), *_take_texts(draft, values)]
    if faults:
        raise Invalid(faults)
    for name, given in (("answers", values.get("in_reply_to")), ("forwards", values.get("forwards"))):
        if given not in (None, ""):
            setattr(draft, name, _letter(by, given, name))
    if "confidential" in values:
        draft.confidential = values["confidential"] is True
    draft.save()
    return draft


def default_account(user: User) -> Account | None:
    """The account a user writes from unless they say otherwise."""
    listed = Access.objects.filter(user=user, account__active=True).select_related("account")
    access = listed.order_by("-is_default", "pk").first()
    return access.account if access else None


def _sender(by: User, account_id: object) -> Account:
    """An account that lists the user; without a wish, their default. Raises Invalid, NotAllowed."""
    if account_id in (None, ""):
        account = default_account(by)
        if account is None:
            raise not_allowed("may_not_send", "account_id")
        return account
    text = str(account_id)
    pk = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
    access = Access.objects.filter(user=by, account_id=pk).select_related("account").first()
    if access is None:
        raise not_allowed("may_not_send", "account_id")
    return access.account


def _take_recipients(draft: Draft, values: Mapping[str, Any]) -> Iterable[Fault]:
    for name in FIELDS:
        if name not in values:
            continue
        given = values[name] or []
        if not isinstance(given, (list, tuple)):
            yield Fault(name, "not_a_list")
            continue
        rows = [row for one in given for row in _recipient_rows(one)]
        if any(_BREAK & set(row["name"] + row["address"]) for row in rows):
            yield Fault(name, "line_break")
        setattr(draft, name, rows[:MAX_RECIPIENTS])


_BREAK = set("\r\n\0")


def _recipient_rows(given: object) -> list[dict[str, str]]:
    """One recipient as REST takes it: ``{name, address}``, or a text that may hold several."""
    if isinstance(given, Mapping):
        return [{"name": str(given.get("name") or ""), "address": str(given.get("address") or "").strip(" ")}]
    text = str(given)
    if _BREAK & set(text):
        return [{"name": "", "address": text}]
    return [_written(piece.strip()) for piece in _PIECE.findall(text) if piece.strip()]


# Between commas and semicolons, those in quotes or brackets aside.
_PIECE = re.compile(r"""(?:"[^"]*"|<[^<>]*>|[^,;"<]|["<])+""")


def _written(piece: str) -> dict[str, str]:
    """A reader of headers makes the best of anything; what a person writes is taken as it stands."""
    found = parse_addresses(piece)
    if len(found) == 1 and found[0].host and (piece.endswith(">") or piece == found[0].email):
        return {"name": found[0].name, "address": found[0].email}
    return {"name": "", "address": piece}


def _take_texts(draft: Draft, values: Mapping[str, Any]) -> Iterable[Fault]:
    if "subject" in values:
        draft.subject = str(values["subject"] or "")
        if _BREAK & set(draft.subject):
            yield Fault("subject", "line_break")
        if len(draft.subject) > 2000:
            yield Fault("subject", "too_long", {"limit": 2000})
    for name in ("html", "text"):
        if name in values:
            text = str(values[name] or "")
            if "\0" in text:
                yield Fault(name, "line_break")
            elif len(text) > 4_000_000:
                yield Fault(name, "too_long", {"limit": 4_000_000})
            else:
                setattr(draft, name, clean_html(text) if name == "html" else text)


def clean_html(html: str) -> str:
    """What may leave the house as HTML: no scripts, no forms; pictures and links stay."""
    return safe_html(html, cid_url=lambda content_id: f"cid:{content_id}", remote=True).html if html else ""


def _letter(by: User, given: object, field: str) -> Message:
    """The letter answered or passed on, by its id here or by its Message-ID, if the user may read it."""
    name = {"answers": "in_reply_to"}.get(field, field)
    reach, text = reach_of(by), str(given).strip().removeprefix("<").removesuffix(">")
    if text.isascii() and text.isdigit():
        found = may_read(reach, int(text)) if len(text) < 17 else None
    else:
        copies = Message.objects.filter(mid=text[:998], account__in=reach.on_cards).order_by("pk")[:20]
        found = next((letter for copy in copies if (letter := may_read(reach, copy.pk))), None)
    if found is None:
        raise invalid(name, "unknown_letter")
    return found


@transaction.atomic
def discard(*, draft: Draft) -> None:
    """Throw the draft away."""
    draft.delete()


# ------------------------------------------------------------------ handing over


@dataclass(frozen=True, slots=True)
class Ready:
    """A draft judged and turned into bytes."""

    raw: bytes
    mid: str
    reference: str
    sender: str
    recipients: tuple[tuple[str, Address], ...]


def queue(*, draft: Draft, by: User, idempotency_key: str, hold_seconds: int = 0) -> Outgoing:
    """Hand a draft over to be sent; asking again with the same key gives the same letter.

    The bytes are made once and kept before any row says so; the draft is gone. With ``hold_seconds`` the
    letter waits so long and can still be taken back. Raises Invalid, NotAllowed, Clash.
    """
    known = queued(by=by, account=draft.account, idempotency_key=idempotency_key)
    if known:
        return known
    ready = make_ready(draft=draft, by=by)
    kept = make_durable([ready.raw])
    with transaction.atomic():
        # Two clicks at once: the second waits here, and finds what the first one made.
        still = Draft.objects.select_for_update().filter(pk=draft.pk).first()
        known = queued(by=by, account=draft.account, idempotency_key=idempotency_key)
        if known:
            return known
        if still is None:
            raise clash("sent_already")
        outgoing = _write_down(draft, by, ready, rows_of(kept)[kept[0].digest], idempotency_key, hold_seconds)
        still.delete()
    return outgoing


def queued(*, by: User, account: Account, idempotency_key: str) -> Outgoing | None:
    """What this user handed over under this key before."""
    return Outgoing.objects.filter(author=by, account=account, idempotency_key=idempotency_key).first()


def make_ready(*, draft: Draft, by: User) -> Ready:
    """Judge a draft and make its bytes; writes nothing. Raises Invalid, NotAllowed, Clash."""
    account = draft.account
    if not Access.objects.filter(account=account, user=by).exists():
        raise not_allowed("may_not_send", "account_id")
    if not account.active:
        raise clash("inactive", "account_id")
    content = content_of_draft(draft)
    faults = list(_misspelt(draft)) or [Fault(*_named(error)) for error in compose.check_draft(content)]
    if faults:
        raise Invalid(faults)
    own = parse_addresses(account.email)
    mid = f"{uuid.uuid4().hex}@{host_key(own[0].host) if own else 'localhost'}"
    reference = str(uuid.uuid4())
    raw = compose.compose(content, message_id=mid, date=timezone.localtime(), reference=reference)
    if len(raw) > MAX_LETTER:
        raise invalid("attachments", "too_big", limit=MAX_LETTER // 1024 // 1024)
    sender, _ = compose.envelope(content)
    recipients = tuple((name, one) for name in FIELDS for one in getattr(content, name))
    return Ready(raw, mid, reference, sender, recipients)


def _misspelt(draft: Draft) -> Iterable[Fault]:
    """Recipients that are no addresses; the core is lenient where a header could carry them all the same."""
    for name in FIELDS:
        for row in getattr(draft, name):
            try:
                read_address(row["address"])
            except Invalid:
                yield Fault(name, "bad_address", {"value": row["address"][:100]})


def content_of_draft(draft: Draft) -> compose.DraftContent:
    """The draft in the words of the core, its files read."""
    own = parse_addresses(draft.account.email)
    sender = Address(draft.account.name, own[0].mailbox, own[0].host) if own else Address("", "", "")
    files = list(draft.files.select_related("blob").order_by("pk"))
    parent, chain = _ancestry(draft)
    return compose.DraftContent(
        from_=sender,
        to=_addresses(draft.to),
        cc=_addresses(draft.cc),
        bcc=_addresses(draft.bcc),
        subject=draft.subject,
        html=draft.html or None,
        text=draft.text if draft.text or not draft.html else None,
        in_reply_to=parent,
        references=chain,
        attachments=tuple(_attached(one) for one in files if not one.content_id),
        inline=tuple(_inline(one) for one in files if one.content_id),
    )


def _addresses(rows: Iterable[Mapping[str, str]]) -> tuple[Address, ...]:
    return tuple(_address(row["name"], row["address"]) for row in rows)


def _address(name: str, written: str) -> Address:
    """As written, so that the judge sees what the person wrote; only the split at the last @ is ours."""
    found = parse_addresses(written)
    if len(found) == 1 and found[0].host and found[0].email == written:
        return Address(name or found[0].name, found[0].mailbox, found[0].host)
    mailbox, _, host = written.rpartition("@")
    return Address(name, mailbox, host)


def _ancestry(draft: Draft) -> tuple[str | None, tuple[str, ...]]:
    """Message-ID answered, and the chain of references (RFC 5322 3.6.4)."""
    letter = draft.answers or draft.forwards
    if letter is None:
        return None, ()
    return letter.mid or None if draft.answers else None, chain_of(letter)


def chain_of(message: Message) -> tuple[str, ...]:
    """References of a letter that answers this one, the letter itself last."""
    raw = content_of(message.blob) if message.blob else b""
    header = read_header(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    found = reply.reply_to(header, (), everybody=False).references
    return found or ((message.mid,) if message.mid else ())


def _attached(file: DraftFile) -> compose.AttachedFile:
    return compose.AttachedFile(file.filename, file.content_type, content_of(file.blob))


def _inline(file: DraftFile) -> compose.InlineImage:
    return compose.InlineImage(file.content_id, file.content_type, content_of(file.blob), file.filename)


def _named(error: compose.FieldError) -> tuple[str, str, dict[str, str | int]]:
    key = {
        compose.Fault.LINE_BREAK_OR_NUL: "line_break",
        compose.Fault.MALFORMED_ADDRESS: "bad_address",
        compose.Fault.NO_RECIPIENTS: "no_recipients",
    }.get(error.fault, error.fault.value)
    return {"from": "account_id"}.get(error.field, error.field), key, {"value": error.value[:100]}


def _write_down(
    draft: Draft, by: User, ready: Ready, blob_id: int, idempotency_key: str, hold_seconds: int
) -> Outgoing:
    at = timezone.now()
    outgoing = Outgoing.objects.create(
        account=draft.account,
        author=by,
        idempotency_key=idempotency_key[:64],
        reference=ready.reference,
        mid=ready.mid,
        subject=draft.subject,
        envelope_from=ready.sender,
        blob_id=blob_id,
        state="held" if hold_seconds else "queued",
        next_at=at + timedelta(seconds=hold_seconds),
        answers=draft.answers,
        confidential=draft.confidential,
    )
    Recipient.objects.bulk_create(
        Recipient(
            outgoing=outgoing,
            field=name,
            name=one.name[:200],
            email=one.email,
            address=address_row(one.email, one.name),
        )
        for name, one in ready.recipients
    )
    return outgoing
