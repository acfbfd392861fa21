"""What a pass over a POP3 maildrop reads from the rows and writes to them.

Each write is one transaction under the fence, and what became of a message is written with it. The letters
have no place on a server: they sit in the folder to which the maildrop is mapped, the inbox at first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from mailroom.core.letter import Letter
from mailroom.core.sync.maildrop import (
    Forget,
    Found,
    Gone,
    Key,
    Known,
    Outcome,
    Sight,
    Skip,
    Step,
    Wanted,
)
from mailroom.data.blobs.keeping import Kept
from mailroom.data.mail.models import Folder, Message, Parked, PopUidl, ServerFolder

from . import parking
from .durable import durable
from .ingest import Arrival, Batch, store
from .leases import Lease, insist

_RAW_NAME = b"INBOX"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """A message retrieved, read, and with durable bytes."""

    wanted: Wanted
    letter: Letter
    kept: Kept
    sight: Sight


# ------------------------------------------------------------------ reading


def maildrop_of(lease: Lease) -> ServerFolder:
    """The maildrop as a server folder: it carries the figures and the parked, never a UID."""
    drop = ServerFolder.objects.filter(account=lease.account_id, raw_name=_RAW_NAME).first()
    if drop is not None and drop.subscribed and drop.folder_id is not None and drop.missing_since is None:
        return drop
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        inbox, _ = Folder.objects.get_or_create(
            account_id=lease.account_id,
            role=Folder.Role.INBOX,
            defaults={"name": "Inbox", "name_key": "inbox"},
        )
        columns = {"name": "INBOX", "role": "inbox", "subscribed": True, "missing_since": None}
        drop, _ = ServerFolder.objects.update_or_create(
            account_id=lease.account_id, raw_name=_RAW_NAME, defaults=columns
        )
        if drop.folder_id is None:
            drop.folder = inbox
            drop.save(update_fields=["folder"])
        # Of a time when the account was to be an IMAP one: POP3 knows the inbox alone.
        ServerFolder.objects.filter(account=lease.account_id).exclude(pk=drop.pk).update(subscribed=False)
    return drop


def load(drop: ServerFolder, at: datetime) -> list[Known]:
    """Every message that has, or had, an outcome."""
    due = set(Parked.objects.filter(server_folder=drop, next_at__lte=at).values_list("uid", flat=True))
    rows = PopUidl.objects.filter(account=drop.account_id).values_list(
        "pk", "uidl", "nth", "outcome", "size", "identity", "received_at", "saved_at", "gone_at",
        "message", "message__fate",
    )  # fmt: skip
    return [
        Known(
            row_id=pk,
            key=Key(uidl, nth),
            outcome=Outcome(outcome),
            size=size,
            identity=identity or None,
            received_at=received_at,
            saved_at=saved_at,
            gone_at=gone_at,
            purged=outcome == Outcome.STORED and (message is None or fate == Message.Fate.PURGED),
            due=pk in due,
        )
        for pk, uidl, nth, outcome, size, identity, received_at, saved_at, gone_at, message, fate in rows
    ]


def only_here(drop: ServerFolder, at: datetime) -> list[Parked]:
    """Parked letters that left the server, whose bytes were kept and whose time has come."""
    due = Parked.objects.filter(server_folder=drop, next_at__lte=at, blob__isnull=False)
    gone = PopUidl.objects.filter(account=drop.account_id, gone_at__isnull=False).values("pk")
    return list(due.filter(uid__in=gone).select_related("blob").order_by("uid"))


# ------------------------------------------------------------------ writing


def apply(
    lease: Lease, drop: ServerFolder, steps: Sequence[Step], at: datetime, *, sights: dict[int, Sight]
) -> None:
    """Write the steps that concern rows alone, in their order; those for the network are passed over."""
    if not any(isinstance(step, Found | Gone | Forget | Skip) for step in steps):
        return
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        for step in steps:
            match step:
                case Found():
                    PopUidl.objects.filter(pk=step.row_id).update(
                        uidl=step.key.uidl, nth=step.key.nth, size=step.size, gone_at=None
                    )
                case Gone():
                    _gone(drop, step.row_ids, at)
                case Forget():
                    for chunk in _chunks(step.row_ids):
                        PopUidl.objects.filter(pk__in=chunk).delete()
                case Skip():
                    _skip(drop, step.wanted, sights)
                case _:
                    pass


def _gone(drop: ServerFolder, row_ids: Sequence[int], at: datetime) -> None:
    for chunk in _chunks(row_ids):
        PopUidl.objects.filter(pk__in=chunk).update(gone_at=at)
        # Bytes that were kept are the only ones left now: they stay, and are tried again.
        Parked.objects.filter(server_folder=drop, uid__in=chunk, blob=None).delete()


def _skip(drop: ServerFolder, wanted: Sequence[Wanted], sights: dict[int, Sight]) -> None:
    rows = [(one, sights.get(one.number, Sight())) for one in wanted]
    _write(drop, [_row(drop, one, sight, Outcome.BEFORE_START) for one, sight in rows])
    _count_down(drop, len(wanted))
    Parked.objects.filter(server_folder=drop, uid__in=[one.row_id for one in wanted if one.row_id]).delete()


def note_listing(lease: Lease, drop: ServerFolder, *, on_server: int, waiting: int, at: datetime) -> None:
    """How many messages the maildrop holds, and how many of them have no outcome yet."""
    if (drop.on_server, drop.waiting) == (on_server, waiting) and drop.counted_at is not None:
        return
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        drop.on_server, drop.waiting, drop.counted_at = on_server, waiting, at
        drop.save(update_fields=["on_server", "waiting", "counted_at"])


def keep(lease: Lease, drop: ServerFolder, taken: Sequence[Taken], at: datetime, *, announce: bool) -> None:
    """Store letters and their rows in one transaction; a letter that is here already is not placed twice.

    Raises LostLease, FenceLost, or whatever one of the letters made the store raise: then nothing is stored.
    """
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        messages = _here_already(drop, [one.letter.letter_key for one in taken])
        new = {one.letter.letter_key: one for one in taken if one.letter.letter_key not in messages}
        if new:
            arrivals = tuple(_arrival(drop, one) for one in new.values())
            stored = store(Batch(lease.account_id, arrivals, at, fence=lease.fence, announce=announce))
            messages |= dict(zip(new, stored.message_ids, strict=True))
        rows = [_row(drop, one.wanted, one.sight, Outcome.STORED) for one in taken]
        for row, one in zip(rows, taken, strict=True):
            row.message_id, row.saved_at = messages[one.letter.letter_key], at
        _write(drop, rows)
        _count_down(drop, len(taken))
        retried = [one.wanted.row_id for one in taken if one.wanted.row_id is not None]
        if retried:
            Parked.objects.filter(server_folder=drop, uid__in=retried).delete()


def _here_already(drop: ServerFolder, keys: Sequence[bytes]) -> dict[bytes, int]:
    """Letters that came by this maildrop before, or lie in its folder: under another id, or twice."""
    came = Q(pop_uidls__isnull=False) | Q(placements__folder=drop.folder_id)
    found = Message.objects.filter(
        came, account=drop.account_id, letter_key__in=list(keys), body_state=Message.BodyState.FULL
    )
    return {bytes(key): pk for key, pk in found.values_list("letter_key", "pk")}


def _arrival(drop: ServerFolder, one: Taken) -> Arrival:
    assert drop.folder_id is not None, "a maildrop is mapped before anything is stored"
    return Arrival(
        letter=one.letter,
        folder_id=drop.folder_id,
        kept=one.kept,
        size=one.kept.size,
        internal_at=one.letter.received_at,
    )


def park(
    lease: Lease,
    drop: ServerFolder,
    wanted: Wanted,
    sight: Sight,
    *,
    reason: str,
    words: str = "",
    raw: bytes | None = None,
    at: datetime,
) -> None:
    """Put one message aside so that the rest goes on; it is never deleted on the server."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        row = _row(drop, wanted, sight, Outcome.PARKED)
        _write(drop, [row])
        parking.park(lease, drop, row.pk, reason=reason, words=words, size=wanted.size, raw=raw, at=at)
    drop.refresh_from_db()


