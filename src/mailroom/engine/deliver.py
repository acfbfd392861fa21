"""Sending one letter: the phases are written down as they are entered, the answers decide what follows."""

from __future__ import annotations

import logging
import random

from django.utils import timezone

from mailroom.actions import sending, sent_copies
from mailroom.actions.sending import Answers, LostLetter
from mailroom.core.delivery import ReplyKind, SmtpReply, State
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Account
from mailroom.data.outbox.models import Outgoing
from mailroom.data.vault.sealing import Sealed
from mailroom.wire import quirks
from mailroom.wire.failures import AfterDot, AskPerson, Failure, GiveUp, Kind, OurBug
from mailroom.wire.smtp import Reply, SmtpSession

from .connecting import credentials, outgoing, trust
from .keeping import renewing

logger = logging.getLogger(__name__)

_THROTTLED = frozenset({Kind.THROTTLED, Kind.OVER_QUOTA})


def deliver_next(owner: str) -> bool:
    """Send the letter that is due longest; False when none is due."""
    claimed = sending.claim_outgoing(owner, timezone.now())
    if claimed is None:
        return False
    try:
        deliver(claimed)
    except LostLetter:
        logger.warning("A letter was taken over while it was being sent.", extra={"action": "deliver"})
    return True


def deliver(letter: Outgoing) -> Outgoing:
    """One attempt at a claimed letter, from the connection to the copy in Sent."""
    wanted = sending.recipients_left(letter)
    with renewing(lambda: sending.renew_outgoing(letter, timezone.now())):
        answers = _attempt(letter, wanted)
    row = sending.record(letter, answers, at=timezone.now(), jitter=random.random())  # noqa: S311
    if row.state == State.SENT:
        keep_copy(row)
    return row


def keep_copy(row: Outgoing) -> None:
    """Our copy, in its own transaction: whatever goes wrong here never sends the letter again."""
    try:
        sent_copies.keep_copy(row, server_saves=_server_saves(row.account), at=timezone.now())
    except Exception:
        logger.exception("The copy of a sent letter could not be stored yet.", extra={"action": "keep_copy"})


def keep_missing_copies() -> int:
    """Copies that a crash kept from being stored; returns how many were missing."""
    missing = sent_copies.without_copy()
    for row in missing:
        keep_copy(row)
    return len(missing)


def _server_saves(account: Account) -> bool | None:
    known = quirks.saves_sent(account.outgoing_host)
    return account.server_saves_sent if known is None else known


def _attempt(letter: Outgoing, wanted: list[str]) -> Answers:
    """Talk to the server; every way it can go wrong becomes data."""
    try:
        session = SmtpSession.open(outgoing(letter.account), trust(), credentials(letter.account))
        with session:
            done = session.send(
                letter.envelope_from,
                wanted,
                content_of(letter.blob),
                before_dot=lambda: sending.dot_leaves(letter),
            )
    except AfterDot as silence:
        # The answers to RCPT are lost with the connection: everybody may have the letter.
        everybody = {email: SmtpReply(250) for email in wanted}
        return Answers(everybody, None, kind=str(silence.kind), words=silence.words)
    except Failure as failed:
        return _failed(failed)
    except Sealed:
        return Answers({}, None, kind="keys_lost", wait=ReplyKind.SIGN_IN)
    replies = {email: _reply(reply) for email, reply in done.recipients.items()}
    return Answers(replies, _reply(done.final) if done.final else None)


def _failed(failed: Failure) -> Answers:
    """A failure before the dot: the server cannot have accepted anything."""
    never = isinstance(failed, GiveUp | OurBug)
    wait = None
    if isinstance(failed, AskPerson):
        wait = ReplyKind.SIGN_IN
    elif failed.kind in _THROTTLED:
        wait = ReplyKind.THROTTLED
    return Answers({}, None, kind=str(failed.kind), words=failed.words, refused=never, wait=wait)


def _reply(reply: Reply) -> SmtpReply:
    return SmtpReply(reply.code, reply.text)
