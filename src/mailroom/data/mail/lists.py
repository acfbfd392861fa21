"""Pages of lists: threads of folders, letters of a card, letters of a thread. Keyset paging by date key.

Each page costs a bounded number of index reads however large the mailbox is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from mailroom.core.datekey import instant_of
from mailroom.data.contacts.models import Claim, Company, Person

from .models import Message, Placement
from .visibility import Reach, sift, visible_to

PAGE = 50
COUNTED = 1000
"""Cards count exactly up to here and say "1000+" beyond."""
_TERMS = 200
"""Sub-selects in one statement; SQLite allows 500."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thread in a folder's list, represented by its newest letter there."""

    thread_id: int
    message_id: int
    folder_id: int
    account_id: int
    count: int
    unread: int
    flagged: bool
    answered: bool
    attachments: int
    senders: tuple[str, ...]
    restricted: bool
    subject: str = ""
    snippet: str = ""
    from_email: str = ""
    from_address_id: int | None = None
    outgoing: bool = False

    @property
    def at(self) -> datetime:
        return instant_of(self.message_id)


def folder_page(
    reach: Reach,
    folder_ids: Sequence[int],
    *,
    before: int | None = None,
    limit: int = PAGE,
    unread_only: bool = False,
) -> list[Line]:
    """Threads of one folder or of several merged, newest first, each thread once.

    The caller has made sure that the folders belong to accounts in ``reach.account_ids``.
    """
    rows = _rows(folder_ids, before=before, limit=limit + 1, unread_only=unread_only)
    lines = list(_once_per_thread(rows))[:limit]
    letters = _letters_of(reach, lines)
    return [_described(line, letters[line.message_id]) for line in lines if line.message_id in letters]


def card_page(
    reach: Reach,
    address_ids: Sequence[int],
    *,
    before: int | None = None,
    limit: int = PAGE,
    outgoing: bool | None = None,
    account_id: int | None = None,
    attachments: bool = False,
    within: Q | None = None,
) -> list[Message]:
    """Letters of these addresses that the viewer may read, newest first; copies of a letter stand once."""
    wanted = within or Q()
    if outgoing is not None:
        wanted &= Q(outgoing=outgoing)
    if account_id is not None:
        wanted &= Q(account_id=account_id)
    if attachments:
        wanted &= Q(attachment_count__gt=0)
    found = _collect(reach, address_ids, wanted, before=before, limit=limit)
    letters = Message.objects.select_related("from_address", "account").in_bulk(found)
    return [letters[pk] for pk in found if pk in letters]


def card_count(reach: Reach, address_ids: Sequence[int]) -> int:
    """How many letters the viewer may read there, counted up to :data:`COUNTED`."""
    return len(_collect(reach, address_ids, Q(), before=None, limit=COUNTED))


def thread_messages(reach: Reach, thread_id: int) -> list[Message]:
    """The letters of a thread that the viewer may read, oldest first, copies collapsed.

    Of several copies the one in an account that lists the viewer is shown: there flags can be set.
    """
    letters = (
        visible_to(reach)
        .filter(thread_id=thread_id)
        .exclude(fate=Message.Fate.HIDDEN)
        .select_related("from_address", "account")
    )
    best: dict[bytes, Message] = {}
    for letter in sorted(letters, key=lambda one: (one.account_id not in reach.listed_ids, one.pk)):
        best.setdefault(bytes(letter.letter_key), letter)
    return sorted(best.values(), key=lambda one: one.pk)


def addresses_of(card: Company | Person) -> list[int]:
    """Ids of the addresses a card owns, for whatever reason."""
    mine = Q(company=card) if isinstance(card, Company) else Q(person=card)
    return list(Claim.objects.filter(mine).values_list("address_id", flat=True).distinct())


def _rows(folder_ids: Sequence[int], *, before: int | None, limit: int, unread_only: bool) -> list[Line]:
    """One limited read of the list index per folder: a sort over all of them would read every row."""
    newer = " AND newest < %s" if before is not None else ""
    unread = " AND unread > 0" if unread_only else ""
    select = (
        "SELECT * FROM (SELECT thread_id, newest, folder_id, account_id, count, unread, flagged, answered,"
        " attachments, senders, restricted FROM mail_threadrow"
        f" WHERE folder_id = %s{newer}{unread} ORDER BY newest DESC LIMIT %s) t"
    )
    found: list[Line] = []
    for start in range(0, len(folder_ids), _TERMS):
        chunk = folder_ids[start : start + _TERMS]
        values = [
            value
            for folder in chunk
            for value in ((folder, before, limit) if before is not None else (folder, limit))
        ]
        found += [_line(row) for row in _fetch(" UNION ALL ".join([select] * len(chunk)), values)]
    return sorted(found, key=lambda line: -line.message_id)


