"""What a POP3 maildrop needs, decided without I/O: rows, a listing and a policy in, steps out.

A message is deleted only where its row says that it is saved, and its headers, seen in this session, say
that it is still the same message.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mailroom.core.sync.maildrop import (
    Delete,
    Deletes,
    Fetch,
    Forget,
    Found,
    Gone,
    Key,
    Known,
    Listed,
    Look,
    Outcome,
    Plan,
    Policy,
    Reason,
    Sight,
    Skip,
    Step,
    TooBig,
    Wanted,
    derived,
)

FORGET_AFTER = timedelta(days=90)
"""How long an id is remembered after it has left the server: some come back, some are given anew."""
RELEARN_FROM = 10
"""So many ids known, none of them there, and yet there is mail: the server changed their format."""
LOOK_AT_ONCE = 500
"""Headers asked for before anything is fetched by them: the newest letters do not wait for the oldest."""
FEW = 10
"""So many new letters are fetched whole and judged then: a look at their headers would cost more."""

Sights = Mapping[int, Sight]
"""By number: what was seen in this session, also of what was fetched."""


def plan(
    known: Iterable[Known], listing: Sequence[Listed], policy: Policy, *, at: datetime, sights: Sights
) -> Plan:
    """Decide what a maildrop needs. ``listing`` is everything in it.

    Played, with what was fetched given an outcome and a sight, and planned again until it is settled, no
    step is left but Delete. Playing may stop after any step: the next plan leads to the same end.
    """
    nameless = [one.number for one in listing if not one.uidl and one.number not in sights]
    if nameless:
        # No id to know them by: nothing can be said before their headers are here.
        return Plan((Look(_newest_first(nameless), Reason.NO_UIDL),), waiting=None)
    match = _Match(list(known), listing, sights)
    if match.doubtful:
        return Plan((_look(match.doubtful, Reason.RETURNED),), waiting=None)
    unseen = [wanted for wanted in match.new if wanted.number not in sights]
    if match.lost_everything and unseen:
        # None of many ids is there and yet there is mail: a migration changed the ids, not the letters.
        return Plan((_look(unseen, Reason.FORMAT_CHANGED),), waiting=None)
    return _steps(match, policy, sights, at)


class _Match:
    """Which message is which row."""

    def __init__(self, rows: Sequence[Known], listing: Sequence[Listed], sights: Sights) -> None:
        self.rows = rows
        self.kept: list[tuple[Wanted, Known]] = []
        """The same message as ever."""
        self.found: list[Found] = []
        self.new: list[Wanted] = []
        self.doubtful: list[Wanted] = []
        """Their id is known, but not whether it stands on the same message."""
        self.matched: set[int] = set()
        groups = _by_uidl(listing, sights)
        rows_of: dict[str, list[Known]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row.key.nth):
            rows_of[row.key.uidl].append(row)
        left = [
            wanted for uidl, group in groups.items() for wanted in self._known(group, rows_of[uidl], sights)
        ]
        live = [row for row in rows if row.gone_at is None]
        self.lost_everything = len(live) >= RELEARN_FROM and not self.matched
        self._recognise(left, live, sights)

    def _known(self, group: list[Wanted], rows: Sequence[Known], sights: Sights) -> list[Wanted]:
        """Match the messages of one id with its rows; returns those that are none of them."""
        for wanted in list(group):
            row = next((row for row in rows if self._is_same(wanted, row, sights)), None)
            if row is not None:
                self.matched.add(row.row_id)
                self.kept.append((replace(wanted, key=row.key, row_id=row.row_id), row))
                group.remove(wanted)
        open_rows = [row for row in rows if row.row_id not in self.matched]
        left = []
        for wanted in group:
            sight = sights.get(wanted.number)
            if sight is None and open_rows:
                # Its id was gone, or stands on a message of another size.
                self.doubtful.append(wanted)
                continue
            back = next((row for row in open_rows if sight and _alike(sight, row)), None)
            if back is None:
                left.append(wanted)
            else:
                # Away for a while, or its bytes are counted in another way: the same letter.
                open_rows.remove(back)
                self._find(back, back.key, wanted)
        free = max((row.key.nth for row in rows), default=-1) + 1
        return [
            replace(wanted, key=Key(wanted.key.uidl, free + offset)) for offset, wanted in enumerate(left)
        ]

    def _is_same(self, wanted: Wanted, row: Known, sights: Sights) -> bool:
        if row.row_id in self.matched or row.gone_at is not None:
            return False
        sight = sights.get(wanted.number)
        if sight is not None and sight.identity and row.identity:
            return sight.identity == row.identity and row.size == wanted.size
        return row.size in (0, wanted.size) or not wanted.size

    def _recognise(self, left: Iterable[Wanted], live: Iterable[Known], sights: Sights) -> None:
        """A letter known under another id: the ids changed, in format or by moving up."""
        by_identity: dict[str, deque[Known]] = defaultdict(deque)
        for row in live:
            if row.row_id not in self.matched and row.identity:
                by_identity[row.identity].append(row)
        for wanted in left:
            identity = sights.get(wanted.number, Sight()).identity
            if identity and by_identity[identity]:
                self._find(by_identity[identity].popleft(), wanted.key, wanted)
            else:
                self.new.append(wanted)

    def _find(self, row: Known, key: Key, wanted: Wanted) -> None:
        self.matched.add(row.row_id)
        self.found.append(Found(row.row_id, key, wanted.size))


def _by_uidl(listing: Sequence[Listed], sights: Sights) -> dict[str, list[Wanted]]:
    """Messages by their id, in the order of the numbers."""
    groups: dict[str, list[Wanted]] = defaultdict(list)
    for one in sorted(listing, key=lambda one: one.number):
        identity = sights.get(one.number, Sight()).identity or f"unseen {one.number}"
        uidl = one.uidl or derived(identity)
        groups[uidl].append(Wanted(one.number, Key(uidl, len(groups[uidl])), one.size))
    return groups


def _alike(sight: Sight, row: Known) -> bool:
    return sight.identity is not None and sight.identity == row.identity


# ------------------------------------------------------------------ the steps


def _steps(match: _Match, policy: Policy, sights: Sights, at: datetime) -> Plan:
    steps: list[Step] = [*match.found, *_absent(match), *_outdated(match, at)]
    judged, unjudged = _judged(match, policy, sights)
    waiting = len(match.new) + len(_again(match, policy))
    if unjudged and not judged and not steps:
        return Plan((_look(unjudged, Reason.START_DATE, most=LOOK_AT_ONCE),), waiting)
    steps += _newcomers(judged, match, policy, sights)
    if not steps and not unjudged:
        steps += _deletions(match, policy, sights, at)
    return Plan(tuple(steps), waiting)


def _judged(match: _Match, policy: Policy, sights: Sights) -> tuple[list[Wanted], list[Wanted]]:
    """What may be fetched or left now, and what has to show its date first."""
    if policy.starts_at is None or not policy.can_top:
        return [*match.new, *_again(match, policy)], []
    unseen = [wanted for wanted in match.new if wanted.number not in sights]
    if len(unseen) <= FEW and not any(_over(wanted, policy) for wanted in unseen):
        unseen = []
    numbers = {wanted.number for wanted in unseen}
    return [w for w in match.new if w.number not in numbers] + _again(match, policy), unseen


def _again(match: _Match, policy: Policy) -> list[Wanted]:
    """Known, and to be fetched after all: the start date moved earlier, or a failure is tried again."""
    return [
        wanted
        for wanted, row in match.kept
        if (row.outcome is Outcome.BEFORE_START and not _early(row.received_at, policy))
        or (row.outcome is Outcome.PARKED and row.due)
    ]


def _newcomers(judged: Iterable[Wanted], match: _Match, policy: Policy, sights: Sights) -> list[Step]:
    asked_for = {row.row_id for _, row in match.kept if row.outcome is Outcome.PARKED and row.due}
    fetch, skip, too_big = [], [], []
    for wanted in sorted(judged, key=lambda wanted: -wanted.number):
        if wanted.row_id is None and _early(sights.get(wanted.number, Sight()).received_at, policy):
            skip.append(wanted)
        elif _over(wanted, policy) and wanted.row_id not in asked_for:
            too_big.append(wanted)
        else:
            fetch.append(wanted)
    steps: list[Step] = [Skip(tuple(skip))] if skip else []
    steps += [TooBig(tuple(too_big))] if too_big else []
    steps += [Fetch(tuple(fetch))] if fetch else []
    return steps


def _absent(match: _Match) -> list[Step]:
    """Not listed any more, whoever deleted it."""
    left = [row.row_id for row in match.rows if row.gone_at is None and row.row_id not in match.matched]
    return [Gone(tuple(left))] if left else []


def _outdated(match: _Match, at: datetime) -> list[Step]:
    old = [
        row.row_id
        for row in match.rows
        if row.gone_at is not None and at - row.gone_at >= FORGET_AFTER and row.row_id not in match.matched
    ]
    return [Forget(tuple(old))] if old else []


def _early(received_at: datetime | None, policy: Policy) -> bool:
    """Without a date it is let in: too much is better than too little."""
    return bool(policy.starts_at and received_at and received_at < policy.starts_at)


def _over(wanted: Wanted, policy: Policy) -> bool:
    return policy.most_bytes is not None and wanted.size > policy.most_bytes


# ------------------------------------------------------------------ deleting


def _deletions(match: _Match, policy: Policy, sights: Sights, at: datetime) -> list[Step]:
    may = [(wanted, row) for wanted, row in match.kept if may_delete(row, policy, at)]
    # One of several messages that share an id goes with all of them or not at all: which is which may shift.
    listed = Counter(wanted.key.uidl for wanted, _ in match.kept)
    ready = Counter(wanted.key.uidl for wanted, _ in may)
    may = [(wanted, row) for wanted, row in may if ready[row.key.uidl] == listed[row.key.uidl]]
    unseen = [wanted for wanted, _ in may if wanted.number not in sights]
    if unseen:
        return [_look(unseen, Reason.BEFORE_DELETE)]
    doomed = tuple(wanted for wanted, row in may if _alike(sights[wanted.number], row))
    return [Delete(doomed)] if doomed else []


def may_delete(row: Known, policy: Policy, at: datetime) -> bool:
    """Whether the policy lets this message go: never one that is not saved, or has no id of the server."""
    if row.outcome is not Outcome.STORED or row.saved_at is None or row.gone_at or row.key.derived:
        return False
    match policy.deletes:
        case Deletes.NEVER:
            return False
        case Deletes.PURGED:
            return row.purged
        case Deletes.STORED:
            return row.purged or at >= row.saved_at + timedelta(days=policy.keep_days)


def _look(wanted: Iterable[Wanted], reason: Reason, *, most: int | None = None) -> Look:
    return Look(_newest_first(one.number for one in wanted)[:most], reason)


def _newest_first(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(numbers, reverse=True))
