"""Flags of a placement as text in a column: the same set is always the same text."""

from __future__ import annotations

from mailroom.core.sync.state import Flags


def flags_text(flags: Flags) -> str:
    return " ".join(sorted(flags))


def flags_of(text: str) -> Flags:
    return frozenset(text.split())
