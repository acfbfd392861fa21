"""What the engine writes while a move or a deletion is played on the server.

Evidence is on the disk before the command that it is about leaves. A letter on its way is shown in its new
folder all the time: first under the number of the old one, then without a number, then under its new one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from mailroom.core.sync.moves import Evidence, How
from mailroom.core.sync.state import DELETED
from mailroom.data.mail import rows
from mailroom.data.mail.flagtext import flags_of
from mailroom.data.mail.models import Folder, Intent, News, Placement, ServerFolder

from .durable import durable
from .health import clean
from .leases import Lease, insist

UNSEEN = timedelta(minutes=2)
"""After landing, so long may the new folder keep the letter to itself before it counts as moved on."""


# ------------------------------------------------------------------ reading


def destination(folder: Folder) -> ServerFolder | None:
    """The folder on the server that a folder's new letters go to; several may feed it."""
    found = folder.server_folders.filter(selectable=True, missing_since=None, read_only=False)
    ranked = sorted(found, key=lambda one: (one.role != (folder.role or ""), not one.subscribed, one.pk))
    return ranked[0] if ranked else None


def is_remnant(placement: Placement) -> bool:
    """Marked deleted, and left on a server that cannot remove one letter alone: hidden here."""
    home = placement.server_folder
    away = home is not None and home.folder_id != placement.folder_id
    return away and DELETED in flags_of(placement.base)


def due(account_id: int, at: datetime) -> list[Intent]:
    """Moves and deletions to be played now: of each placement the earliest, where it has a number."""
    live = Intent.objects.filter(
        account=account_id, kind__in=[Intent.Kind.MOVE, Intent.Kind.DELETE], phase__in=Intent.LIVE
    )
    first: dict[int, Intent] = {}
    related = live.select_related("placement__server_folder", "placement__message", "target")
    for intent in related.order_by("pk"):
        assert intent.placement_id is not None
        first.setdefault(intent.placement_id, intent)
    return [intent for intent in first.values() if _playable(intent, at)]


def _playable(intent: Intent, at: datetime) -> bool:
    placement = intent.placement
    assert placement is not None
    waits = intent.phase == Intent.Phase.PENDING and intent.next_at > at
    placed = placement.state == Placement.State.LIVE and placement.uid is not None
    return placed and placement.server_folder is not None and not waits and "landed_at" not in intent.evidence


def awaited(account_id: int) -> set[int]:
    """Server folders that have to be read because a letter has landed there, or is to leave."""
    live = Intent.objects.filter(
        account=account_id, kind__in=[Intent.Kind.MOVE, Intent.Kind.DELETE], phase__in=Intent.LIVE
    ).exclude(phase=Intent.Phase.PENDING)
    return {pk for pk in live.values_list("placement__server_folder_id", flat=True) if pk is not None}


def evidence_of(intent: Intent) -> Evidence | None:
    """What was written down before the command."""
    told = intent.evidence
    if "uidnext" not in told:
        return None
    return Evidence(told["uidvalidity"], told["uidnext"], How(told["how"]))


# ------------------------------------------------------------------ before the command


def copying(lease: Lease, intents: Sequence[Intent], place: ServerFolder, evidence: Evidence) -> list[Intent]:
    """Write down where the letters will appear, on the disk; returns those nobody took back meanwhile."""
    told = {
        "folder": place.pk,
        "uidvalidity": evidence.uidvalidity,
        "uidnext": evidence.uidnext,
        "how": evidence.how.value,
    }
    with durable():
        insist(lease.account_id, lease.fence)
        ids = [intent.pk for intent in intents]
        live = Intent.objects.filter(pk__in=ids, phase__in=[Intent.Phase.PENDING, Intent.Phase.COPYING])
        still = set(live.values_list("pk", flat=True))
        live.update(phase=Intent.Phase.COPYING, evidence=told, attempts=F("attempts") + 1)
    kept = [intent for intent in intents if intent.pk in still]
    for intent in kept:
        intent.phase, intent.evidence = Intent.Phase.COPYING, dict(told)
        intent.attempts += 1
    return kept


def copied(lease: Lease, intents: Sequence[Intent]) -> None:
    """The copies were seen: from here on the originals may go, and nothing is copied again."""
    with durable():
        insist(lease.account_id, lease.fence)
        Intent.objects.filter(pk__in=[intent.pk for intent in intents]).update(phase=Intent.Phase.COPIED)
    for intent in intents:
        intent.phase = Intent.Phase.COPIED


# ------------------------------------------------------------------ after it


