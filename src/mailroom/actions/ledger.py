"""Is everything here? on the server = stored + waiting + filtered + before the start date + parked + purged.

Every figure is counted by itself; none is made by subtracting the others, or the ledger would prove nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db.models import Count, Q, Sum

from mailroom.data.mail.models import Account, Message, Parked, Placement, PopUidl, ServerFolder

POP3 = Account.Protocol.POP3


@dataclass(frozen=True, slots=True)
class Ledger:
    """Placements in subscribed folders, or messages of a POP3 maildrop, each in exactly one place."""

    on_server: int
    """EXISTS, or the length of the listing, at the last complete look."""
    stored: int
    waiting: int
    """Known to exist, not stored yet, or headers without body."""
    filtered: int
    before_start: int
    parked: int
    """Could not be processed, or larger than the cap."""
    purged: int
    """Purged here and still on the server."""

    @property
    def difference(self) -> int:
        """What no column explains; anything but 0 is red."""
        explained = self.stored + self.waiting + self.filtered + self.before_start + self.parked + self.purged
        return self.on_server - explained

    @property
    def in_step(self) -> bool:
        """Balanced, and nothing waits."""
        return not self.difference and not self.waiting

    @property
    def in_range(self) -> int:
        """Letters on the server that are to be stored here."""
        return self.on_server - self.before_start - self.filtered - self.purged

    def as_dict(self) -> dict[str, int]:
        """As REST shows it."""
        return asdict(self)


def ledger_of(account: Account | int) -> Ledger:
    """Count an account anew."""
    account_id = account if isinstance(account, int) else account.pk
    folders = ServerFolder.objects.filter(account=account_id, subscribed=True)
    sums = folders.aggregate(
        on_server=Sum("on_server", default=0),
        waiting=Sum("waiting", default=0),
        filtered=Sum("filtered", default=0),
        before_start=Sum("before_start", default=0),
    )
    placed, popped = _placed(account_id), _popped(account_id)
    return Ledger(
        on_server=sums["on_server"],
        stored=placed["stored"] + popped["stored"],
        waiting=sums["waiting"] + placed["header"],
        filtered=sums["filtered"],
        before_start=sums["before_start"] + popped["before_start"],
        parked=placed["too_big"] + popped["parked"] + _parked(account_id),
        purged=placed["purged"] + popped["purged"],
    )


def _placed(account_id: int) -> dict[str, int]:
    purged = Q(message__fate=Message.Fate.PURGED)
    state = "message__body_state"
    return Placement.objects.filter(
        server_folder__account=account_id,
        server_folder__subscribed=True,
        state=Placement.State.LIVE,
        uid__isnull=False,
    ).aggregate(
        stored=Count("pk", filter=~purged & Q(**{state: Message.BodyState.FULL})),
        header=Count("pk", filter=~purged & Q(**{state: Message.BodyState.HEADER})),
        too_big=Count("pk", filter=~purged & Q(**{state: Message.BodyState.TOO_BIG})),
        purged=Count("pk", filter=purged),
    )


def _popped(account_id: int) -> dict[str, int]:
    """The messages of a POP3 maildrop that were there at the last look, by what became of them."""
    kept = Q(message__isnull=False) & ~Q(message__fate=Message.Fate.PURGED)
    return PopUidl.objects.filter(account=account_id, account__protocol=POP3, gone_at=None).aggregate(
        stored=Count("pk", filter=Q(outcome="stored") & kept),
        purged=Count("pk", filter=Q(outcome="stored") & ~kept),
        before_start=Count("pk", filter=Q(outcome="before_start")),
        parked=Count("pk", filter=Q(outcome="parked")),
    )


def _parked(account_id: int) -> int:
    """Of IMAP: with POP3 what is parked may have left the server, and its row says so."""
    parked = Parked.objects.filter(server_folder__account=account_id, server_folder__subscribed=True)
    return parked.exclude(account__protocol=POP3).count()
