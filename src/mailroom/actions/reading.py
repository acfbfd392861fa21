"""Setting marks on letters: what the user sees changes at once, the server hears of it by an intent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from mailroom.core.sync.state import ANSWERED, FLAGGED, SEEN, Flags
from mailroom.data.mail import rows as list_rows
from mailroom.data.mail.flagtext import flags_of, flags_text
from mailroom.data.mail.models import Account, Intent, News, Placement
from mailroom.data.mail.visibility import Reach, reach_of
from mailroom.data.people.models import User


def mark_seen(user: User | Reach, message_ids: Sequence[int], *, seen: bool = True) -> int:
    """Mark letters read or unread in the mailboxes that list the user; returns how many changed."""
    return _mark(user, message_ids, SEEN, wanted=seen)


def flag(user: User | Reach, message_ids: Sequence[int], *, flagged: bool = True) -> int:
    """Put a star on letters or take it off; returns how many changed."""
    return _mark(user, message_ids, FLAGGED, wanted=flagged)


@transaction.atomic
def mark_answered(message_id: int, *, by_id: int | None) -> None:
    """A reply has been sent: the letter carries the mark in its mailbox."""
    _change(_live_placements([message_id]), ANSWERED, wanted=True, by_id=by_id)


@transaction.atomic
def _mark(user: User | Reach, message_ids: Sequence[int], mark: str, *, wanted: bool) -> int:
    reach = user if isinstance(user, Reach) else reach_of(user)
    # Seen and flagged belong to the mailbox: whoever merely may read it does not touch them.
    placements = [one for one in _live_placements(message_ids) if one.account_id in reach.listed_ids]
    return _change(placements, mark, wanted=wanted, by_id=reach.user_id)


def _live_placements(message_ids: Sequence[int]) -> list[Placement]:
    return list(
        Placement.objects.select_for_update(of=("self",))
        .filter(message__in=message_ids, state=Placement.State.LIVE)
        .select_related("message", "account")
        .order_by("pk")
    )


def _change(placements: Iterable[Placement], mark: str, *, wanted: bool, by_id: int | None) -> int:
    at = timezone.now()
    changed = [one for one in placements if (mark in flags_of(one.local)) != wanted]
    for placement in changed:
        local = flags_of(placement.local)
        set_local(placement, local | {mark} if wanted else local - {mark})
        _intend(placement, mark, wanted=wanted, by_id=by_id, at=at)
    list_rows.refresh(one.message.thread_id for one in changed)
    for account_id in sorted({one.account_id for one in changed}):
        about = {"messages": [one.message_id for one in changed if one.account_id == account_id]}
        News.objects.create(account_id=account_id, kind=News.Kind.CHANGED, about=about, at=at)
    return len(changed)


def set_local(placement: Placement, flags: Flags) -> None:
    """What the user sees of this placement from now on."""
    placement.local = flags_text(flags)
    placement.seen, placement.flagged = SEEN in flags, FLAGGED in flags
    placement.answered = ANSWERED in flags
    placement.save(update_fields=["local", "seen", "flagged", "answered"])


def _intend(placement: Placement, mark: str, *, wanted: bool, by_id: int | None, at: datetime) -> None:
    """One delta for the server; an opposite one that waits is answered by this, not added to."""
    if placement.server_folder_id is None or _outside_window(placement, at):
        return
    waiting = Intent.objects.filter(placement=placement, kind=Intent.Kind.FLAGS, phase=Intent.Phase.PENDING)
    told = False
    for intent in waiting:
        if mark in (*intent.add, *intent.remove):
            intent.phase, intent.ended_at = Intent.Phase.SUPERSEDED, at
            intent.save(update_fields=["phase", "ended_at"])
            told |= intent.attempts > 0
    # What was sent already may have worked without being observed: then base is out of date.
    if not told and (mark in flags_of(placement.base)) == wanted:
        return
    Intent.objects.create(
        account_id=placement.account_id,
        kind=Intent.Kind.FLAGS,
        message_id=placement.message_id,
        placement=placement,
        server_folder_id=placement.server_folder_id,
        add=[mark] if wanted else [],
        remove=[] if wanted else [mark],
        next_at=at,
        by_id=by_id,
        created_at=at,
    )


def _outside_window(placement: Placement, at: datetime) -> bool:
    """Flags of older mail are not kept in step (S1-17): the change stays here."""
    account: Account = placement.account
    internal_at = placement.message.internal_at
    return bool(account.flag_days and internal_at and internal_at < at - timedelta(days=account.flag_days))
