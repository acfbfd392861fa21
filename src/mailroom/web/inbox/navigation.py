"""The left pane: the inbox of all, and each mailbox with its state and folders."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest

from mailroom.data.mail.models import Account, Folder
from mailroom.web import access

_ORDER: dict[str | None, int] = {
    Folder.Role.INBOX: 0,
    Folder.Role.SENT: 1,
    Folder.Role.DRAFTS: 2,
    None: 3,
    Folder.Role.SPAM: 4,
    Folder.Role.TRASH: 5,
}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox in the pane."""

    account: Account
    folders: tuple[Folder, ...]
    listed: bool
    """The viewer is on its list, so it is one of theirs; the others fold away."""

    @property
    def percent(self) -> int:
        """How much of the first sync is done; never 100 while it lasts."""
        total = self.account.progress_total
        return min(99, self.account.progress_stored * 100 // total) if total else 0


@dataclass(frozen=True, slots=True)
class Navigation:
    """All of the pane."""

    mine: tuple[Mailbox, ...]
    others: tuple[Mailbox, ...]
    inbox: tuple[Folder, ...]
    """What the inbox of all is made of."""

    @property
    def unread(self) -> int:
        """Unread letters in the inbox of all."""
        return sum(folder.unread for folder in self.inbox)

    @property
    def empty(self) -> bool:
        """Nothing is connected that the viewer could read."""
        return not self.mine and not self.others

    @property
    def busy(self) -> tuple[Mailbox, ...]:
        """Mailboxes of the viewer whose first sync is under way."""
        return tuple(box for box in self.mine if box.account.state == Account.State.FIRST_SYNC)


def navigation(request: HttpRequest) -> Navigation:
    """The pane of the viewer: two queries."""
    reach = access.reach(request)
    folders: dict[int, list[Folder]] = defaultdict(list)
    # System folders always exist; one without mail that nobody looks for would only be noise.
    for folder in access.folders(request).filter(Q(role__isnull=False) | Q(total__gt=0) | Q(local=True)):
        folders[folder.account_id].append(folder)
    boxes = [
        Mailbox(account, in_order(folders[account.pk]), account.pk in reach.listed_ids)
        for account in access.mailboxes(request)
    ]
    mine = tuple(box for box in boxes if box.listed)
    others = tuple(box for box in boxes if not box.listed)
    inbox = tuple(
        folder for box in mine or others for folder in box.folders if folder.role == Folder.Role.INBOX
    )
    return Navigation(mine, others, inbox)


def in_order(folders: list[Folder]) -> tuple[Folder, ...]:
    """The folders of a mailbox as people expect them: what comes in first, what is thrown away last."""
    return tuple(sorted(folders, key=lambda one: (_ORDER[one.role], one.name_key, one.pk)))
