"""What becomes of a letter to be sent: one table of states, and the meaning of each SMTP reply.

Before the final dot the server cannot have accepted anything, so every failure means "try again". After
it, without an answer, nobody knows (RFC 1047): then nothing is sent again by itself, ever. From *sent* and
from *uncertain* no way leads back to *sending*; a person's "again" makes a new Outgoing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

GIVE_UP_AFTER = timedelta(hours=48)
LIMITED_FOR = timedelta(days=7)
"""How long a letter waits that only a daily limit keeps back: that is nobody's refusal."""
TELL_AFTER = timedelta(hours=1)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
THROTTLED_PAUSE = timedelta(minutes=5)
SIGN_IN_PAUSE = timedelta(minutes=30)


class State(StrEnum):
    """Where an Outgoing stands."""

    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


class Phase(StrEnum):
    """How far an attempt has come; written down durably before it is entered."""

    NONE = ""
    PRE_DATA = "pre_data"
    """Nothing can have been accepted yet."""
    DOT = "dot"
    """The final CRLF.CRLF may have left."""


class Event(StrEnum):
    """What happens to an Outgoing."""

    RELEASE = "release"
    """The undo window is over, the planned time has come, or a person approved."""
    CLAIM = "claim"
    """A worker begins an attempt."""
    DOT = "dot"
    """Everything but the last octets is with the server; they leave next."""
    ACCEPTED = "accepted"
    """Nobody is left to send to, and somebody has it."""
    LATER = "later"
    """Somebody is left to send to, by the server's own words."""
    REFUSED = "refused"
    """Nobody is left to send to, and nobody has it."""
    LOST = "lost"
    """No answer: connection lost, timeout, crash, or found so at start-up."""
    EXHAUSTED = "exhausted"
    """Tried for as long as is decent."""
    CANCEL = "cancel"
    EVIDENCE = "evidence"
    """Seen in the Sent folder, in a bounce, in a relay's log: it did go out."""
    MARK_SENT = "mark_sent"
    """A person says so."""
    SENT_AGAIN = "sent_again"
    """A person had a new Outgoing made of the same bytes; this one is history."""


Place = tuple[State, Phase]
_PRE: Place = (State.SENDING, Phase.PRE_DATA)
_DOT: Place = (State.SENDING, Phase.DOT)


def _at(state: State) -> Place:
    return state, Phase.NONE


TABLE: Mapping[Place, Mapping[Event, Place]] = {
    _at(State.HELD): {
        Event.RELEASE: _at(State.QUEUED),
        Event.CANCEL: _at(State.FAILED),
    },
    _at(State.QUEUED): {
        Event.CLAIM: _PRE,
        Event.EXHAUSTED: _at(State.FAILED),
        Event.CANCEL: _at(State.FAILED),
    },
    _PRE: {
        Event.DOT: _DOT,
        Event.LATER: _at(State.QUEUED),
        Event.LOST: _at(State.QUEUED),
        Event.REFUSED: _at(State.FAILED),
        # Some had it in an earlier transaction, and the rest were refused in this one.
        Event.ACCEPTED: _at(State.SENT),
    },
    _DOT: {
        Event.ACCEPTED: _at(State.SENT),
        Event.LATER: _at(State.QUEUED),
        Event.REFUSED: _at(State.FAILED),
        Event.LOST: _at(State.UNCERTAIN),
    },
    _at(State.UNCERTAIN): {
        Event.EVIDENCE: _at(State.SENT),
        Event.MARK_SENT: _at(State.SENT),
        Event.SENT_AGAIN: _at(State.FAILED),
    },
    _at(State.SENT): {},
    _at(State.FAILED): {},
}


class ForbiddenStep(ValueError):
    """An event that has no place in the state it met: a bug here, or a person who came too late (409)."""


def step(state: State, phase: Phase, event: Event) -> Place:
    """The state and phase after an event; raises ForbiddenStep."""
    try:
        return TABLE[state, phase][event]
    except KeyError:
        raise ForbiddenStep(f"{event} at {state}/{phase or '-'}") from None


def recover(state: State, phase: Phase) -> Place:
    """What a row found at start-up really is, its worker being dead."""
    return step(state, phase, Event.LOST) if state is State.SENDING else (state, phase)


# --- replies ---------------------------------------------------------------------------------------


class ReplyKind(StrEnum):
    """What a reply asks for."""

    ACCEPTED = "accepted"
    LATER = "later"
    THROTTLED = "throttled"
    DAILY_LIMIT = "daily_limit"
    SIGN_IN = "sign_in"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    """No answer that SMTP knows."""


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """One reply (RFC 5321 4.2): its code and all of its text, beginning with any enhanced code (RFC 3463)."""

    code: int
    text: str = ""


_LIMIT = re.compile(
    r"\b5\.4\.5\b|submission\s*quota|daily\b.{0,40}\b(?:limit|quota)|(?:limit|quota)\b.{0,40}\b(?:per|a) day"
    r"|24[- ]hours?\b.{0,40}\b(?:limit|quota)",
    re.IGNORECASE | re.DOTALL,
)
_THROTTLE = re.compile(
    r"too many|too fast|thrott|rate.?limit|concurrent|thread limit|slow down|try fewer|exceeded.{0,30}rate",
    re.IGNORECASE | re.DOTALL,
)
_SIGN_IN_CODES = frozenset({454, 530, 534, 535, 538})


