"""Letters on their way out: claimed, recorded as they go; what is in doubt is never sent again by itself.

The states and what leads from one to the other are those of :mod:`mailroom.core.delivery`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from mailroom.core.delivery import (
    TO_SEND,
    Event,
    Outcome,
    Phase,
    RecipientState,
    ReplyKind,
    SmtpReply,
    State,
    next_attempt,
    outcome,
    settle,
    step,
)
from mailroom.data.mail.models import Access, News
from mailroom.data.outbox.models import Attempt, Outgoing, Recipient
from mailroom.data.people.models import User

from .durable import durable
from .health import clean
from .refusals import clash, invalid, not_allowed

LEASE = timedelta(seconds=60)
"""Renewed while the letter is on its way; a worker that was killed is noticed after this."""


class LostLetter(Exception):
    """Another worker has taken over the letter, or a person called it back: do not send the dot."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What an attempt brought to light, in words that rows can hold."""

    rcpt: Mapping[str, SmtpReply]
    final: SmtpReply | None
    kind: str = ""
    words: str = ""
    refused: bool = False
    """The letter as such will never be taken: nobody is left to try."""
    wait: ReplyKind | None = None
    """Why it waits, where no reply says so (a refused sign-in)."""


# ------------------------------------------------------------------ claiming


def claim_outgoing(owner: str, at: datetime) -> Outgoing | None:
    """Claim the letter that is due longest, for one attempt; None when nothing is due."""
    due = Outgoing.objects.filter(_due(at)).order_by("next_at", "pk").values_list("pk", flat=True)
    for pk in due[:8]:
        claimed = _claim(pk, owner, at)
        if claimed is not None:
            return claimed
    return None


def _due(at: datetime) -> Q:
    return Q(state__in=[State.QUEUED, State.HELD], next_at__lte=at, account__active=True)


def _claim(pk: int, owner: str, at: datetime) -> Outgoing | None:
    with durable():
        claimed = Outgoing.objects.filter(_due(at), pk=pk).update(
            state=State.SENDING,
            phase=Phase.PRE_DATA,
            attempts=F("attempts") + 1,
            lease_owner=owner,
            lease_until=at + LEASE,
        )
        if not claimed:
            return None
        outgoing = Outgoing.objects.select_related("account__secret", "blob").get(pk=pk)
        Attempt.objects.create(
            outgoing=outgoing, number=outgoing.attempts, phase=Phase.PRE_DATA, started_at=at
        )
    return outgoing


def renew_outgoing(outgoing: Outgoing, at: datetime) -> bool:
    """Hold the letter for longer; False when it is no longer ours."""
    return bool(_ours(outgoing).update(lease_until=at + LEASE))


def _ours(outgoing: Outgoing) -> QuerySet[Outgoing]:
    return Outgoing.objects.filter(
        pk=outgoing.pk, state=State.SENDING, lease_owner=outgoing.lease_owner, attempts=outgoing.attempts
    )


def recipients_left(outgoing: Outgoing) -> list[str]:
    """Addresses this attempt is for: whoever has neither got the letter nor been refused for good."""
    left = [state.value for state in TO_SEND]
    return list(outgoing.recipients.filter(state__in=left).order_by("pk").values_list("email", flat=True))


# ------------------------------------------------------------------ recording


def dot_leaves(outgoing: Outgoing) -> None:
    """On the disk before the final dot leaves. Raises :class:`LostLetter` when the letter is not ours."""
    with durable():
        if not _ours(outgoing).filter(phase=Phase.PRE_DATA).update(phase=Phase.DOT):
            raise LostLetter(outgoing.pk)
        Attempt.objects.filter(outgoing=outgoing, number=outgoing.attempts).update(phase=Phase.DOT)
    outgoing.phase = Phase.DOT


def record(outgoing: Outgoing, answers: Answers, *, at: datetime, jitter: float) -> Outgoing:
    """Write down what an attempt came to; the state follows from the answers alone."""
    with durable():
        row = _ours(outgoing).select_for_update().first()
        if row is None:
            raise LostLetter(outgoing.pk)
        phase = Phase(row.phase)
        before = _states(row)
        came = outcome(before, phase=phase, rcpt=answers.rcpt, final=answers.final)
        if answers.refused:
            came = Outcome(Event.REFUSED, _refuse(before))
            came = _some_have_it(came)
        _write_recipients(row, came.recipients, answers)
        _move(row, came, answers, phase, at, jitter)
        Attempt.objects.filter(outgoing=row, number=row.attempts).update(
            ended_at=at, outcome=came.event.value, words=clean(answers.words or _text(answers.final))
        )
        _tell(row, at)
    return row


