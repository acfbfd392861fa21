"""How single steps change placements: flags merged, letters leaving a folder, letters turning up elsewhere.

Called inside the transaction of :func:`mailroom.actions.syncing.apply`, under its fence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from django.db import transaction
from django.db.models import Exists, OuterRef

from mailroom.core.flags import merge
from mailroom.core.sync.plan import GONE_AFTER
from mailroom.core.sync.state import ANSWERED, DELETED, FLAGGED, SEEN, Flags
from mailroom.core.sync.steps import Relink, SetFlags
from mailroom.data.mail import rows
from mailroom.data.mail.deleted import deleted_here
from mailroom.data.mail.flagtext import flags_of, flags_text
from mailroom.data.mail.models import Intent, Message, Placement, ServerFolder

from .health import clean
from .leases import Lease, insist

_CHUNK = 500
parse_flags = lru_cache(maxsize=4096)(flags_of)


@dataclass(slots=True)
class Applied:
    """What a transaction changed: empty when everything was as it should be."""

    threads: set[int] = field(default_factory=set)
    changed: int = 0
    """Rows of letters written."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a new UID shows before its bytes are here."""

    flags: Flags = frozenset()
    modseq: int | None = None


def set_flags(steps: Sequence[SetFlags], frozen: frozenset[int], done: Applied) -> None:
    """Changed there, or our own change came back. The user's side is merged anew: it may have moved on."""
    by_id = {step.placement_id: step for step in steps}
    ids = sorted(by_id)
    for start in range(0, len(ids), _CHUNK):
        placements = list(
            Placement.objects.select_for_update(of=("self",), no_key=True)
            .select_related("message")
            .only(*_FLAG_COLUMNS, "message__thread_id")
            .filter(pk__in=ids[start : start + _CHUNK])
            .order_by("pk")
        )
        wishes = _wishes([placement.pk for placement in placements])
        for placement in placements:
            _merge(placement, by_id[placement.pk], wishes[placement.pk], frozen=placement.pk in frozen)
            done.threads.add(placement.message.thread_id)
        Placement.objects.bulk_update(placements, _FLAG_COLUMNS)
        done.changed += len(placements)


_FLAG_COLUMNS = ("base", "local", "seen", "flagged", "answered", "modseq")


def _wishes(placement_ids: Sequence[int]) -> dict[int, list[Intent]]:
    wishes: dict[int, list[Intent]] = defaultdict(list)
    live = Intent.objects.filter(
        kind=Intent.Kind.FLAGS, phase__in=Intent.LIVE, placement__in=list(placement_ids)
    )
    for intent in live.order_by("pk"):
        assert intent.placement_id is not None
        wishes[intent.placement_id].append(intent)
    return wishes


def _merge(placement: Placement, step: SetFlags, wishes: Iterable[Intent], *, frozen: bool) -> None:
    merged = merge(parse_flags(placement.base), parse_flags(placement.local), step.base)
    placement.base = flags_text(merged.base)
    placement.modseq = step.modseq if step.modseq is not None else placement.modseq
    shown = merged.local
    # Taken back while its echo was on the way: the wish still stands, whatever the server says now.
    for intent in wishes:
        shown = (shown | frozenset(intent.add)) - frozenset(intent.remove)
    if not frozen:
        show(placement, shown)


def show(placement: Placement, flags: Flags) -> None:
    """Set what the user sees; the three indexed columns follow. The caller saves."""
    placement.local = flags_text(flags)
    placement.seen, placement.flagged = SEEN in flags, FLAGGED in flags
    placement.answered = ANSWERED in flags


def unlink(placement_ids: Sequence[int], at: datetime, done: Applied) -> None:
    """No longer in the folder: out of the lists at once, the letter stays."""
    for chunk in _chunks(placement_ids):
        placements = Placement.objects.filter(pk__in=chunk, state=Placement.State.LIVE)
        done.threads.update(placements.values_list("message__thread_id", flat=True))
        done.changed += placements.update(state=Placement.State.UNLINKED, unlinked_at=at)
    _retarget(placement_ids)


def _retarget(placement_ids: Sequence[int]) -> None:
    """A change that waits for a vanished placement goes on to where its letter sits now, if that is known."""
    waiting = Intent.objects.filter(
        kind=Intent.Kind.FLAGS, phase__in=Intent.LIVE, placement__in=list(placement_ids)
    )
    for intent in waiting.select_related("placement"):
        elsewhere = (
            Placement.objects.filter(
                message_id=intent.message_id, state=Placement.State.LIVE, uid__isnull=False
            )
            .order_by("-pk")
            .first()
        )
        if elsewhere is not None:
            _carry(intent, elsewhere)


