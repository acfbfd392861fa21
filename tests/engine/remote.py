"""A mailbox on a server in memory: every call of a pass can be the last one before the power fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from mailroom.actions import health, leases
from mailroom.core.sync.state import Tier
from mailroom.data.mail.models import Access, Account, Folder, Placement, ServerFolder
from mailroom.data.people.models import User
from mailroom.engine import sync
from mailroom.wire.failures import Failure
from mailroom.wire.memory import MemoryServer
from tests import letters

CHANGING = {"move", "copy", "store_flags", "uid_expunge", "append", "create_folder"}


@dataclass
class Remote:
    """A server, its account here, and Alice who is on its list."""

    server: MemoryServer
    account: Account
    alice: User

    def deliver(self, count: int = 1, *, folder: bytes = b"INBOX", start: int = 0) -> None:
        for number in range(start, start + count):
            raw = letters.raw(
                f"Letter {number}", mid=f"{number}@x.example", minutes=number, body=f"Body {number}."
            )
            self.server.deliver(raw, folder, at=letters.START)

    def sync(self, **how: Any) -> sync.Result:
        """One pass, whatever waits is due."""
        lease = leases.claim(self.account.pk, "test", timezone.now())
        assert lease is not None
        self.account.intents.update(next_at=timezone.now())
        try:
            result = sync.sync_account(lease, connect=lambda account: self.server.open(), **how)
            health.finish(lease, in_step=result.in_step, soon=result.soon, at=timezone.now())
        finally:
            leases.release(lease, next_at=None)
        self.account.refresh_from_db()
        return result

    def sync_cut(self, after: int, *, answered: bool) -> bool:
        """A pass that ends at its call number ``after``; False when it came to its end before."""
        self.server.cut(after=after, answered=answered)
        before = len(self.server.calls)
        try:
            self.sync()
        except Failure:
            return True
        finally:
            self.server._faults.clear()
        return len(self.server.calls) - before > after

    # --- what is where

    def there(self) -> dict[str, list[str]]:
        """Folder to the subjects on the server, marked ones with a star."""
        return {
            name.decode(): sorted(
                _subject(one.raw) + "*" * ("\\Deleted" in one.flags) for one in folder.letters.values()
            )
            for name, folder in self.server.folders.items()
            if folder.letters
        }

    def here(self) -> dict[str, list[str]]:
        """Folder that people see to the subjects in it."""
        live = Placement.objects.filter(account=self.account, state=Placement.State.LIVE)
        live = live.exclude(message__fate="purged")
        shown: dict[str, set[str]] = {}
        for name, subject in live.values_list("folder__name", "message__subject"):
            shown.setdefault(name, set()).add(subject)
        return {name: sorted(subjects) for name, subjects in shown.items()}

    def ids(self) -> dict[str, int]:
        return dict(self.account.messages.values_list("subject", "pk"))

    def folder(self, name: str) -> Folder:
        return Folder.objects.get(account=self.account, name=name)

    def commands(self) -> Counter[str]:
        """The calls so far that change something on the server."""
        return Counter(call for call in self.server.calls if call in CHANGING)

    def bodies(self) -> int:
        return self.server.calls.count("fetch_bodies")


def make_remote(
    *,
    tier: Tier = Tier.QRESYNC,
    move: bool = True,
    uidplus: bool = True,
    folders: Iterable[tuple[bytes, str]] = ((b"Archive", ""), (b"Trash", "\\trash"), (b"Junk", "\\junk")),
    **fields: Any,
) -> Remote:
    server = MemoryServer(tier=tier, move=move, uidplus=uidplus)
    for name, use in folders:
        server.add_folder(name, [use] if use else [])
    alice = letters.user()
    account = letters.account(**fields)
    ServerFolder.objects.filter(account=account).delete()
    for folder in Folder.objects.filter(account=account):
        folder.name = folder.name.title()
        folder.save()
    Access.objects.create(account=account, user=alice)
    return Remote(server, account, alice)


def _subject(raw: bytes) -> str:
    return next(line[9:] for line in raw.decode().split("\r\n") if line.startswith("Subject: "))