def _states(row: Outgoing) -> dict[str, RecipientState]:
    return {email: RecipientState(state) for email, state in row.recipients.values_list("email", "state")}


def _refuse(before: Mapping[str, RecipientState]) -> dict[str, RecipientState]:
    return {email: RecipientState.FAILED if state in TO_SEND else state for email, state in before.items()}


def _some_have_it(came: Outcome) -> Outcome:
    has = RecipientState.SENT in came.recipients.values()
    return Outcome(Event.ACCEPTED if has else Event.REFUSED, came.recipients, came.kind)


def _write_recipients(
    row: Outgoing, states: Mapping[str, RecipientState], answers: Answers | None = None
) -> None:
    changed = []
    for recipient in row.recipients.all():
        state = states[recipient.email]
        reply = _reply_to(recipient, state, answers)
        if reply is not None:
            recipient.code, recipient.reply = reply.code, clean(f"{reply.code} {reply.text}")
        if reply is not None or recipient.state != state:
            recipient.state = state
            changed.append(recipient)
    Recipient.objects.bulk_update(changed, ["state", "code", "reply"])


def _reply_to(recipient: Recipient, state: RecipientState, answers: Answers | None) -> SmtpReply | None:
    """The answer that decided: to the dot if the address was taken, else to RCPT."""
    if answers is None or recipient.email not in answers.rcpt:
        return None
    own = answers.rcpt[recipient.email]
    if own.code >= 400:
        return own
    return answers.final


def _move(row: Outgoing, came: Outcome, answers: Answers, phase: Phase, at: datetime, jitter: float) -> None:
    state, into = step(State.SENDING, phase, came.event)
    row.state, row.phase = state.value, into.value
    row.lease_owner, row.lease_until = "", None
    row.error_kind, row.error_words = answers.kind[:32], clean(answers.words)
    if state is State.SENT:
        row.sent_at, row.next_at = at, None
        row.error_kind = row.error_words = ""
    elif state is State.QUEUED:
        row.next_at = next_attempt(
            attempts=row.attempts,
            queued_at=row.created_at,
            at=at,
            jitter=jitter,
            kind=answers.wait or came.kind,
        )
        if row.next_at is None:
            row.state = step(State.QUEUED, Phase.NONE, Event.EXHAUSTED)[0].value
            _write_recipients(row, _refuse(_states(row)))
    else:
        row.next_at = None
    row.save(
        update_fields=[
            "state",
            "phase",
            "lease_owner",
            "lease_until",
            "error_kind",
            "error_words",
            "sent_at",
            "next_at",
        ]
    )


def _text(reply: SmtpReply | None) -> str:
    return f"{reply.code} {reply.text}" if reply else ""


def _tell(row: Outgoing, at: datetime) -> None:
    about = {"outgoing": row.pk, "state": row.state}
    News.objects.create(account_id=row.account_id, kind=News.Kind.SENT, about=about, at=at)


# ------------------------------------------------------------------ after a crash


def recover_outgoing(at: datetime, *, dead: Iterable[str] = ()) -> list[int]:
    """Letters whose worker is dead: before the dot queued again, after it uncertain. Returns their ids.

    ``dead`` names owners known to be gone; all others are dead when their lease has run out.
    """
    lost = Outgoing.objects.filter(state=State.SENDING).filter(
        Q(lease_until__lte=at) | Q(lease_until=None) | Q(lease_owner__in=list(dead))
    )
    recovered = []
    for row in lost:
        answers = Answers({}, None, kind="crashed")
        if row.phase == Phase.DOT:
            # What RCPT was answered went down with the worker: everybody may have the letter.
            answers = Answers({email: SmtpReply(250) for email in recipients_left(row)}, None, kind="crashed")
        try:
            record(row, answers, at=at, jitter=0.0)
        except LostLetter:
            continue
        recovered.append(row.pk)
    return recovered


