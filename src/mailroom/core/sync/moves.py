"""The next step of a move or a deletion on the server, from what is written down and what is seen.

COPY and MOVE cannot be repeated blindly. Before either leaves, the numbers of the destination are written
down as evidence; after a doubt the folders are read, and what is read decides. OK proves little.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MOST_ATTEMPTS = 5
"""So often the server said OK and nothing came of it: then it is a failure that people see."""


class Phase(StrEnum):
    """How far a move has come; each is durable before the next command leaves."""

    PENDING = "pending"
    """Nothing was sent: it may be taken back without a trace."""
    COPYING = "copying"
    """Evidence is written; the command may have been sent."""
    COPIED = "copied"
    """The copy was seen in the destination; the original is to go."""


class How(StrEnum):
    """The command that moves."""

    MOVE = "move"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The destination as it was before the command: what has a lower UID was there before."""

    uidvalidity: int
    uidnext: int
    how: How


@dataclass(frozen=True, slots=True)
class Seen:
    """What this session knows; None is what nobody has looked at yet (since the last command)."""

    source: bool | None = None
    """The message is in the folder that it is to leave, under its UID."""
    marked: bool = False
    """It carries ``\\Deleted`` there."""
    uidvalidity: int | None = None
    """Of the destination, now."""
    uidnext: int | None = None
    copy: bool | None = None
    """Among the UIDs of the destination that may be the copy, one is recognised."""
    ready: bool = False
    """The evidence was written by this session, and its command has not left yet."""
    answered: bool = False
    """The command was sent by this session and answered with OK."""
    expunged: bool = False
    """UID EXPUNGE was answered with OK in this session."""


@dataclass(frozen=True, slots=True)
class Can:
    """What the server offers (RFC 6851, RFC 4315)."""

    move: bool
    uidplus: bool


class Question(StrEnum):
    """What is to be looked at before anything can be decided."""

    SOURCE = "source"
    TARGET = "target"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Ask:
    """Look first."""

    question: Question


@dataclass(frozen=True, slots=True)
class Prepare:
    """Write the evidence down, durably; then the command may leave."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Send:
    """UID MOVE or UID COPY."""

    how: How


@dataclass(frozen=True, slots=True)
class NoteCopied:
    """Write down, durably, that the copy is there; then the original may go."""


@dataclass(frozen=True, slots=True)
class Mark:
    """UID STORE +FLAGS.SILENT (\\Deleted)."""


@dataclass(frozen=True, slots=True)
class Expunge:
    """UID EXPUNGE of this UID, never a bare EXPUNGE: that destroys what others have marked."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Without UIDPLUS the marked original stays on the server, hidden here."""


@dataclass(frozen=True, slots=True)
class Land:
    """It is not in the old folder any more: reading the new one gives its number."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done now: it was moved or removed by others, or the server is slow."""


@dataclass(frozen=True, slots=True)
class Fail:
    """It will never work: people see it, and the view here returns to what the server has."""

    kind: str


Step = Ask | Prepare | Send | NoteCopied | Mark | Expunge | Leave | Land | Wait | Fail


def next_move(phase: Phase, evidence: Evidence | None, seen: Seen, can: Can, *, attempts: int = 0) -> Step:
    """What to do next for a move. Played from any phase, after any interruption, it leads to the same end."""
    if seen.source is None and not seen.ready:
        return Ask(Question.SOURCE)
    if not seen.source and not seen.ready:
        # Gone before we sent anything: somebody else was quicker, and the looks at the folders tell where to.
        return Wait() if phase is Phase.PENDING else Land()
    if phase is Phase.COPIED:
        return _remove(seen, can)
    if phase is Phase.PENDING or evidence is None:
        return _prepare(seen, can, attempts)
    return _copying(evidence, seen, can, attempts)


def next_deletion(seen: Seen, can: Can) -> Step:
    """What to do next for a deletion on the server; every step may be repeated."""
    if seen.source is None:
        return Ask(Question.SOURCE)
    return _remove(seen, can) if seen.source else Land()


def first_possible(evidence: Evidence, uidvalidity: int | None) -> int:
    """The lowest UID of the destination that may be our copy.

    Under a new numbering any match counts: a second copy that is missed is better than a letter lost.
    """
    return evidence.uidnext if uidvalidity == evidence.uidvalidity else 1


def _prepare(seen: Seen, can: Can, attempts: int) -> Step:
    if attempts >= MOST_ATTEMPTS:
        return Fail("no_effect")
    if seen.uidvalidity is None or seen.uidnext is None:
        return Ask(Question.TARGET)
    return Prepare(Evidence(seen.uidvalidity, seen.uidnext, How.MOVE if can.move else How.COPY))


def _copying(evidence: Evidence, seen: Seen, can: Can, attempts: int) -> Step:
    if seen.ready:
        return Send(evidence.how)
    if evidence.how is How.MOVE:
        # OK, and still there: not again in this session, or a server out of its mind is asked for ever.
        return Wait() if seen.answered else _prepare(seen, can, attempts)
    if seen.uidvalidity is None:
        return Ask(Question.TARGET)
    if seen.copy is None:
        return Ask(Question.COPY)
    if seen.copy:
        return NoteCopied()
    return Wait() if seen.answered else _prepare(seen, can, attempts)


def _remove(seen: Seen, can: Can) -> Step:
    if not seen.marked:
        return Mark()
    if not can.uidplus:
        return Leave()
    return Wait() if seen.expunged else Expunge()
