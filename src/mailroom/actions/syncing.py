"""What a pass reads from the rows before it asks the core, and how the steps of a plan become rows.

Each call of :func:`apply` is one transaction under the fence. What a user changed between the reading and
the writing is merged again, never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from mailroom.core.sync.plan import Intent as FlagIntent
from mailroom.core.sync.state import Checkpoint, LocalFolder, PlacementState
from mailroom.core.sync.steps import (
    Advance,
    Forget,
    Hold,
    Outcome,
    Relink,
    Restore,
    SetFlags,
    Settle,
    Skip,
    Step,
    Unlink,
)
from mailroom.data.mail import rows
from mailroom.data.mail.models import Account, Intent, News, Parked, Placement, ServerFolder

from . import placing, uidset
from .leases import Lease, insist
from .ledger import ledger_of
from .placing import Applied, Sight, parse_flags

Counters = Mapping[str, Any]
"""Columns of a ServerFolder learned in the same look (on_server, waiting, tier, scanned_at, …)."""


POSTPONED = timedelta(minutes=5)


def ledger(account: Account | int) -> dict[str, int]:
    """The six columns and their sum as they are shown (see :mod:`mailroom.actions.ledger`)."""
    return ledger_of(account).as_dict()


# ------------------------------------------------------------------ reading


def load(folder: ServerFolder, *, frozen_before: datetime | None = None) -> LocalFolder:
    """Everything stored about a server folder, under its present numbering.

    ``frozen_before``: letters older than this are outside the flag window (S1-18).
    """
    placements: dict[int, PlacementState] = {}
    numbered = Placement.objects.filter(
        server_folder=folder, uidvalidity=folder.uidvalidity, uid__isnull=False
    ).values_list("pk", "message_id", "uid", "base", "local", "modseq", "state", "message__internal_at")
    for pk, message_id, uid, base, local, modseq, state, internal_at in numbered:
        assert uid is not None
        placements[uid] = PlacementState(
            placement_id=pk,
            message_id=message_id,
            uid=uid,
            base=parse_flags(base),
            local=parse_flags(local),
            modseq=modseq,
            unlinked=state != Placement.State.LIVE,
            frozen=bool(frozen_before and internal_at and internal_at < frozen_before),
        )
    checkpoint = Checkpoint(folder.uidvalidity, folder.uidnext, folder.highestmodseq)
    return LocalFolder(checkpoint, placements, uidset.read(folder.known_uids))


def flag_intents(folder: ServerFolder) -> list[FlagIntent]:
    """Live changes of flags whose letter sits in this folder."""
    found = Intent.objects.filter(
        kind=Intent.Kind.FLAGS, phase__in=Intent.LIVE, placement__server_folder=folder
    ).order_by("pk")
    return [
        FlagIntent(pk, placement_id, frozenset(add), frozenset(remove))
        for pk, placement_id, add, remove in found.values_list("pk", "placement_id", "add", "remove")
    ]


def with_intents(account_id: int) -> set[int]:
    """Server folders of an account where changes of flags wait to be sent or observed."""
    live = Intent.objects.filter(account=account_id, kind=Intent.Kind.FLAGS, phase__in=Intent.LIVE)
    found = live.values_list("placement__server_folder_id", flat=True)
    return {pk for pk in found if pk is not None}


def about_to_send(lease: Lease, intents: Iterable[FlagIntent]) -> list[FlagIntent]:
    """Write down that these changes are on their way; returns those that nobody took back meanwhile.

    A change taken back later knows by ``attempts`` that the server may have heard of it.
    """
    by_id = {intent.intent_id: intent for intent in intents}
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        live = Intent.objects.filter(pk__in=list(by_id), phase__in=Intent.LIVE)
        ids = sorted(live.values_list("pk", flat=True))
        live.update(attempts=F("attempts") + 1)
    return [by_id[pk] for pk in ids]


def postpone(lease: Lease, *, began_at: datetime, at: datetime) -> None:
    """What this pass could not bring to its end does not make the account due again at once."""
    waiting = Intent.objects.filter(
        account=lease.account_id, phase__in=Intent.LIVE, created_at__lte=began_at, next_at__lte=at
    )
    if waiting.exists():
        with transaction.atomic():
            insist(lease.account_id, lease.fence)
            waiting.update(next_at=at + POSTPONED)


# ------------------------------------------------------------------ writing


def apply(
    lease: Lease,
    folder: ServerFolder,
    steps: Sequence[Step],
    at: datetime,
    *,
    local: LocalFolder | None = None,
    sights: Mapping[int, Sight] | None = None,
    uidvalidity: int | None = None,
    counters: Counters | None = None,
) -> Applied:
    """Write the steps of a plan that concern rows, in their order, in one transaction under the fence.

    ``local`` is what the plan was made from; ``sights`` tell the flags of relinked UIDs; ``uidvalidity``
    is the numbering those UIDs belong to, where it is not the folder's own. Steps for the network
    (StoreFlags, Fetch, FullScan, Rekey) are passed over.
    """
    done = Applied()
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        folder.refresh_from_db()
        if local is not None:
            frozen = frozenset(item.placement_id for item in local.placements.values() if item.frozen)
            placing.set_flags([step for step in steps if isinstance(step, SetFlags)], frozen, done)
        for step in steps:
            match step:
                case Settle():
                    _settle(step, at)
                case Skip():
                    skip(folder, step.uids)
                case Unlink():
                    placing.unlink(step.placement_ids, at, done)
                case Restore():
                    placing.restore(step.placement_ids, done)
                case Relink():
                    number = folder.uidvalidity if uidvalidity is None else uidvalidity
                    placing.relink(folder, step, number, (sights or {}).get(step.uid, Sight()), done)
                case Forget():
                    forget(folder, step.uids)
                case Hold():
                    folder.held_reason, folder.held_at = step.reason.value, folder.held_at or at
                case Advance():
                    _advance(folder, step.checkpoint)
                case _:
                    pass
        for name, value in (counters or {}).items():
            setattr(folder, name, value)
        save_progress(folder)
        if done.threads:
            rows.refresh(done.threads)
            about = {"threads": sorted(done.threads)[:50]}
            News.objects.create(account_id=lease.account_id, kind=News.Kind.CHANGED, about=about, at=at)
    return done


_PROGRESS = (
    "uidvalidity",
    "generation",
    "uidnext",
    "highestmodseq",
    "known_uids",
    "judged_by_date",
    "tier",
    "permanent_flags",
    "read_only",
    "on_server",
    "before_start",
    "filtered",
    "waiting",
    "counted_at",
    "scanned_at",
    "held_reason",
    "held_at",
    "error_kind",
    "error_words",
)


def save_progress(folder: ServerFolder) -> None:
    """Write the columns of a pass, if any differs from its row: a quiet pass writes nothing."""
    before = ServerFolder.objects.filter(pk=folder.pk).values(*_PROGRESS).get()
    changed = [name for name in _PROGRESS if before[name] != getattr(folder, name)]
    if changed:
        folder.save(update_fields=changed)


def _settle(step: Settle, at: datetime) -> None:
    phase = Intent.Phase.SUPERSEDED if step.outcome is Outcome.SUPERSEDED else Intent.Phase.OBSERVED
    kind = "local_only" if step.outcome is Outcome.LOCAL_ONLY else ""
    live = Intent.objects.filter(pk=step.intent_id, phase__in=Intent.LIVE)
    live.update(phase=phase, error_kind=kind, ended_at=at)


def skip(folder: ServerFolder, uids: Iterable[int]) -> None:
    """Before the start date: counted, remembered, left where they are. The caller saves."""
    known = uidset.read(folder.known_uids)
    new = set(uids) - known
    folder.known_uids = uidset.written(known | new)
    folder.before_start += len(new)


def forget(folder: ServerFolder, uids: Iterable[int]) -> None:
    """Never shown here, and not there any more. The caller saves."""
    known = uidset.read(folder.known_uids)
    gone = known & set(uids)
    parked = Parked.objects.filter(server_folder=folder, uidvalidity=folder.uidvalidity or 0, uid__in=gone)
    counted = set(parked.values_list("uid", flat=True))
    parked.delete()
    folder.known_uids = uidset.written(known - gone)
    folder.before_start = max(0, folder.before_start - len(gone - counted))


def _advance(folder: ServerFolder, checkpoint: Checkpoint) -> None:
    if folder.uidvalidity is not None and folder.uidvalidity != checkpoint.uidvalidity:
        folder.generation += 1
        # What was known by its number alone has no meaning under the new one.
        Parked.objects.filter(server_folder=folder).exclude(uidvalidity=checkpoint.uidvalidity or 0).delete()
    folder.uidvalidity = checkpoint.uidvalidity
    folder.uidnext = checkpoint.uidnext
    folder.highestmodseq = checkpoint.highestmodseq


def void_numbers(folder: ServerFolder) -> None:
    """Before a rekey is written: UIDs that have no letter mean nothing any more."""
    folder.known_uids, folder.before_start, folder.scanned_at = "", 0, None
    folder.save(update_fields=["known_uids", "before_start", "scanned_at"])


def reopen_window(lease: Lease, folder: ServerFolder, start_date: date | None) -> None:
    """Judge anew what was left on the server, by this start date; nothing that is stored changes (1.10)."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        folder.refresh_from_db()
        parked = Parked.objects.filter(server_folder=folder, uidvalidity=folder.uidvalidity or 0)
        folder.known_uids = uidset.written(parked.values_list("uid", flat=True))
        # They are waiting until they have been judged: the ledger stays true meanwhile.
        folder.waiting += folder.before_start
        folder.before_start, folder.uidnext, folder.highestmodseq = 0, 1, None
        folder.judged_by_date, folder.scanned_at = start_date, None
        save_progress(folder)