def seen_in_sent(account_id: int, references: Iterable[str], at: datetime) -> list[Outgoing]:
    """Letters in doubt of which the server itself filed a copy: that is evidence, they were sent."""
    found = []
    with durable():
        doubtful = Outgoing.objects.select_for_update(no_key=True).filter(
            account=account_id, reference__in=list(references), state=State.UNCERTAIN
        )
        for row in doubtful:
            _write_recipients(row, settle(_states(row), Event.EVIDENCE))
            row.state = step(State.UNCERTAIN, Phase.NONE, Event.EVIDENCE)[0].value
            row.sent_at, row.error_kind, row.error_words = at, "", ""
            row.save(update_fields=["state", "sent_at", "error_kind", "error_words"])
            _tell(row, at)
            found.append(row)
    return found


def owners_sending() -> set[str]:
    """Who says to be sending right now."""
    return set(Outgoing.objects.filter(state=State.SENDING).values_list("lease_owner", flat=True))


# ------------------------------------------------------------------ what a person decides


def cancel_outgoing(*, by: User, outgoing: Outgoing) -> Outgoing:
    """Take a letter back that has not begun to leave. Raises NotAllowed, Clash."""
    _check(by, outgoing)
    at = timezone.now()
    with transaction.atomic():
        cancelled = Outgoing.objects.filter(
            pk=outgoing.pk, state__in=[State.HELD, State.QUEUED]
        ).update(state=State.FAILED, error_kind="cancelled", error_words="", next_at=None)  # fmt: skip
        if not cancelled:
            raise clash("too_late_to_cancel")
        outgoing.refresh_from_db()
        _write_recipients(outgoing, _refuse(_states(outgoing)))
        _tell(outgoing, at)
    return outgoing


def retry_outgoing(*, by: User, outgoing: Outgoing) -> Outgoing:
    """Try a queued letter now. Raises NotAllowed, Clash."""
    _check(by, outgoing)
    if not Outgoing.objects.filter(pk=outgoing.pk, state=State.QUEUED).update(next_at=timezone.now()):
        raise clash("not_queued")
    outgoing.refresh_from_db()
    return outgoing


def resolve_outgoing(*, by: User, outgoing: Outgoing, as_: str) -> Outgoing:
    """Settle a letter in doubt: it was sent, or send it again (a new letter of the same bytes).

    Returns the letter marked as sent, or the new one. Raises NotAllowed, Clash, Invalid.
    """
    _check(by, outgoing)
    if as_ not in ("sent", "again"):
        raise invalid("as", "unknown_choice")
    event = Event.MARK_SENT if as_ == "sent" else Event.SENT_AGAIN
    at = timezone.now()
    with durable():
        row = Outgoing.objects.select_for_update().filter(pk=outgoing.pk, state=State.UNCERTAIN).first()
        if row is None:
            raise clash("not_uncertain")
        before = _states(row)
        _write_recipients(row, settle(before, event))
        row.state = step(State.UNCERTAIN, Phase.NONE, event)[0].value
        row.sent_at = at if event is Event.MARK_SENT else None
        row.save(update_fields=["state", "sent_at"])
        _tell(row, at)
        return row if event is Event.MARK_SENT else _again(row, before, by, at)


def _again(row: Outgoing, before: Mapping[str, RecipientState], by: User, at: datetime) -> Outgoing:
    """The same bytes for everybody who does not surely have them."""
    again = Outgoing.objects.create(
        account_id=row.account_id,
        author=by,
        idempotency_key=f"again-{row.pk}",
        reference=str(uuid.uuid4()),
        mid=row.mid,
        subject=row.subject,
        envelope_from=row.envelope_from,
        blob_id=row.blob_id,
        state=State.QUEUED,
        next_at=at,
        answers_id=row.answers_id,
        again_of=row,
        confidential=row.confidential,
    )
    doubtful = (RecipientState.UNCERTAIN, *TO_SEND)
    Recipient.objects.bulk_create(
        Recipient(
            outgoing=again,
            field=recipient.field,
            name=recipient.name,
            email=recipient.email,
            address_id=recipient.address_id,
        )
        for recipient in row.recipients.order_by("pk")
        if before[recipient.email] in doubtful
    )
    return again


def _check(by: User, outgoing: Outgoing) -> None:
    if not Access.objects.filter(account=outgoing.account_id, user=by).exists():
        raise not_allowed("may_not_send")