def kind_of(reply: SmtpReply) -> ReplyKind:
    """The meaning of a reply. Some servers call "not today" a permanent error; the words tell."""
    if 200 <= reply.code < 300:
        return ReplyKind.ACCEPTED
    if not 400 <= reply.code < 600:
        return ReplyKind.UNCLEAR
    if reply.code in _SIGN_IN_CODES and not re.search(r"TLS not available", reply.text, re.IGNORECASE):
        return ReplyKind.SIGN_IN
    if _LIMIT.search(reply.text):
        return ReplyKind.DAILY_LIMIT
    if reply.code >= 500:
        return ReplyKind.REFUSED
    throttled = reply.code in (421, 432) or _THROTTLE.search(reply.text)
    return ReplyKind.THROTTLED if throttled else ReplyKind.LATER


# --- recipients ------------------------------------------------------------------------------------


class RecipientState(StrEnum):
    """What became of one address."""

    WAITING = "waiting"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


TO_SEND = frozenset({RecipientState.WAITING, RecipientState.DEFERRED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one SMTP transaction came to."""

    event: Event
    recipients: Mapping[str, RecipientState]
    """All of them, those settled in earlier transactions included."""
    kind: ReplyKind | None = None
    """The gravest reason to wait, when the event is LATER."""


def outcome(
    before: Mapping[str, RecipientState],
    *,
    phase: Phase,
    rcpt: Mapping[str, SmtpReply],
    final: SmtpReply | None,
) -> Outcome:
    """Merge the answers of a transaction into the recipients' states, and say what happened to the whole.

    ``phase`` is the one written down last, ``rcpt`` the answers to each RCPT, ``final`` the answer to the
    dot, or to whatever came last before it; None = no answer any more.
    """
    recipients = {
        email: _fate(rcpt.get(email), phase, final) if state in TO_SEND else state
        for email, state in before.items()
    }
    states = set(recipients.values())
    if RecipientState.UNCERTAIN in states:
        return Outcome(Event.LOST, recipients)
    if states & TO_SEND:
        lost = final is None and RecipientState.WAITING in states
        return Outcome(Event.LOST if lost else Event.LATER, recipients, _reason(rcpt, final))
    return Outcome(Event.ACCEPTED if RecipientState.SENT in states else Event.REFUSED, recipients)


def settle(recipients: Mapping[str, RecipientState], event: Event) -> dict[str, RecipientState]:
    """The recipients after a letter in doubt was settled by evidence or by a person.

    Whoever was to be tried later is not: nothing leads from doubt back to sending.
    """
    doubtful = RecipientState.FAILED if event is Event.SENT_AGAIN else RecipientState.SENT
    into = {
        RecipientState.UNCERTAIN: doubtful,
        RecipientState.WAITING: RecipientState.FAILED,
        RecipientState.DEFERRED: RecipientState.FAILED,
    }
    return {email: into.get(state, state) for email, state in recipients.items()}


def _fate(rcpt: SmtpReply | None, phase: Phase, final: SmtpReply | None) -> RecipientState:
    # Never asked for, or the connection broke first: the next transaction asks.
    if rcpt is None:
        return RecipientState.WAITING
    if kind_of(rcpt) is not ReplyKind.ACCEPTED:
        return _refused(kind_of(rcpt))
    if final is None:
        return RecipientState.UNCERTAIN if phase is Phase.DOT else RecipientState.WAITING
    kind = kind_of(final)
    if kind is ReplyKind.ACCEPTED:
        return RecipientState.SENT if phase is Phase.DOT else RecipientState.WAITING
    # Gibberish after the dot is no answer.
    if kind is ReplyKind.UNCLEAR and phase is Phase.DOT:
        return RecipientState.UNCERTAIN
    return _refused(kind)


def _refused(kind: ReplyKind) -> RecipientState:
    return RecipientState.FAILED if kind is ReplyKind.REFUSED else RecipientState.DEFERRED


_GRAVITY = (
    ReplyKind.SIGN_IN,
    ReplyKind.DAILY_LIMIT,
    ReplyKind.THROTTLED,
    ReplyKind.LATER,
    ReplyKind.UNCLEAR,
)


def _reason(rcpt: Mapping[str, SmtpReply], final: SmtpReply | None) -> ReplyKind | None:
    kinds = {kind_of(reply) for reply in (*rcpt.values(), final) if reply is not None}
    return next((kind for kind in _GRAVITY if kind in kinds), None)


# --- when again ------------------------------------------------------------------------------------


def next_attempt(
    *, attempts: int, queued_at: datetime, at: datetime, jitter: float, kind: ReplyKind | None = None
) -> datetime | None:
    """When to try again after ``attempts`` tries, the last one at ``at``; None = give up (EXHAUSTED).

    ``jitter`` between 0 and 1 spreads letters that failed together. A refused sign-in waits for the
    person as long as it takes: that is no fault of the letter.
    """
    spread = 0.8 + 0.4 * jitter
    if kind is ReplyKind.SIGN_IN:
        return at + SIGN_IN_PAUSE * spread
    if kind is ReplyKind.DAILY_LIMIT:
        again = max(_next_day(at), at + LONGEST_PAUSE) + FIRST_PAUSE * 10 * jitter
        return again if again <= queued_at + LIMITED_FOR else None
    pause = min(FIRST_PAUSE * 2 ** min(max(attempts - 1, 0), 10), LONGEST_PAUSE)
    if kind is ReplyKind.THROTTLED:
        pause = max(pause, THROTTLED_PAUSE)
    again = at + pause * spread
    return again if again <= queued_at + GIVE_UP_AFTER else None


def is_worth_telling(*, queued_at: datetime, at: datetime) -> bool:
    """True when a letter has waited so long that its author should hear of it."""
    return at - queued_at >= TELL_AFTER


def _next_day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