def _carry(intent: Intent, placement: Placement) -> None:
    """Let a change of flags continue at another placement of the same letter."""
    flags = (parse_flags(placement.local) | frozenset(intent.add)) - frozenset(intent.remove)
    show(placement, flags)
    placement.save(update_fields=["local", "seen", "flagged", "answered"])
    intent.placement = placement
    intent.save(update_fields=["placement"])


def restore(placement_ids: Sequence[int], done: Applied) -> None:
    for chunk in _chunks(placement_ids):
        placements = Placement.objects.filter(pk__in=chunk)
        done.threads.update(placements.values_list("message__thread_id", flat=True))
        Message.objects.filter(placements__in=placements).update(gone_at=None)
        done.changed += placements.update(state=Placement.State.LIVE, unlinked_at=None)


def relink(folder: ServerFolder, step: Relink, uidvalidity: int | None, sight: Sight, done: Applied) -> None:
    """The letter turned up at another UID: its placement moves with its history, or it gets a second one."""
    assert folder.folder_id is not None, "mail is linked into subscribed folders only"
    # A row of an earlier time may still carry this number; it gave the number up when it left.
    stale = Placement.objects.filter(server_folder=folder, uidvalidity=uidvalidity or 0, uid=step.uid)
    if step.placement_id is not None:
        stale = stale.exclude(pk=step.placement_id)
    stale.update(uid=None, uidvalidity=None)
    if step.placement_id is None:
        placement = Placement(
            message_id=step.message_id,
            account_id=folder.account_id,
            base=flags_text(sight.flags),
            folder_id=deleted_here([step.message_id]).get(step.message_id, folder.folder_id),
        )
        show(placement, sight.flags)
    else:
        placement = Placement.objects.select_related("message", "server_folder").get(pk=step.placement_id)
        was, marked = placement.server_folder, DELETED in parse_flags(placement.base)
        merged = merge(parse_flags(placement.base), parse_flags(placement.local), sight.flags)
        placement.base = flags_text(merged.base)
        show(placement, merged.local)
        # Filed elsewhere by a person here (a move that waits, a deletion under "keep"): that stays.
        if was is None or was.folder_id == placement.folder_id or marked:
            placement.folder_id = folder.folder_id
    placement.server_folder = folder
    placement.uidvalidity, placement.uid, placement.modseq = uidvalidity, step.uid, sight.modseq
    placement.state, placement.unlinked_at = Placement.State.LIVE, None
    placement.save()
    message = placement.message
    message.gone_at = None
    message.save(update_fields=["gone_at"])
    done.threads.add(message.thread_id)
    done.changed += 1


def refuse_intents(
    lease: Lease, folder: ServerFolder, uids: Iterable[int], kind: str, words: str, at: datetime
) -> None:
    """The server will never do it: the change failed visibly, and the user sees the server's state again."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        failed = Intent.objects.filter(
            kind=Intent.Kind.FLAGS,
            phase__in=Intent.LIVE,
            placement__server_folder=folder,
            placement__uid__in=list(uids),
        )
        placements = list(
            Placement.objects.select_related("message").filter(pk__in=failed.values("placement"))
        )
        failed.update(phase=Intent.Phase.FAILED, error_kind=kind[:32], error_words=clean(words), ended_at=at)
        for placement in placements:
            show(placement, parse_flags(placement.base))
            placement.save(update_fields=["local", "seen", "flagged", "answered"])
        rows.refresh({placement.message.thread_id for placement in placements})


def retire_gone(lease: Lease, *, cycle_began_at: datetime, at: datetime) -> int:
    """After a complete pass over all folders: what left before it began and turned up nowhere is gone.

    The letter stays on cards and in search, with ``gone_at``; returns how many placements were retired.
    """
    before = min(cycle_began_at, at - GONE_AFTER)
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        leaving = Placement.objects.filter(
            account=lease.account_id, state=Placement.State.UNLINKED, unlinked_at__lte=before
        )
        ids = list(leaving.values_list("pk", flat=True))
        if not ids:
            return 0
        still = Placement.objects.filter(message=OuterRef("pk")).exclude(pk__in=ids)
        still = still.exclude(state=Placement.State.GONE)
        messages = Message.objects.filter(placements__in=ids, gone_at=None)
        messages.filter(~Exists(still)).update(gone_at=at)
        Intent.objects.filter(placement__in=ids, phase__in=Intent.LIVE).update(
            phase=Intent.Phase.SUPERSEDED, ended_at=at
        )
        leaving.filter(pk__in=ids).update(state=Placement.State.GONE)
    return len(ids)


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
