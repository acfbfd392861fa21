"""The closed union of what a plan may ask for. A step is a value; playing it is the engine's work.

Every step may be repeated: a process killed between two steps plans again and reaches the same end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailroom.core.sync.state import Checkpoint, Flags


class ScanReason(StrEnum):
    """Why nothing short of the flags of every message will do."""

    FIRST = "first"
    NOT_LISTED = "not_listed"
    TORN = "torn"
    COUNT_DIFFERS = "count_differs"
    UIDNEXT_WENT_BACK = "uidnext_went_back"
    MODSEQ_WENT_BACK = "modseq_went_back"


class HoldReason(StrEnum):
    """Why a step was not taken yet."""

    MASS_REMOVAL = "mass_removal"
    REKEY_LOSES_TOO_MUCH = "rekey_loses_too_much"


class Outcome(StrEnum):
    """How a change made here ended."""

    DONE = "done"
    """Its effect was seen on the server."""
    SUPERSEDED = "superseded"
    """A later change names the same flags."""
    LOCAL_ONLY = "local_only"
    """The server cannot keep it; it stays a fact of this side."""


@dataclass(frozen=True, slots=True)
class StoreFlags:
    """Tell the server: UID STORE +FLAGS and -FLAGS. The intents end when the effect is observed, not here."""

    uids: tuple[int, ...]
    """Ascending, 500 at most."""
    add: Flags = frozenset()
    remove: Flags = frozenset()


@dataclass(frozen=True, slots=True)
class SetFlags:
    """Write down what the server confirmed (``base``) and what the user sees (``local``)."""

    placement_id: int
    base: Flags
    local: Flags
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Settle:
    """A change made here has come to its end."""

    intent_id: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Fetch:
    """Messages not known yet, newest first. Each gets an outcome of its own; one that fails is parked."""

    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """Messages before the start date: remembered as known, not fetched."""

    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unlink:
    """No longer in this folder. The message stays; it may turn up elsewhere, or again under the same UID."""

    placement_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Restore:
    """Unlinked before, and here again under the same UID: the absence was no removal."""

    placement_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Relink:
    """A message known already sits at ``uid`` of this folder; nothing is fetched.

    ``placement_id`` is the unlinked placement that moves here with its history; None means a copy: a
    second placement of the message.
    """

    uid: int
    message_id: int
    placement_id: int | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """UIDs without a placement (before the start date, filtered, parked) that are no longer on the server."""

    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FullScan:
    """Ask for the flags of every message, then plan again."""

    reason: ScanReason


@dataclass(frozen=True, slots=True)
class Rekey:
    """UIDVALIDITY changed: no UID command before ``core.sync.rekey`` has matched the messages anew.

    ``stable`` is false where the server gives 0: then UIDs mean nothing beyond the session, and nothing
    is ever changed or removed there from this side.
    """

    old: int | None
    new: int
    stable: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """Too much would leave the view at once: wait for a second witness.

    The witness is a complete listing over another connection, a minute later at the earliest; its
    absent UIDs are given back as ``Policy.witnessed``.
    """

    reason: HoldReason
    uids: tuple[int, ...]
    """Absent, by the testimony of the first witness; of the old numbering in a rekey."""
    held: int
    """Messages held in the folder, among which these are."""


@dataclass(frozen=True, slots=True)
class Advance:
    """Move the checkpoint; always last, and only after every UID of a Fetch before it has an outcome.

    Being written down as waiting is an outcome, being dropped after a failure is not.
    """

    checkpoint: Checkpoint


Step = (
    StoreFlags
    | SetFlags
    | Settle
    | Fetch
    | Skip
    | Unlink
    | Restore
    | Relink
    | Forget
    | FullScan
    | Rekey
    | Hold
    | Advance
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are to be played; it can be printed, counted, refused."""

    steps: tuple[Step, ...] = ()
    missed: int = 0
    """Messages below the checkpoint never seen before: a defect of the past, repaired by this plan."""

    @property
    def quiet(self) -> bool:
        """Nothing to do: this side, the base and the server agree."""
        return not self.steps

    @property
    def hold(self) -> Hold | None:
        """The step that waits for a second witness, if there is one."""
        return next((step for step in self.steps if isinstance(step, Hold)), None)

    @property
    def look_again(self) -> bool:
        """True when playing the plan leaves something to be observed: a scan, or the echo of a STORE."""
        return any(isinstance(step, StoreFlags | FullScan) for step in self.steps)
