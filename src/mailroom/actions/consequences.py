"""What happens if I press this: figures, from which page and REST make a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """What the server hears of a change."""

    NO_COPY = "no_copy"
    """There is no copy on a server."""
    NOTHING = "nothing"
    """No command; the copy on the server stays where it is."""
    MOVED = "moved"
    """Moved there too."""
    REMOVED = "removed"
    """Removed there for good."""


_STRENGTH = {effect: index for index, effect in enumerate(Effect)}


@dataclass(frozen=True, slots=True)
class Consequence:
    """What was done, or would be."""

    letters: int
    server: Effect
    """The strongest among the letters."""
    others: tuple[str, ...]
    """Names of the colleagues on the list of the mailboxes: they see the change too."""

    @property
    def on_server(self) -> bool:
        """The server's copy changes."""
        return self.server in (Effect.MOVED, Effect.REMOVED)


def strongest(effects: Iterable[Effect]) -> Effect:
    """The effect that people should be told of."""
    return max(effects, key=_STRENGTH.__getitem__, default=Effect.NO_COPY)
