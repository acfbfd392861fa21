"""Asking the index: a query tree in, letters the asker may read out, newest first.

Words are answered by the index, which is also shown the accounts; the rest by the tables. What remains to
be checked per letter (cards, privacy) is checked on the few that came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo

from django.db.models import Exists, OuterRef, Q

from mailroom.core.datekey import date_key
from mailroom.core.search import AttachmentSize, Clause, Dated, Field, HasAttachment, Is, Query, State, Words
from mailroom.data.contacts.models import Claim, Company
from mailroom.data.mail.models import Account, Attachment, Folder, Message, Participant, Placement
from mailroom.data.mail.visibility import Reach, sift

from .engines import Ask, ask

TEXT_FIELDS = frozenset({Field.ANY, Field.FROM, Field.TO, Field.CC, Field.SUBJECT, Field.FILENAME})
_LAST = (1 << 53) - 1
_FIRST_STRIDE = 100
_LAST_STRIDE = 20_000


@dataclass(frozen=True, slots=True)
class Found:
    """A page of answers; ``next`` continues it, None at the end."""

    message_ids: tuple[int, ...]
    next: int | None


@dataclass(slots=True)
class _Parts:
    words: list[Clause] = field(default_factory=list)
    tables: Q = field(default_factory=Q)
    since: int = 0
    before: int = _LAST


def query(
    reach: Reach,
    tree: Query,
    *,
    before: int | None = None,
    limit: int = 50,
    zone: tzinfo = UTC,
    within: Q | None = None,
) -> Found:
    """Letters that match and that the asker may read. ``zone`` says when a day begins.

    ``within`` narrows the messages further: one folder, one account.
    """
    parts = _parts(tree, zone)
    parts.tables &= within or Q()
    below = min(parts.before, before) if before is not None else parts.before
    found: list[int] = []
    stride = max(limit + 1, _FIRST_STRIDE)
    while len(found) <= limit:
        ids = _candidates(reach, parts, below=below, limit=stride)
        found += _kept(reach, parts, ids)
        if len(ids) < stride:
            break
        below, stride = ids[-1], min(stride * 4, _LAST_STRIDE)
    page = tuple(found[:limit])
    return Found(page, page[-1] if len(found) > limit else None)


def count(reach: Reach, tree: Query, *, most: int = 1000, zone: tzinfo = UTC) -> int:
    """How many letters match, counted up to ``most``."""
    return len(query(reach, tree, limit=most, zone=zone).message_ids)


def _kept(reach: Reach, parts: _Parts, ids: Sequence[int]) -> list[int]:
    """Of the candidates those that may be read and that the tables agree to."""
    readable = [letter.pk for letter in sift(reach, ids)]
    # Without words the candidates come from the tables already.
    if not parts.words or not parts.tables:
        return readable
    chosen = set(Message.objects.filter(parts.tables, pk__in=readable).values_list("pk", flat=True))
    return [pk for pk in readable if pk in chosen]


def _candidates(reach: Reach, parts: _Parts, *, below: int, limit: int) -> list[int]:
    accounts = sorted(reach.on_cards)
    if not accounts:
        return []
    if parts.words:
        return ask(
            Ask(tuple(parts.words), None if reach.everything else tuple(accounts), parts.since, below, limit)
        )
    letters = Message.objects.filter(parts.tables, account_id__in=accounts, pk__gte=parts.since, pk__lt=below)
    return list(letters.order_by("-pk").values_list("pk", flat=True)[:limit])


def _parts(tree: Query, zone: tzinfo) -> _Parts:
    parts = _Parts()
    for clause in tree.clauses:
        term = clause.term
        if isinstance(term, Words) and term.field in TEXT_FIELDS:
            if term.words:
                parts.words.append(clause)
        elif isinstance(term, Dated):
            _bound(parts, clause.negated != term.before, _start_of(term.day, zone))
        else:
            condition = _condition(term)
            parts.tables &= ~condition if clause.negated else condition
    return parts


def _bound(parts: _Parts, before: bool, key: int) -> None:
    if before:
        parts.before = min(parts.before, key)
    else:
        parts.since = max(parts.since, key)


def _start_of(day: date, zone: tzinfo) -> int:
    return date_key(datetime.combine(day, time(), zone), 0)


def _condition(term: Words | HasAttachment | AttachmentSize | State) -> Q:
    match term:
        case HasAttachment():
            return Q(attachment_count__gt=0)
        case AttachmentSize(octets, larger):
            size = Q(size__gte=octets) if larger else Q(size__lte=octets)
            return Q(Exists(Attachment.objects.filter(size, message=OuterRef("pk"), inline=False)))
        case State(state):
            return _placed(_STATES[state])
        case Words(field=Field.ACCOUNT):
            return Q(account_id__in=_accounts(term))
        case Words(field=Field.FOLDER):
            return _placed(Q(folder_id__in=_folders(term)))
        case Words(field=Field.COMPANY):
            claims = Claim.objects.filter(company__in=_companies(term), address=OuterRef("address"))
            return Q(Exists(Participant.objects.filter(Exists(claims), message=OuterRef("pk"))))
        case _:
            # Labels of letters come with the desk; nothing carries one yet.
            return Q(pk__in=())


_STATES = {
    Is.UNREAD: Q(seen=False),
    Is.READ: Q(seen=True),
    Is.FLAGGED: Q(flagged=True),
    Is.ANSWERED: Q(answered=True),
}


def _placed(how: Q) -> Q:
    live = Placement.objects.filter(how, message=OuterRef("pk"), state=Placement.State.LIVE)
    return Q(Exists(live))


def _accounts(term: Words) -> Sequence[int]:
    named = Account.objects.filter(Q(name_key__contains=term.text) | Q(email__icontains=term.text))
    return list(named.values_list("pk", flat=True))


def _folders(term: Words) -> Sequence[int]:
    """By role (``in:inbox``) or by the folder's own name."""
    named = Folder.objects.filter(Q(role=term.text) | Q(name_key=term.text))
    return list(named.values_list("pk", flat=True))


def _companies(term: Words) -> Sequence[int]:
    named = Company.objects.all()
    for word in term.words:
        named = named.filter(name_key__contains=word)
    return list(named.values_list("pk", flat=True))
