"""How an account is doing: its state, its progress, and what a failed pass means for the next one.

Kinds and cures are keys and the words are the server's own; the sentence for people is made in the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from mailroom.data.mail.models import Account, News

from .leases import Lease, insist

POLL_AT_LEAST = timedelta(minutes=15)
"""A connection dropped by a NAT looks idle for ever, so IDLE alone is never trusted."""

_TRANSIENT = (timedelta(seconds=5), timedelta(minutes=15))
_THROTTLED = (timedelta(minutes=15), timedelta(hours=6))
_THROTTLE_KINDS = frozenset({"throttled", "over_quota"})
_STOPS = frozenset({"wrong_password", "no_permission", "imap_off", "not_allowed"})
"""Trying these again by ourselves locks mailboxes; a person (or changed settings) starts the next pass."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong in a pass, in words that rows can hold."""

    kind: str
    words: str = ""
    cure: str = ""
    asks_person: bool = False
    """No retry helps: somebody has to change something."""


def begin(lease: Lease, *, capabilities: list[str] | None = None) -> None:
    """Signed in: a new account enters its first sync."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        account = Account.objects.get(pk=lease.account_id)
        fields: list[str] = []
        if capabilities is not None and account.capabilities != capabilities:
            account.capabilities, fields = capabilities, [*fields, "capabilities"]
        first = account.last_in_step_at is None and account.state != Account.State.LIVE
        if first and account.state != Account.State.FIRST_SYNC:
            account.state, fields = Account.State.FIRST_SYNC, [*fields, "state"]
            _tell(account, News.Kind.STATE, {"state": account.state}, lease.claimed_at)
        if fields:
            account.save(update_fields=fields)


def note_progress(lease: Lease, *, stored: int, total: int, at: datetime) -> None:
    """How many of the letters to be stored are stored; told to open pages."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        changed = (
            Account.objects.filter(pk=lease.account_id)
            .exclude(progress_stored=stored, progress_total=total)
            .update(progress_stored=stored, progress_total=total)
        )
        if changed:
            about = {"stored": stored, "total": total}
            News.objects.create(account_id=lease.account_id, kind=News.Kind.PROGRESS, about=about, at=at)


def finish(lease: Lease, *, in_step: bool, soon: bool = False, at: datetime) -> timedelta:
    """A pass came to its end; returns the time until the next one by itself.

    ``in_step``: the ledger balances and nothing waits. ``soon``: something is to be looked at again in a
    minute, such as a removal that waits for its second witness.
    """
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        account = Account.objects.get(pk=lease.account_id)
        before = account.state
        account.state = Account.State.LIVE
        if in_step:
            account.last_in_step_at = at
        account.fail_count = 0
        account.error_kind = account.error_words = account.error_cure = ""
        account.error_at = None
        account.save(
            update_fields=[
                "state",
                "last_in_step_at",
                "fail_count",
                "error_kind",
                "error_words",
                "error_cure",
                "error_at",
            ]
        )
        if account.state != before:
            _tell(account, News.Kind.STATE, {"state": account.state}, at)
    if soon:
        return timedelta(minutes=1)
    return min(timedelta(minutes=max(1, account.poll_minutes)), POLL_AT_LEAST)


def fail(lease: Lease, trouble: Trouble, *, at: datetime, jitter: float) -> datetime | None:
    """A pass failed; returns when to try again (None: only when a person asks). ``jitter`` is in 0..1."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        account = Account.objects.get(pk=lease.account_id)
        account.fail_count += 1
        account.state = Account.State.NEEDS_PERSON if trouble.asks_person else Account.State.RETRYING
        account.error_kind, account.error_words = trouble.kind[:32], clean(trouble.words)
        account.error_cure, account.error_at = trouble.cure[:64], at
        account.save(
            update_fields=["fail_count", "state", "error_kind", "error_words", "error_cure", "error_at"]
        )
        _tell(account, News.Kind.STATE, {"state": account.state}, at)
    pause = retry_after(trouble, account.fail_count, jitter)
    return None if pause is None else at + pause


def retry_after(trouble: Trouble, failures: int, jitter: float) -> timedelta | None:
    """The pause before the next try: doubling from 5 s to 15 min; throttled: 15 min to 6 h."""
    if trouble.kind in _STOPS:
        return None
    # A wrong name or a bad certificate may be mended by others: look again now and then, cheaply.
    if trouble.asks_person:
        return _TRANSIENT[1]
    first, longest = _THROTTLED if trouble.kind in _THROTTLE_KINDS else _TRANSIENT
    pause: timedelta = min(first * 2 ** min(max(failures, 1) - 1, 12), longest)
    return pause * (0.5 + jitter / 2)


def clean(words: str) -> str:
    """A server's words as PostgreSQL keeps them: no NUL, no lone surrogates, not endless."""
    return words.replace("\0", "").encode("utf-8", "replace").decode("utf-8")[:2000]


def _tell(account: Account, kind: str, about: Mapping[str, object], at: datetime) -> None:
    News.objects.create(account=account, kind=kind, about=dict(about), at=at)
