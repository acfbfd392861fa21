"""One batch, one transaction: letters, who takes part, where they sit, threads, list, index, checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from django.db import transaction

from mailroom.core.address import Address
from mailroom.core.datekey import SERIALS, date_key, sorting_date
from mailroom.core.indexing import index_text
from mailroom.core.letter import Letter
from mailroom.data.blobs import keeping
from mailroom.data.mail import rows as list_rows
from mailroom.data.mail import search
from mailroom.data.mail.models import Account, Message, News, Placement, ServerFolder

from . import insert
from .addresses import address_rows
from .batch import Arrival, Batch, Progress, Stored
from .known import Known, what_is_known
from .threads import threads_for


class FenceLost(Exception):
    """Another worker holds the lease: nothing of the batch was stored."""


@dataclass(slots=True)
class Plan:
    """What a batch turns into once it has been compared with what is here."""

    message_ids: list[int] = field(default_factory=list)
    new: list[tuple[int, Arrival]] = field(default_factory=list)
    """Date key and letter."""
    placements: list[tuple[int, Arrival]] = field(default_factory=list)
    adopted: list[tuple[int, Arrival]] = field(default_factory=list)
    """Placement of ours that the server's copy now fills."""


@transaction.atomic
def store(batch: Batch) -> Stored:
    """Store a batch. Safe to repeat: what is here already is recognised by folder, UIDVALIDITY and UID.

    The bytes must be durable before (``keeping.make_durable``). Raises :class:`FenceLost`.
    """
    _hold_fence(batch)
    plan = _compare(batch)
    blobs = keeping.rows_of([arrival.kept for _, arrival in plan.new if arrival.kept])
    addresses = address_rows(_addresses([arrival.letter for _, arrival in plan.new]))
    own = insert.own_addresses()
    threads = threads_for([(pk, arrival.letter) for pk, arrival in plan.new], at=batch.at)
    insert.messages(batch, plan.new, threads=threads, blobs=blobs, addresses=addresses, own=own)
    insert.participants(batch.account_id, plan.new, addresses)
    insert.attachments(plan.new)
    insert.placements(batch.account_id, plan.placements)
    _adopt(plan.adopted)
    search.index(
        [
            search.Document(pk, batch.account_id, index_text(arrival.letter), arrival.letter.packed)
            for pk, arrival in plan.new
        ]
    )
    touched = _threads_of(plan, threads)
    list_rows.refresh(touched)
    for progress in batch.progress:
        _advance(progress)
    _announce(batch, plan)
    return Stored(
        tuple(plan.message_ids), len(plan.new), len(batch.arrivals) - len(plan.new), frozenset(touched)
    )


def _hold_fence(batch: Batch) -> None:
    if batch.fence is None:
        return
    held = Account.objects.select_for_update().filter(pk=batch.account_id, lease_fence=batch.fence)
    if not held.exists():
        raise FenceLost


def _compare(batch: Batch) -> Plan:
    plan = Plan()
    known = what_is_known(batch.account_id, batch.arrivals)
    keys = iter(_free_keys([_wanted_key(batch, arrival) for arrival in batch.arrivals]))
    for arrival in batch.arrivals:
        key = next(keys)
        place = (arrival.server_folder_id or 0, arrival.uidvalidity or 0, arrival.uid or 0)
        if arrival.uid is not None and place in known.placed:
            plan.message_ids.append(known.placed[place])
            continue
        message_id = known.message_of(arrival)
        if message_id is None:
            message_id = key
            plan.new.append((key, arrival))
            _remember(known, key, arrival)
        _place(plan, known, message_id, arrival)
        if arrival.uid is not None:
            known.placed[place] = message_id
        plan.message_ids.append(message_id)
    return plan


def _remember(known: Known, key: int, arrival: Arrival) -> None:
    """Later letters of the same batch may be copies of this one."""
    if arrival.kept:
        known.by_letter[arrival.letter.letter_key] = key
    if arrival.email_id:
        known.by_email_id[arrival.email_id] = key


def _place(plan: Plan, known: Known, message_id: int, arrival: Arrival) -> None:
    waiting = known.unfiled.pop((message_id, arrival.server_folder_id or 0), None)
    if waiting is not None and arrival.uid is not None:
        plan.adopted.append((waiting, arrival))
    else:
        plan.placements.append((message_id, arrival))


def _wanted_key(batch: Batch, arrival: Arrival) -> int:
    letter = arrival.letter
    at = sorting_date(
        received_at=letter.received_at,
        date_at=letter.date,
        internal_at=arrival.internal_at,
        arrived_at=batch.at,
    )
    spread = blake2b(letter.letter_key + batch.account_id.to_bytes(8, "big"), digest_size=4).digest()
    return date_key(at, int.from_bytes(spread, "big"))


def _free_keys(wanted: Sequence[int]) -> list[int]:
    """Each key or the next free one; two letters of one second rarely want the same of a million numbers."""
    taken = set(Message.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    free: list[int] = []
    for key in wanted:
        while key in taken:
            key = key + 1 if (key + 1) % SERIALS else key + 1 - SERIALS
            if key not in taken and Message.objects.filter(pk=key).exists():
                taken.add(key)
        taken.add(key)
        free.append(key)
    return free


def _addresses(letters: Sequence[Letter]) -> list[Address]:
    return [address for letter in letters for _, address in insert.headers_of(letter)]


def _adopt(adopted: Sequence[tuple[int, Arrival]]) -> None:
    for placement_id, arrival in adopted:
        Placement.objects.filter(pk=placement_id).update(**insert.confirmed(arrival))


def _threads_of(plan: Plan, threads: dict[int, int]) -> set[int]:
    old = {message_id for message_id, _ in plan.placements} - threads.keys()
    old |= {pk for pk in plan.message_ids if plan.adopted and pk not in threads}
    found = Message.objects.filter(pk__in=old).values_list("thread_id", flat=True) if old else ()
    return set(threads.values()) | set(found)


def _advance(progress: Progress) -> None:
    changes: dict[str, object] = dict(progress.counters)
    if progress.checkpoint is not None:
        changes |= {
            "uidvalidity": progress.checkpoint.uidvalidity,
            "uidnext": progress.checkpoint.uidnext,
            "highestmodseq": progress.checkpoint.highestmodseq,
        }
    if progress.known_uids is not None:
        changes["known_uids"] = progress.known_uids
    if changes:
        ServerFolder.objects.filter(pk=progress.server_folder_id).update(**changes)


def _announce(batch: Batch, plan: Plan) -> None:
    if not plan.new and not plan.adopted and not plan.placements:
        return
    kind = News.Kind.ARRIVED if batch.announce and plan.new else News.Kind.CHANGED
    folders = sorted({arrival.folder_id for arrival in batch.arrivals})
    ids = [pk for pk, _ in plan.new][:50] if batch.announce else []
    News.objects.create(
        account_id=batch.account_id, kind=kind, about={"folders": folders, "messages": ids}, at=batch.at
    )