def _line(row: Sequence[Any]) -> Line:
    (thread_id, message_id, folder_id, account_id, count, unread) = row[:6]
    flagged, answered, attachments, senders, restricted = row[6:]
    return Line(
        thread_id=thread_id,
        message_id=message_id,
        folder_id=folder_id,
        account_id=account_id,
        count=count,
        unread=unread,
        flagged=bool(flagged),
        answered=bool(answered),
        attachments=attachments,
        senders=tuple(json.loads(senders) if isinstance(senders, str) else senders),
        restricted=bool(restricted),
    )


def _once_per_thread(rows: Iterable[Line]) -> Iterable[Line]:
    merged: dict[int, Line] = {}
    for line in rows:
        first = merged.get(line.thread_id)
        merged[line.thread_id] = (
            line if first is None else replace(first, unread=max(first.unread, line.unread))
        )
    return merged.values()


def _letters_of(reach: Reach, lines: Sequence[Line]) -> dict[int, dict[str, Any]]:
    fields = ("pk", "subject", "snippet", "from_address__email", "from_address_id", "outgoing")
    plain = [line.message_id for line in lines if not line.restricted]
    letters = {letter["pk"]: letter for letter in Message.objects.filter(pk__in=plain).values(*fields)}
    for line in lines:
        if line.restricted:
            letters |= _newest_allowed(reach, line, fields)
    return letters


def _newest_allowed(reach: Reach, line: Line, fields: Sequence[str]) -> dict[int, dict[str, Any]]:
    """A row that hides something: shown by the newest letter this viewer may read, or not at all."""
    letter = (
        visible_to(reach)
        .filter(
            thread_id=line.thread_id,
            placements__folder_id=line.folder_id,
            placements__state=Placement.State.LIVE,
        )
        .order_by("-pk")
        .values(*fields)
        .first()
    )
    return {line.message_id: letter} if letter else {}


def _described(line: Line, letter: dict[str, Any]) -> Line:
    return replace(
        line,
        message_id=letter["pk"],
        subject=letter["subject"],
        snippet=letter["snippet"],
        from_email=letter["from_address__email"] or "",
        from_address_id=letter["from_address_id"],
        outgoing=letter["outgoing"],
    )


def _collect(
    reach: Reach, address_ids: Sequence[int], wanted: Q, *, before: int | None, limit: int
) -> list[int]:
    """Walk the history in strides until the page is full: copies and filters thin each stride out."""
    found: dict[bytes, int] = {}
    stride = limit * 2
    while len(found) < limit:
        ids = _history(address_ids, reach.on_cards, before=before, limit=stride)
        letters = [letter for letter in sift(reach, ids) if letter.on_cards]
        if wanted:
            ids_wanted = Message.objects.filter(wanted, pk__in=[letter.pk for letter in letters])
            chosen = set(ids_wanted.values_list("pk", flat=True))
            letters = [letter for letter in letters if letter.pk in chosen]
        for letter in letters:
            found.setdefault(letter.letter_key, letter.pk)
        if len(ids) < stride:
            break
        before, stride = ids[-1], stride * 2
    return list(found.values())[:limit]


def _history(
    address_ids: Sequence[int], account_ids: frozenset[int], *, before: int | None, limit: int
) -> list[int]:
    """The newest message ids of these addresses below ``before``, from the covering index alone."""
    if not address_ids or not account_ids:
        return []
    accounts = ",".join(str(int(pk)) for pk in sorted(account_ids))
    newer = " AND message_id < %s" if before is not None else ""
    one = (
        "SELECT * FROM (SELECT DISTINCT message_id FROM mail_participant WHERE address_id = %s"
        f" AND account_id IN ({accounts}){newer} ORDER BY message_id DESC LIMIT %s) t"
    )
    ids: set[int] = set()
    for start in range(0, len(address_ids), _TERMS):
        chunk = address_ids[start : start + _TERMS]
        values = [v for pk in chunk for v in ((pk, before, limit) if before is not None else (pk, limit))]
        ids.update(row[0] for row in _fetch(" UNION ALL ".join([one] * len(chunk)), values))
    return sorted(ids, reverse=True)[:limit]


def _fetch(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    if not statement:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
