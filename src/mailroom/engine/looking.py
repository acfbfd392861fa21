"""One look at one folder: what was changed here is pushed, what changed there is asked for, the core decides.

The answer is a :class:`Visit`: what is left to be fetched, and the steps that may be written only after that.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.utils import timezone

from mailroom.actions import parking, placing, syncing
from mailroom.core.sync.plan import Policy, plan, push
from mailroom.core.sync.state import LocalFolder, RemoteListing, Selected, Tier
from mailroom.core.sync.steps import (
    Advance,
    Fetch,
    Forget,
    FullScan,
    Hold,
    Plan,
    Rekey,
    Step,
    StoreFlags,
    Unlink,
)
from mailroom.core.sync.view import believed, tier_for
from mailroom.data.mail.models import ServerFolder
from mailroom.wire.failures import AskPerson, Failure, GiveUp, Kind, RetryLater
from mailroom.wire.mailbox import QResync

from . import renumbering
from .job import Job
from .window import in_window

logger = logging.getLogger(__name__)

SCAN_EVERY = timedelta(days=1)
"""Every flag and UID is compared once a day, whatever the server promises."""

_NOTED_EVERY = timedelta(hours=1)
"""Where every look compares everything anyway, a quiet one should write nothing."""


@dataclass(slots=True)
class Visit:
    """What a look found. Nothing of ``after`` may be written before every UID of ``todo`` has an outcome."""

    folder: ServerFolder
    selected: Selected
    local: LocalFolder
    todo: list[int] = field(default_factory=list)
    """To be fetched, newest first."""
    after: tuple[Step, ...] = ()
    trouble: str = ""
    """held, torn, no_stable_uids: why this folder is not in step in spite of everything."""
    pushed: bool = False
    """STOREs were sent whose echo has not been seen yet."""


def look(job: Job, folder: ServerFolder, *, again: bool = False) -> Visit:
    """Select a folder, exchange what is known, write down what needs no fetching. Raises Failure.

    A folder renumbered by the server is matched anew first (``again`` is that second look).
    """
    _reopen_window(job, folder)
    local = syncing.load(folder, frozen_before=job.frozen_before)
    selected = _select(job, folder, local)
    sent = _push(job, folder, local, selected)
    decided, complete = _decide(job, folder, local, selected, asked_anew=sent)
    visit = Visit(folder, selected, local, pushed=decided.look_again)
    first = decided.steps[0] if decided.steps else None
    if isinstance(first, Rekey):
        visit.trouble = "torn" if again else renumbering.renumber(job, folder, local, selected, first)
        return visit if visit.trouble else look(job, folder, again=True)
    if any(isinstance(step, FullScan) for step in decided.steps):
        visit.trouble = "torn"
    _send(job, folder, [step for step in decided.steps if isinstance(step, StoreFlags)], sent)
    _write(job, visit, decided, complete=complete)
    return visit


def finish(job: Job, visit: Visit) -> None:
    """Everything fetched has an outcome: removals are written, and the checkpoint moves."""
    folder, at = visit.folder, timezone.now()
    if visit.after:
        counters = {"waiting": 0, "counted_at": at}
        syncing.apply(job.lease, folder, visit.after, at, local=visit.local, counters=counters)


# ------------------------------------------------------------------ asking


def _reopen_window(job: Job, folder: ServerFolder) -> None:
    """The start date moved: an earlier one lets more in, a later one takes nothing away."""
    if folder.uidvalidity is None or folder.judged_by_date == job.start_date:
        return
    earlier = folder.judged_by_date is not None and (
        job.start_date is None or job.start_date < folder.judged_by_date
    )
    if earlier:
        syncing.reopen_window(job.lease, folder, job.start_date)


def _select(job: Job, folder: ServerFolder, local: LocalFolder) -> Selected:
    known = None
    checkpoint = local.checkpoint
    if checkpoint.uidvalidity and checkpoint.highestmodseq:
        known = QResync(checkpoint.uidvalidity, checkpoint.highestmodseq, believed(local))
    return job.session.select(bytes(folder.raw_name), qresync=known)


def _decide(
    job: Job, folder: ServerFolder, local: LocalFolder, selected: Selected, *, asked_anew: bool
) -> tuple[Plan, bool]:
    """Ask as little as will do; the core says when it needs more. Returns whether everything was compared."""
    intents = syncing.flag_intents(folder)
    policy = _policy(job, folder)
    decided = Plan()
    listing: RemoteListing | None = None
    for question in _questions(job, folder, local, selected, asked_anew, policy):
        listing = _ask(job, question, local, selected)
        decided = plan(local, selected, listing, intents, policy)
        if not decided.steps or not isinstance(decided.steps[0], FullScan):
            break
    new = [uid for step in decided.steps if isinstance(step, Fetch) for uid in step.uids]
    window = in_window(job, new) if new else None
    if window is not None:
        decided = plan(local, selected, listing, intents, replace(policy, in_window=window))
    return decided, not selected.exists or (listing is not None and listing.complete)


def _policy(job: Job, folder: ServerFolder) -> Policy:
    absent = job.witnesses.testimony(folder.pk, timezone.now())
    if absent:
        # The second witness is asked twice, in two ways.
        absent -= frozenset(job.session.search())
    return Policy(witnessed=absent)


def _questions(
    job: Job, folder: ServerFolder, local: LocalFolder, selected: Selected, asked_anew: bool, policy: Policy
) -> list[str]:
    tier = tier_for(selected, job.session.abilities.capabilities, local.checkpoint)
    scan_due = folder.scanned_at is None or timezone.now() - folder.scanned_at >= SCAN_EVERY
    numbers_hold = local.checkpoint.uidvalidity in (None, selected.uidvalidity)
    if not numbers_hold or not selected.uidvalidity or not selected.exists:
        return ["nothing"]
    if tier is Tier.PLAIN or scan_due or folder.held_reason or policy.witnessed:
        return ["everything", "everything"]
    if tier is Tier.QRESYNC and not asked_anew:
        return ["nothing", "changes and uids", "everything"]
    return ["changes", "changes and uids", "everything"]


def _ask(job: Job, question: str, local: LocalFolder, selected: Selected) -> RemoteListing | None:
    if question == "nothing":
        return None
    if question == "everything":
        return job.session.listing()
    since = local.checkpoint.highestmodseq or 1
    vanished = selected.resynced
    changed, left = job.session.fetch_flags(changed_since=since, vanished=vanished)
    present = frozenset(job.session.search()) if question == "changes and uids" else None
    flags = {remote.uid: remote for remote in changed}
    return RemoteListing(flags, complete=False, since=since, present=present, vanished=frozenset(left))


# ------------------------------------------------------------------ telling


def _push(job: Job, folder: ServerFolder, local: LocalFolder, selected: Selected) -> bool:
    """Push before pull, so that the echo of our own STORE arrives as an ordinary change."""
    if not selected.uidvalidity or local.checkpoint.uidvalidity != selected.uidvalidity:
        return False
    intents = syncing.flag_intents(folder)
    if not intents:
        return False
    stores = push(local, selected, syncing.about_to_send(job.lease, intents))
    return _send(job, folder, stores, False)


def _send(job: Job, folder: ServerFolder, stores: Sequence[StoreFlags], sent: bool) -> bool:
    """Send STOREs once a look: what was sent already and is not observed yet waits for the next look."""
    if sent:
        return True
    for store in stores:
        try:
            job.session.store_flags(store.uids, add=store.add, remove=store.remove)
        except (GiveUp, AskPerson) as refused:
            kind, words = str(refused.kind), refused.words
            placing.refuse_intents(job.lease, folder, store.uids, kind, words, timezone.now())
        except RetryLater as refused:
            if refused.kind not in _NOT_NOW:
                raise
            # A NO without a reason: the change stays pending, the rest of the folder goes on.
            logger.warning(
                "The server did not take a change of flags: %s", refused, extra={"action": "store"}
            )
    return bool(stores)


# ------------------------------------------------------------------ writing


_NOT_NOW = frozenset({Kind.SERVER_ERROR, Kind.UNAVAILABLE, Kind.THROTTLED})
_LAST = (Unlink, Forget, Advance)


def _write(job: Job, visit: Visit, decided: Plan, *, complete: bool) -> None:
    """Write what needs no fetching; recognise what is new but known; leave the rest to be fetched."""
    folder, at = visit.folder, timezone.now()
    fetch = [uid for step in decided.steps if isinstance(step, Fetch) for uid in step.uids]
    now = [step for step in decided.steps if not isinstance(step, (*_LAST, Fetch, StoreFlags, FullScan))]
    visit.after = tuple(step for step in decided.steps if isinstance(step, _LAST))
    _note_hold(job, visit, decided, at)
    retried = {parked.uid for parked in parking.due(folder, at)}
    visit.todo = sorted({*fetch, *retried}, reverse=True)
    counters = {
        "on_server": _on_server(visit, decided),
        "waiting": len(fetch),
        "uidvalidity": visit.selected.uidvalidity,
        "judged_by_date": job.start_date,
        "tier": job.session.tier(visit.selected).value,
        "permanent_flags": sorted(visit.selected.permanent_flags),
        "read_only": visit.selected.read_only,
        "error_kind": "",
        "error_words": "",
    }
    if not decided.hold:
        counters |= {"held_reason": "", "held_at": None}
    if complete and (folder.scanned_at is None or at - folder.scanned_at >= _NOTED_EVERY):
        counters["scanned_at"] = at
    steps = [*now, *visit.after] if not visit.todo else now
    if not visit.todo:
        visit.after = ()
    if steps or any(getattr(folder, name) != value for name, value in counters.items()):
        syncing.apply(job.lease, folder, steps, at, local=visit.local, counters=counters)


def _on_server(visit: Visit, decided: Plan) -> int:
    """EXISTS as SELECT gave it, with what has arrived since and was seen by this look."""
    uidnext = visit.selected.uidnext
    fetched = [uid for step in decided.steps if isinstance(step, Fetch) for uid in step.uids]
    later = sum(uid >= uidnext for uid in fetched) if uidnext else 0
    return visit.selected.exists + later


def _note_hold(job: Job, visit: Visit, decided: Plan, at: datetime) -> None:
    hold: Hold | None = decided.hold
    if hold is None:
        job.witnesses.forget(visit.folder.pk)
        return
    job.witnesses.remember(visit.folder.pk, frozenset(hold.uids), at)
    visit.trouble = visit.trouble or "held"


def folder_failed(job: Job, folder: ServerFolder, error: Failure) -> None:
    """This folder does not work, the rest goes on: the reason stays on its row."""
    counters = {"error_kind": str(error.kind)[:32], "error_words": error.words.replace("\0", "")[:2000]}
    if any(getattr(folder, name) != value for name, value in counters.items()):
        syncing.apply(job.lease, folder, (), timezone.now(), counters=counters)
