"""Recognising a message that moved, was renumbered or copied: neither lost nor fetched twice.

Never by Message-ID alone: different letters carry the same one, and some carry none.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailroom.core.sync.state import Flags
from mailroom.core.sync.steps import Relink


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a message by which another sight of it can be recognised; any part may be missing."""

    email_id: str | None = None
    """EMAILID (RFC 8474) or X-GM-MSGID."""
    raw_sha256: str | None = None
    """Digest of the exact bytes, when they are known."""
    message_id: str | None = None
    """Without angle brackets."""
    size: int | None = None
    """RFC822.SIZE as the server gave it."""
    internaldate: datetime | None = None
    header_digest: str | None = None
    """Digest of From, To, Date, Subject and the first Received, normalised."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A UID that is new in a folder, with what its headers say."""

    uid: int
    identity: Identity
    flags: Flags = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message known already.

    With ``placement_id``, an unlinked placement looking for its new home: it is given away once. Without,
    a message that still sits elsewhere: each arrival that equals it is a copy.
    """

    message_id: int
    identity: Identity
    placement_id: int | None = None
    uid: int = 0
    """Where the placement sat before: equal copies are matched in the order of their UIDs."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """Who is who."""

    relinks: tuple[Relink, ...]
    """Ascending by UID."""
    new: tuple[int, ...]
    """UIDs nobody claims, newest first: ordinary new mail."""
    unclaimed: tuple[Candidate, ...]
    """Unlinked placements that were not found here."""


def adopt(arrivals: Sequence[Arrival], candidates: Sequence[Candidate]) -> Adoption:
    """Match new UIDs with known messages, the surest evidence first, as multisets in UID order.

    Homeless placements go before copies. Two digests of the whole bytes that differ forbid a match,
    whatever else agrees.
    """
    open_arrivals = {arrival.uid: arrival for arrival in sorted(arrivals, key=lambda item: item.uid)}
    homeless = sorted((item for item in candidates if item.placement_id is not None), key=_where)
    settled = [item for item in candidates if item.placement_id is None]
    taken: set[int | None] = set()
    relinks: list[Relink] = []
    for evidence in _EVIDENCE:
        free = [item for item in homeless if item.placement_id not in taken]
        for uid, candidate in _pairs(open_arrivals.values(), free, evidence, once=True):
            taken.add(candidate.placement_id)
            relinks.append(Relink(uid, candidate.message_id, candidate.placement_id))
            del open_arrivals[uid]
        for uid, candidate in _pairs(open_arrivals.values(), settled, evidence, once=False):
            relinks.append(Relink(uid, candidate.message_id))
            del open_arrivals[uid]
    return Adoption(
        relinks=tuple(sorted(relinks, key=lambda relink: relink.uid)),
        new=tuple(sorted(open_arrivals, reverse=True)),
        unclaimed=tuple(item for item in homeless if item.placement_id not in taken),
    )


def _where(candidate: Candidate) -> tuple[int, int]:
    return candidate.uid, candidate.placement_id or 0


def _by_email_id(identity: Identity) -> Hashable:
    return identity.email_id or None


def _by_bytes(identity: Identity) -> Hashable:
    return identity.raw_sha256 or None


def _by_size_and_date(identity: Identity) -> Hashable:
    if identity.message_id and identity.size is not None and identity.internaldate is not None:
        return identity.message_id, identity.size, identity.internaldate
    return None


def _by_headers(identity: Identity) -> Hashable:
    if identity.message_id and identity.header_digest:
        return identity.message_id, identity.header_digest
    return None


_EVIDENCE: tuple[Callable[[Identity], Hashable], ...] = (
    _by_email_id,
    _by_bytes,
    _by_size_and_date,
    _by_headers,
)


def _pairs(
    arrivals: Iterable[Arrival],
    candidates: Iterable[Candidate],
    evidence: Callable[[Identity], Hashable],
    *,
    once: bool,
) -> list[tuple[int, Candidate]]:
    """Arrivals and candidates that agree by one kind of evidence; ``once``: no candidate serves twice."""
    waiting: dict[Hashable, deque[Candidate]] = defaultdict(deque)
    for candidate in candidates:
        key = evidence(candidate.identity)
        if key is not None:
            waiting[key].append(candidate)
    pairs = []
    for arrival in arrivals:
        key = evidence(arrival.identity)
        queue = waiting.get(key) if key is not None else None
        match = next((item for item in queue or () if _may_be(arrival.identity, item.identity)), None)
        if queue is not None and match is not None:
            pairs.append((arrival.uid, match))
            if once:
                queue.remove(match)
    return pairs


def _may_be(one: Identity, other: Identity) -> bool:
    return not (one.raw_sha256 and other.raw_sha256 and one.raw_sha256 != other.raw_sha256)