def keep_only_here(lease: Lease, drop: ServerFolder, parked: Parked, letter: Letter, at: datetime) -> None:
    """A parked letter that left the server could be stored after all, from the bytes kept."""
    assert parked.blob is not None
    blob = parked.blob
    row = PopUidl.objects.get(pk=parked.uid)
    wanted = Wanted(0, Key(row.uidl, row.nth), row.size, row.pk)
    sight = Sight(row.identity or None, row.received_at)
    taken = Taken(wanted, letter, Kept(bytes(blob.digest), blob.size, blob.stored_size), sight)
    with transaction.atomic():
        keep(lease, drop, [taken], at, announce=True)
        # It is not on the server, whatever has become of it here.
        PopUidl.objects.filter(pk=row.pk).update(gone_at=row.gone_at)


# ------------------------------------------------------------------ deleting


def about_to_delete(lease: Lease, row_ids: Sequence[int], at: datetime) -> None:
    """Durable before the first DELE; with it everything that was stored before is durable, too."""
    with durable():
        insist(lease.account_id, lease.fence)
        for chunk in _chunks(row_ids):
            PopUidl.objects.filter(pk__in=chunk, dele_sent_at=None).update(dele_sent_at=at)


def deleted(lease: Lease, drop: ServerFolder, row_ids: Sequence[int], at: datetime) -> None:
    """QUIT answered +OK."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        for chunk in _chunks(row_ids):
            PopUidl.objects.filter(pk__in=chunk).update(gone_at=at)
        drop.on_server = max(0, drop.on_server - len(row_ids))
        drop.save(update_fields=["on_server"])


# ------------------------------------------------------------------ rows


def _row(drop: ServerFolder, wanted: Wanted, sight: Sight, outcome: Outcome) -> PopUidl:
    return PopUidl(
        pk=wanted.row_id,
        account_id=drop.account_id,
        uidl=wanted.key.uidl,
        nth=wanted.key.nth,
        outcome=outcome.value,
        size=wanted.size,
        identity=sight.identity or "",
        received_at=sight.received_at,
    )


def _write(drop: ServerFolder, rows: Sequence[PopUidl]) -> None:
    known = [row for row in rows if row.pk is not None]
    PopUidl.objects.bulk_create([row for row in rows if row.pk is None])
    PopUidl.objects.bulk_update(known, _CHANGING)


_CHANGING = ["outcome", "message", "size", "identity", "received_at", "saved_at", "dele_sent_at", "gone_at"]


def _count_down(drop: ServerFolder, outcomes: int) -> None:
    drop.waiting = max(0, drop.waiting - outcomes)
    drop.save(update_fields=["waiting"])


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
