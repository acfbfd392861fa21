"""A small firm for tests: Alice owns, Bob shares, Charlie must see nothing, Dora administers.

Letters go in as real bytes through the real ingest, so what a test finds is what a mailbox would show.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from django.utils import timezone

from mailroom.actions import accounts, ingest, people
from mailroom.core.letter import read_letter
from mailroom.core.sync.state import Flags
from mailroom.data.blobs import keeping
from mailroom.data.mail.models import Account, Folder, Message, ServerFolder
from mailroom.data.people.models import Firm, Role, User

PASSWORD: Final = "correct horse"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class World:
    """The cast and their mailboxes: `sales` is Alice's and Bob's, `alices` Alice's alone."""

    firm: Firm
    alice: User
    bob: User
    charlie: User
    dora: User
    sales: Account
    alices: Account


def make_world() -> World:
    """The firm with its cast and two mailboxes, without a letter."""
    firm = Firm.objects.create(pk=1, name="Acme", language="en", timezone="Europe/Warsaw")
    alice, bob, charlie = (make_user(name) for name in ("Alice Nowak", "Bob Rossi", "Charlie Smith"))
    dora = make_user("Dora Admin", role=Role.ADMINISTRATOR)
    sales = make_account("Sales", "sales@acme.example", [alice, bob], by=dora)
    alices = make_account("Alice", "alice@acme.example", [alice], by=dora)
    return World(firm, alice, bob, charlie, dora, sales, alices)


def make_user(name: str, *, role: str = Role.EMPLOYEE) -> User:
    """A user whose address is the first name at acme.example and whose password is PASSWORD."""
    email = f"{name.split()[0].lower()}@acme.example"
    return people.create_user(email=email, name=name, role=role, password=PASSWORD)


def make_account(name: str, address: str, users: Iterable[User], *, by: User) -> Account:
    """A mailbox that lists `users`, in step; `by` must be an administrator."""
    account = accounts.connect(
        by=by,
        values={
            "address": address,
            "name": name,
            "password": "secret of the mailbox",
            "incoming": {"host": "mail.acme.example", "port": 993, "encryption": "tls"},
            "outgoing": {"host": "mail.acme.example", "port": 465, "encryption": "tls"},
            "users": [user.pk for user in users],
        },
    )
    Account.objects.filter(pk=account.pk).update(state=Account.State.LIVE, last_in_step_at=timezone.now())
    account.refresh_from_db()
    return account


def folder_of(account: Account, role: str = "inbox") -> Folder:
    """The system folder of a mailbox."""
    return Folder.objects.get(account=account, role=role)


def deliver(
    account: Account,
    *letters: bytes,
    role: str = "inbox",
    flags: Flags = frozenset(),
    announce: bool = True,
    confidential: bool = False,
    at: datetime | None = None,
) -> list[int]:
    """The letters arrive in a folder of the mailbox, as the engine would store them; answers their ids."""
    folder = folder_of(account, role)
    server_folder = _server_folder(account, folder)
    kept = keeping.make_durable(letters)
    arrivals = tuple(
        ingest.Arrival(
            letter=read_letter(raw),
            folder_id=folder.pk,
            kept=blob,
            size=len(raw),
            server_folder_id=server_folder.pk,
            uidvalidity=1,
            uid=next(_numbers),
            flags=flags,
            internal_at=at,
            confidential=confidential,
        )
        for raw, blob in zip(letters, kept, strict=True)
    )
    stored = ingest.store(
        ingest.Batch(account_id=account.pk, arrivals=arrivals, at=timezone.now(), announce=announce)
    )
    return list(stored.message_ids)


def deliver_one(account: Account, raw: bytes, **how: object) -> Message:
    """One letter arrives; answers its row."""
    return Message.objects.get(pk=deliver(account, raw, **how)[0])  # type: ignore[arg-type]


def letter(
    subject: str = "Offer 118/2026",
    text: str = "Dzień dobry,\n\npotwierdzam termin dostawy na 4 grudnia.\n\nMarta Nowak",
    *,
    sender: str = "Marta Nowak <marta@nowak.example>",
    to: str = "sales@acme.example",
    cc: str = "",
    html: str | None = None,
    files: Sequence[tuple[str, str, bytes]] = (),
    answers: str = "",
    mid: str = "",
    at: datetime | None = None,
    ago: timedelta = timedelta(),
) -> bytes:
    """The bytes of a letter. `files` are (name, content type, bytes); `answers` is a Message-ID."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, sender, to
    if cc:
        message["Cc"] = cc
    when = (at or timezone.now()) - ago
    message["Date"] = format_datetime(when)
    message["Message-ID"] = f"<{mid or f'letter-{next(_numbers)}@nowak.example'}>"
    if answers:
        message["In-Reply-To"] = message["References"] = f"<{answers}>"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for name, kind, content in files:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def _server_folder(account: Account, folder: Folder) -> ServerFolder:
    name = "INBOX" if folder.role == Folder.Role.INBOX else folder.name
    found, _ = ServerFolder.objects.get_or_create(
        account=account,
        raw_name=name.encode(),
        defaults={
            "name": name,
            "folder": folder,
            "subscribed": True,
            "uidvalidity": 1,
            "role": folder.role or "",
        },
    )
    return found