def landed(lease: Lease, intents: Sequence[Intent], place: ServerFolder, at: datetime) -> None:
    """The letters left their old folder: they wait in the new one for the number that reading it gives."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        for intent in intents:
            placement = _locked(intent)
            seen = _seen_already(placement, intent, place)
            number = (seen.uidvalidity, seen.uid) if seen else (None, None)
            if seen is not None:
                Intent.objects.filter(placement=seen).update(placement=placement)
                placement.base, placement.modseq = seen.base, seen.modseq
                seen.delete()
            placement.server_folder = place
            placement.uidvalidity, placement.uid = number
            placement.save(update_fields=["server_folder", "uidvalidity", "uid", "base", "modseq"])
            intent.phase = Intent.Phase.COPIED
            intent.evidence = {**intent.evidence, "landed_at": at.isoformat()}
            intent.save(update_fields=["phase", "evidence"])


def _locked(intent: Intent) -> Placement:
    assert intent.placement_id is not None
    return Placement.objects.select_for_update().get(pk=intent.placement_id)


def _seen_already(placement: Placement, intent: Intent, place: ServerFolder) -> Placement | None:
    """The copy was read as a letter of that folder while the move was under way."""
    copies = Placement.objects.select_for_update().filter(
        message=placement.message_id,
        server_folder=place,
        uidvalidity=place.uidvalidity,
        uid__gte=intent.evidence.get("uidnext", 0),
        state=Placement.State.LIVE,
    )
    return copies.exclude(pk=placement.pk).order_by("pk").first()


def left_marked(lease: Lease, intents: Sequence[Intent], at: datetime) -> None:
    """The original stays marked on the server, shown where its copy is: the move has come to its end.

    Reading the new folder finds the copy and gives it a place of its own.
    """
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        for intent in intents:
            placement = _locked(intent)
            placement.base = " ".join(sorted({*flags_of(placement.base), DELETED}))
            placement.save(update_fields=["base"])
        Intent.objects.filter(pk__in=[intent.pk for intent in intents]).update(
            phase=Intent.Phase.OBSERVED, ended_at=at
        )


def removed(lease: Lease, intents: Sequence[Intent], at: datetime) -> None:
    """Deletions that were seen to have worked."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        Intent.objects.filter(pk__in=[intent.pk for intent in intents]).update(
            phase=Intent.Phase.OBSERVED, ended_at=at
        )


def refused(lease: Lease, intents: Sequence[Intent], kind: str, words: str, at: datetime) -> None:
    """The server will never do it: it failed visibly, and people see the server's state again."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        ids = [intent.pk for intent in intents]
        Intent.objects.filter(pk__in=ids).update(
            phase=Intent.Phase.FAILED, error_kind=kind[:32], error_words=clean(words), ended_at=at
        )
        placements = list(
            Placement.objects.select_for_update(of=("self",))
            .select_related("server_folder", "message")
            .filter(pk__in=[intent.placement_id for intent in intents])
        )
        for placement in placements:
            _show_at_home(placement)
        _tell(lease.account_id, placements, at)


def _show_at_home(placement: Placement) -> None:
    """Unless a later wish still waits, the letter is shown where the server has it."""
    home = placement.server_folder
    later = Intent.objects.filter(placement=placement, kind=Intent.Kind.MOVE, phase__in=Intent.LIVE)
    if home is None or home.folder_id is None or later.exists():
        return
    placement.folder_id = home.folder_id
    placement.save(update_fields=["folder"])


def later(lease: Lease, intents: Sequence[Intent], at: datetime) -> None:
    """Not now: the next try is some minutes away, longer each time."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        for intent in intents:
            intent.next_at = at + timedelta(minutes=2 ** min(intent.attempts, 6))
            intent.save(update_fields=["next_at"])


def settle(lease: Lease, looked_at: Collection[int], at: datetime) -> None:
    """After the folders have been read: what is seen where it should be has come to its end.

    ``looked_at``: server folders read by this pass. What landed in one of them and is not there has been
    moved on or removed by somebody: it is looked for like any letter that left its folder.
    """
    live = Intent.objects.filter(
        account=lease.account_id, kind__in=[Intent.Kind.MOVE, Intent.Kind.DELETE], phase__in=Intent.LIVE
    ).select_related("placement__server_folder", "placement__message")
    ended = [intent for intent in live if _has_ended(intent)]
    astray = [intent for intent in live if intent not in ended and _is_astray(intent, looked_at, at)]
    if not ended and not astray:
        return
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        for intents, phase in ((ended, Intent.Phase.OBSERVED), (astray, Intent.Phase.SUPERSEDED)):
            Intent.objects.filter(pk__in=[one.pk for one in intents]).update(phase=phase, ended_at=at)
        placements = [one.placement for one in astray if one.placement is not None]
        Placement.objects.filter(pk__in=[one.pk for one in placements]).update(
            state=Placement.State.UNLINKED, unlinked_at=at
        )
        if placements:
            _tell(lease.account_id, placements, at)


def _has_ended(intent: Intent) -> bool:
    placement = intent.placement
    assert placement is not None
    place = placement.server_folder
    if intent.kind == Intent.Kind.DELETE:
        return placement.state != Placement.State.LIVE
    if place is None or placement.state != Placement.State.LIVE:
        return False
    arrived = place.pk == intent.evidence.get("folder") or place.folder_id == intent.target_id
    # A folder that is not kept in step is not read: there the old folder's word must do.
    return arrived and (
        placement.uid is not None or ("landed_at" in intent.evidence and not place.subscribed)
    )


def _is_astray(intent: Intent, looked_at: Collection[int], at: datetime) -> bool:
    placement = intent.placement
    assert placement is not None
    landed_at = intent.evidence.get("landed_at")
    if landed_at is None or placement.uid is not None or placement.server_folder_id not in looked_at:
        return False
    return at - datetime.fromisoformat(landed_at) >= UNSEEN


def _tell(account_id: int, placements: Sequence[Placement], at: datetime) -> None:
    threads = {placement.message.thread_id for placement in placements}
    rows.refresh(threads)
    about = {"threads": sorted(threads)[:50]}
    News.objects.create(account_id=account_id, kind=News.Kind.CHANGED, about=about, at=at)
