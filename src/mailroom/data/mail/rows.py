"""Upkeep of the list: one row per thread and folder, the counters of the folders, and whether a letter
lies in Spam or Trash only.

Called by every transaction that changes where letters sit or which flags they carry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import F

from mailroom.data import bulk

from .models import Folder, Message, Placement, ThreadRow

SENDERS_SHOWN = 4

_COLUMNS = (
    "folder_id",
    "thread_id",
    "account_id",
    "newest",
    "count",
    "unread",
    "flagged",
    "answered",
    "attachments",
    "senders",
    "restricted",
)
_SHOWN = (Message.Fate.LIVE, Message.Fate.TRASH)


@dataclass(slots=True)
class _Tally:
    account_id: int
    newest: int = 0
    letters: set[int] = field(default_factory=set)
    unread: int = 0
    flagged: bool = False
    answered: bool = False
    attachments: int = 0
    senders: list[str] = field(default_factory=list)
    restricted: bool = False

    def add(self, letter: _Placed) -> None:
        if letter.message_id in self.letters:
            return
        self.letters.add(letter.message_id)
        self.newest = max(self.newest, letter.message_id)
        self.unread += not letter.seen
        self.flagged |= letter.flagged
        self.answered |= letter.answered
        self.attachments += letter.attachments
        self.restricted |= letter.restricted
        if letter.sender in self.senders:
            self.senders.remove(letter.sender)
        self.senders.append(letter.sender)


@dataclass(frozen=True, slots=True)
class _Placed:
    folder_id: int
    thread_id: int
    account_id: int
    message_id: int
    seen: bool
    flagged: bool
    answered: bool
    attachments: int
    sender: str
    restricted: bool
    role: str | None
    """Of the folder."""
    spam: bool
    fate: str


def refresh(thread_ids: Iterable[int]) -> None:
    """Make the rows of these threads, in all folders, say what the placements say; counters follow."""
    threads = list(set(thread_ids))
    if not threads:
        return
    placed = list(_placed(threads))
    _settle(placed)
    tallies = _tallies(placed)
    before = {
        (folder, thread): (pk, count, unread)
        for pk, folder, thread, count, unread in ThreadRow.objects.filter(thread__in=threads).values_list(
            "pk", "folder_id", "thread_id", "count", "unread"
        )
    }
    _write(tallies)
    gone = [before[key][0] for key in before.keys() - tallies.keys()]
    if gone:
        ThreadRow.objects.filter(pk__in=gone).delete()
    _count(before, tallies)


def _settle(placed: Sequence[_Placed]) -> None:
    """A letter that lies in Spam only is on no card; one that lies in Trash only is deleted."""
    roles: dict[int, set[str | None]] = defaultdict(set)
    for letter in placed:
        roles[letter.message_id].add(letter.role)
    changes: dict[tuple[bool, str], set[int]] = defaultdict(set)
    for letter in placed:
        lies_in = roles[letter.message_id]
        spam = lies_in == {Folder.Role.SPAM}
        fate: str = Message.Fate.TRASH if lies_in == {Folder.Role.TRASH} else Message.Fate.LIVE
        if (spam, fate) != (letter.spam, letter.fate):
            changes[spam, fate].add(letter.message_id)
    for (spam, fate), message_ids in changes.items():
        Message.objects.filter(pk__in=message_ids).update(spam=spam, fate=fate)


def _tallies(placed: Sequence[_Placed]) -> dict[tuple[int, int], _Tally]:
    tallies: dict[tuple[int, int], _Tally] = {}
    for letter in placed:
        key = letter.folder_id, letter.thread_id
        tally = tallies.get(key)
        if tally is None:
            tally = tallies[key] = _Tally(letter.account_id)
        tally.add(letter)
    return tallies


def _placed(threads: list[int]) -> Iterator[_Placed]:
    marks = ",".join(["%s"] * len(threads))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT p.folder_id, m.thread_id, m.account_id, m.id, p.seen, p.flagged, p.answered,
                       m.attachment_count, m.from_name, m.confidential, m.private_to_id,
                       f.role, m.spam, m.fate
                FROM mail_message m
                JOIN mail_placement p ON p.message_id = m.id
                JOIN mail_folder f ON f.id = p.folder_id
                WHERE m.thread_id IN ({marks}) AND p.state = %s AND m.fate IN (%s, %s)
                ORDER BY m.id""",
            [*threads, Placement.State.LIVE, *_SHOWN],
        )
        for folder, thread, account, pk, seen, flagged, answered, *rest in cursor.fetchall():
            attachments, sender, confidential, private_to, role, spam, fate = rest
            restricted = bool(confidential) or private_to is not None
            yield _Placed(
                folder_id=folder,
                thread_id=thread,
                account_id=account,
                message_id=pk,
                seen=bool(seen),
                flagged=bool(flagged),
                answered=bool(answered),
                attachments=attachments,
                sender=sender,
                restricted=restricted,
                role=role,
                spam=bool(spam),
                fate=fate,
            )


def _write(tallies: dict[tuple[int, int], _Tally]) -> None:
    bulk.upsert(
        ThreadRow,
        _COLUMNS,
        (
            (
                folder_id,
                thread_id,
                tally.account_id,
                tally.newest,
                len(tally.letters),
                tally.unread,
                bool(tally.flagged),
                bool(tally.answered),
                tally.attachments,
                bulk.json_value(tally.senders[-SENDERS_SHOWN:]),
                bool(tally.restricted),
            )
            for (folder_id, thread_id), tally in tallies.items()
        ),
        unique=("folder_id", "thread_id"),
    )


def _count(before: dict[tuple[int, int], tuple[int, int, int]], after: dict[tuple[int, int], _Tally]) -> None:
    changes: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for (folder_id, _), (_, count, unread) in before.items():
        changes[folder_id][0] -= count
        changes[folder_id][1] -= unread
    for (folder_id, _), tally in after.items():
        changes[folder_id][0] += len(tally.letters)
        changes[folder_id][1] += tally.unread
    for folder_id, (total, unread) in sorted(changes.items()):
        if total or unread:
            Folder.objects.filter(pk=folder_id).update(total=F("total") + total, unread=F("unread") + unread)
