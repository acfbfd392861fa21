"""A mailbox on a real Dovecot, its account here, and a second client that does what people do elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from mailroom.actions import health, leases
from mailroom.data.contacts.models import Address
from mailroom.data.mail.models import Account, Folder, Message, Placement
from mailroom.data.vault.models import Secret
from mailroom.engine import sync
from mailroom.engine.connecting import open_mailbox
from mailroom.wire.imap.session import ImapSession
from mailroom.wire.mailbox import MailServer
from mailroom.wire.sign_in import Password
from tests import letters
from tests.servers.dovecot import PASSWORD, Dovecot


@dataclass
class Mailbox:
    """One user of a Dovecot and the account that is connected to it."""

    server: Dovecot
    user: str
    account: Account

    def deliver(self, count: int = 1, *, folder: str = "INBOX", start: int = 0, **how: Any) -> None:
        """Letters numbered from ``start``, one a minute, each with an id and a body of its own."""
        for number in range(start, start + count):
            raw = letters.raw(
                f"Letter {number}", mid=f"{folder}-{number}@x.example", minutes=number, body=f"Body {number}."
            )
            self.server.deliver(self.user, raw, folder, at=how.get("at"), flags=how.get("flags", ""))

    def sync(self, *, connect: Callable[[Account], MailServer] = open_mailbox, **how: Any) -> sync.Result:
        """One pass as the engine does it, lease included."""
        lease = leases.claim(self.account.pk, "test", timezone.now())
        assert lease is not None
        try:
            result = sync.sync_account(lease, connect=connect, **how)
            health.finish(lease, in_step=result.in_step, soon=result.soon, at=timezone.now())
        finally:
            leases.release(lease, next_at=None)
        self.account.refresh_from_db()
        return result

    @contextmanager
    def elsewhere(self) -> Iterator[ImapSession]:
        """Another mail program, signed in to the same mailbox."""
        with ImapSession.open(
            self.server.endpoint(), self.server.trust, Password(self.user, PASSWORD)
        ) as session:
            yield session

    # --- what is here

    def ids(self, folder: str = "INBOX") -> dict[str, int]:
        """Subject to message id of what sits in a server folder."""
        return dict(
            self._live().filter(server_folder__name=folder).values_list("message__subject", "message_id")
        )

    def flags(self, folder: str = "INBOX") -> dict[str, str]:
        """Subject to the flags a user sees."""
        return dict(self._live().filter(server_folder__name=folder).values_list("message__subject", "local"))

    def count(self) -> int:
        return Message.objects.filter(account=self.account).count()

    def _live(self) -> Any:
        return Placement.objects.filter(account=self.account, state=Placement.State.LIVE)


def make_mailbox(server: Dovecot, user: str, **fields: Any) -> Mailbox:
    """Connect a user of the server; ``fields`` are columns of the account."""
    address = Address.objects.create(key=user, email=user, host=user.partition("@")[2])
    columns: dict[str, Any] = {
        "incoming_host": server.host,
        "incoming_port": server.imaps_port,
        "incoming_encryption": "tls",
        "outgoing_host": server.host,
        "outgoing_port": 465,
        "outgoing_encryption": "tls",
    }
    account = Account.objects.create(
        email=user,
        address=address,
        name=user,
        name_key=user,
        login=user,
        secret=Secret.keep(PASSWORD),
        next_at=timezone.now(),
        **columns | fields,
    )
    for role in Folder.Role:
        Folder.objects.create(account=account, role=role, name=role.value.title(), name_key=role.value)
    return Mailbox(server, user, account)


def on_day(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=letters.START.tzinfo)
