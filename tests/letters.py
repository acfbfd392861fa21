"""Letters for tests: written here in a few lines, and put into accounts the way the engine does it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from mailroom.actions.ingest import Arrival, Batch, Stored, store
from mailroom.core.letter import read_letter
from mailroom.core.sync.state import Flags
from mailroom.data.blobs import keeping
from mailroom.data.contacts.models import Address
from mailroom.data.mail.models import Access, Account, Folder, ServerFolder
from mailroom.data.people.models import Role, User
from mailroom.data.vault.models import Secret

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def raw(
    subject: str = "Offer",
    *,
    mid: str | None = "one@client.example",
    sender: str = "Luca Bianchi <luca@client.example>",
    to: str = "Sales <sales@firm.example>",
    cc: str = "",
    answers: str = "",
    minutes: int = 0,
    body: str = "Buongiorno, in allegato la fattura.",
    extra: str = "",
) -> bytes:
    """A plain letter, ``minutes`` after 2 November 2026, 8:00 UTC."""
    at = START + timedelta(minutes=minutes)
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000"]
    lines += [f"Cc: {cc}"] * bool(cc) + [f"Message-ID: <{mid}>"] * bool(mid)
    lines += [f"In-Reply-To: <{answers}>"] * bool(answers) + [extra] * bool(extra)
    head = "\r\n".join([*lines, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"])
    return f"{head}\r\n\r\n{body}\r\n".encode()


def user(name: str = "Alice", role: str = Role.EMPLOYEE, **rights: Any) -> User:
    """A user ``<name>@firm.example``."""
    return User.objects.create_user(
        f"{name.lower()}@firm.example", "a good secret", name=name, role=role, **rights
    )


def account(email: str = "sales@firm.example", *, users: Iterable[User] = (), **fields: Any) -> Account:
    """An account with the five system folders and an INBOX and a Sent on the server."""
    address, _ = Address.objects.get_or_create(
        key=email, defaults={"email": email, "host": email.partition("@")[2]}
    )
    servers = {"incoming_host": "mail.firm.example", "outgoing_host": "mail.firm.example"}
    servers |= {
        "incoming_port": 993,
        "outgoing_port": 465,
        "incoming_encryption": "tls",
        "outgoing_encryption": "tls",
    }
    made = Account.objects.create(
        email=email,
        address=address,
        name=email,
        name_key=email,
        login=email,
        secret=Secret.keep("x"),
        **servers,
        **fields,
    )
    for one in users:
        Access.objects.create(account=made, user=one)
    for role in Folder.Role.values:
        folder = Folder.objects.create(account=made, name=role, name_key=role, role=role)
        ServerFolder.objects.create(
            account=made,
            raw_name=role.encode(),
            name=role,
            role=role,
            folder=folder,
            subscribed=True,
            uidvalidity=1,
        )
    return made


def arrival(
    made: Account, content: bytes, *, uid: int | None, role: str = "inbox", flags: Flags = frozenset()
) -> Arrival:
    """``content`` as found under ``uid`` in the server folder of that role; its bytes are durable."""
    place = ServerFolder.objects.get(account=made, role=role)
    assert place.folder_id is not None
    return Arrival(
        letter=read_letter(content),
        folder_id=place.folder_id,
        kept=keeping.make_durable([content])[0],
        size=len(content),
        server_folder_id=place.pk,
        uidvalidity=1,
        uid=uid,
        flags=flags,
        internal_at=START,
    )


def put(
    made: Account, *contents: bytes, role: str = "inbox", first_uid: int = 1, flags: Flags = frozenset()
) -> Stored:
    """Store letters under successive UIDs."""
    arrivals = tuple(
        arrival(made, content, uid=first_uid + offset, role=role, flags=flags)
        for offset, content in enumerate(contents)
    )
    return store(Batch(made.pk, arrivals, timezone.now()))
