"""Flag sets: one spelling, and the merge of three states that loses nobody's intent.

A flag is present or not, so two sides that both changed it since the base changed it to the same
value: there is no conflict to ask a person about, only changes to carry over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mailroom.core.sync.state import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags

ANY_KEYWORD = "\\*"
"""In PERMANENTFLAGS: the server keeps keywords that it has not seen before (RFC 3501 7.1)."""

RECENT = "\\Recent"
"""Belongs to a session, not to a message: never kept, never stored (RFC 3501 2.3.2)."""

_CANONICAL = {
    name.lower(): name
    for name in (
        SEEN,
        FLAGGED,
        ANSWERED,
        DELETED,
        DRAFT,
        "$Forwarded",
        "$MDNSent",
        "$Junk",
        "$NotJunk",
        "$Phishing",
        "$Important",
    )
}


class Merge(NamedTuple):
    """What to believe and what to tell the server after a merge."""

    base: Flags
    """What the server has confirmed from now on."""
    local: Flags
    """What the user sees from now on."""
    push_add: Flags
    """Flags set here that the server still has to hear of."""
    push_remove: Flags
    """Flags cleared here that the server still has to hear of."""


def canonical(flag: str) -> str:
    """One spelling of a flag: system flags are case-insensitive (RFC 3501 2.3.2), keywords stay as sent."""
    return _CANONICAL.get(flag.lower(), flag)


def canonical_flags(flags: Iterable[str]) -> Flags:
    """A set of flags in canonical spelling, without ``\\Recent``."""
    return frozenset(canonical(flag) for flag in flags if flag.lower() != RECENT.lower())


def merge(base: Flags, local: Flags, remote: Flags) -> Merge:
    """Carry the changes of both sides since ``base`` over to the other.

    What was changed here and has not been confirmed wins for the flags it names, the server for all
    others. Exchanging ``local`` and ``remote`` gives the same flags for the user.
    """
    base, local, remote = canonical_flags(base), canonical_flags(local), canonical_flags(remote)
    added, removed = local - base, base - local
    return Merge(
        base=remote,
        local=(remote | added) - removed,
        push_add=added - remote,
        push_remove=removed & remote,
    )


def storable(flags: Flags, *, permanent: Flags, read_only: bool) -> Flags:
    """Those of ``flags`` that the server will still know in the next session.

    A server that names no permanent flags at all keeps them all (RFC 3501 7.1).
    """
    if read_only:
        return frozenset()
    if not permanent:
        return flags
    kept = canonical_flags(permanent)
    return frozenset(
        flag for flag in flags if flag in kept or (ANY_KEYWORD in kept and not flag.startswith("\\"))
    )
