"""Why an action was not done: facts by key, never a sentence; the page and REST say them in words.

Three reactions are told apart: what was written is wrong (400/422), the person may not (403), or it
clashes with how things stand (409).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: ``field`` as in the REST form (``incoming.port``), empty for the whole of it."""

    field: str
    key: str
    """Names the sentence, such as ``required`` or ``line_break``."""
    about: Mapping[str, str | int] = dataclasses.field(default_factory=dict)
    """Values the sentence may show."""


class Refused(Exception):
    """The action was not done and nothing was changed; ``faults`` say why."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(*(f"{fault.field}: {fault.key}" for fault in faults))
        self.faults = tuple(faults)


class Invalid(Refused):
    """What was written is wrong; written otherwise it would work."""


class NotAllowed(Refused):
    """This person may not do this."""


class Clash(Refused):
    """It contradicts the present state: done already, or too late."""


def invalid(field: str, key: str, **about: str | int) -> Invalid:
    return Invalid([Fault(field, key, about)])


def not_allowed(key: str, field: str = "", **about: str | int) -> NotAllowed:
    return NotAllowed([Fault(field, key, about)])


def clash(key: str, field: str = "", **about: str | int) -> Clash:
    return Clash([Fault(field, key, about)])
