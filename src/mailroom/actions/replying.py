"""Answering and passing on: the beginning of a draft, made of a letter that may be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from mailroom.core import reply
from mailroom.core.address import Address, parse_addresses
from mailroom.core.html import plain_html
from mailroom.core.letter import Letter, attachment_bytes, read_letter
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Access, Account, Attachment, Message
from mailroom.data.outbox.models import Draft, Outgoing
from mailroom.data.people.models import User

from .draft_files import attach
from .drafts import clean_html, default_account


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the composer opens with."""

    account: Account | None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    html: str = ""
    answers: Message | None = None
    forwards: Message | None = None
    files: tuple[Attachment, ...] = ()
    """Of the letter passed on: they go along."""


def new_letter(*, by: User, account: Account | None = None, to: str = "", subject: str = "") -> Beginning:
    """A new letter, with the signature of the account."""
    account = account or default_account(by)
    clean = " ".join(subject.split())[:2000]
    return Beginning(account, to=parse_addresses(to)[:50], subject=clean, html=_under("", account))


def answer(*, by: User, message: Message, everybody: bool, intro: Callable[[Letter], str]) -> Beginning:
    """An answer from the mailbox that received the letter (P34); ``intro`` says who wrote when."""
    letter = _read(message)
    account = _mailbox_of(by, message)
    found = reply.reply_to(letter, _own(by, account), everybody=everybody)
    quoted = reply.quote(letter.text, intro=intro(letter)).html
    return Beginning(
        account, found.to, found.cc, found.subject, html=_under(quoted, account), answers=message
    )


def forward(*, by: User, message: Message, intro: Callable[[Letter], str]) -> Beginning:
    """A letter passed on, with its files."""
    letter = _read(message)
    account = _mailbox_of(by, message)
    quoted = f"<p>{plain_html(intro(letter))}</p><p>{plain_html(letter.text)}</p>"
    files = tuple(Attachment.objects.filter(message=message, inline=False).order_by("index"))
    subject = reply.forward(letter).subject
    return Beginning(account, subject=subject, html=_under(quoted, account), forwards=message, files=files)


def _read(message: Message) -> Letter:
    return read_letter(content_of(message.blob) if message.blob else b"")


def _mailbox_of(by: User, message: Message) -> Account | None:
    """The account that received it or has a copy, if the user writes from it; else their default."""
    listed = Access.objects.filter(user=by, account__active=True).select_related("account")
    own = {access.account_id: access.account for access in listed}
    if message.account_id in own:
        return own[message.account_id]
    copies = Message.objects.filter(letter_key=message.letter_key, account__in=own)
    first = copies.order_by("pk").values_list("account_id", flat=True).first()
    return own[first] if first else default_account(by)


def _own(by: User, account: Account | None) -> list[Address]:
    """Addresses an answer never goes to: those the user writes from, and the user's own."""
    emails = list(Account.objects.filter(accesses__user=by).values_list("email", flat=True))
    emails += [account.email] if account else []
    return [one for email in [*emails, by.email] for one in parse_addresses(email)]


def _under(quoted: str, account: Account | None) -> str:
    """An empty paragraph to begin in, the signature, then what is quoted."""
    signature = account.signature_html if account else ""
    return f"<p></p>{f'<p>-- </p>{signature}' if signature else ''}{quoted}"


@transaction.atomic
def draft_again(*, by: User, outgoing: Outgoing) -> Draft:
    """A letter that was taken back, or never went out, as a draft again, made of its own bytes."""
    raw = content_of(outgoing.blob)
    letter = read_letter(raw)
    draft = Draft(account=outgoing.account, author=by, subject=letter.subject, answers=outgoing.answers)
    draft.html, draft.text = clean_html(letter.html or ""), "" if letter.html else letter.text
    draft.confidential = outgoing.confidential
    for row in outgoing.recipients.order_by("pk"):
        getattr(draft, row.field).append({"name": row.name, "address": row.email})
    draft.save()
    for file in letter.attachments:
        attach(
            draft=draft,
            filename=file.filename or "file",
            content_type=file.content_type,
            content=attachment_bytes(raw, file),
            content_id=file.content_id or "" if file.inline else "",
        )
    return draft
