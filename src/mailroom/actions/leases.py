"""Who works on which account: a lease with a fence, claimed by one conditional UPDATE.

A fence grows with every claim. Whoever writes for an account asks inside the transaction whether the
fence still holds, so a worker that slept through its lease can change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When

from mailroom.data.mail.models import Account, Intent

LEASE = timedelta(seconds=60)
"""A worker renews well before; one that was killed keeps an account for this long at most."""

CANDIDATES = 8
"""Due accounts looked at in one go: several workers asking together find different ones."""


class LostLease(Exception):
    """Another worker has claimed the account meanwhile: stop, and commit nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for an account until another fence is given out."""

    account_id: int
    owner: str
    fence: int
    claimed_at: datetime


def claim_due(owner: str, at: datetime) -> Lease | None:
    """Claim one account that is due at ``at``, the one waiting longest first; None when nothing is due.

    Due: its time has come, somebody wants it, or a change made here waits for the server.
    """
    for account_id in due(at)[:CANDIDATES]:
        lease = claim(account_id, owner, at)
        if lease is not None:
            return lease
    return None


def due(at: datetime) -> QuerySet[Account, int]:
    """Ids of accounts that may be claimed now: those that somebody waits for come first."""
    waiting = Intent.objects.filter(account=OuterRef("pk"), phase__in=Intent.LIVE, next_at__lte=at)
    pushes = Q(state__in=[Account.State.LIVE, Account.State.FIRST_SYNC]) & Exists(waiting)
    return (
        Account.objects.filter(_free(at), active=True)
        .filter(Q(wanted_at__isnull=False) | Q(next_at__lte=at) | pushes)
        .order_by(Case(When(wanted_at__isnull=False, then=0), default=1), "next_at", "pk")
        .values_list("pk", flat=True)
    )


def claim(account_id: int, owner: str, at: datetime, *, length: timedelta = LEASE) -> Lease | None:
    """Claim this very account if it is active and nobody holds it; due or not."""
    with transaction.atomic():
        claimed = Account.objects.filter(_free(at), pk=account_id, active=True).update(
            lease_owner=owner, lease_fence=F("lease_fence") + 1, lease_until=at + length
        )
        if not claimed:
            return None
        fence = Account.objects.values_list("lease_fence", flat=True).get(pk=account_id)
    return Lease(account_id, owner, fence, at)


def renew(lease: Lease, at: datetime, *, length: timedelta = LEASE) -> bool:
    """Hold the account for longer; False when it is no longer ours."""
    return bool(
        Account.objects.filter(pk=lease.account_id, lease_fence=lease.fence, lease_owner=lease.owner).update(
            lease_until=at + length
        )
    )


def release(lease: Lease, *, next_at: datetime | None) -> bool:
    """Give the account back. What was wanted before the pass began is fulfilled, what came later is not."""
    fulfilled = When(wanted_at__lte=lease.claimed_at, then=Value(None))
    return bool(
        Account.objects.filter(pk=lease.account_id, lease_fence=lease.fence).update(
            lease_owner="",
            lease_until=None,
            next_at=next_at,
            wanted_at=Case(fulfilled, default=F("wanted_at")),
        )
    )


def wanted_since(lease: Lease) -> bool:
    """True when somebody asked for the account after the pass had begun."""
    return Account.objects.filter(pk=lease.account_id, wanted_at__gt=lease.claimed_at).exists()


def fulfil(lease: Lease, until: datetime) -> None:
    """What was wanted up to ``until`` has been done in the middle of a long pass."""
    Account.objects.filter(pk=lease.account_id, lease_fence=lease.fence, wanted_at__lte=until).update(
        wanted_at=None
    )


def want(account_ids: Sequence[int], at: datetime) -> None:
    """Ask for a pass as soon as a worker is free."""
    Account.objects.filter(pk__in=account_ids, active=True).update(wanted_at=at)


def fence_holds(account_id: int, fence: int) -> bool:
    """To be asked inside the transaction that writes: it locks the account's row until the commit."""
    held = (
        Account.objects.select_for_update(no_key=True)
        .filter(pk=account_id, lease_fence=fence)
        .values_list("pk", flat=True)
    )
    return bool(list(held))


def insist(account_id: int, fence: int) -> None:
    """Raise :class:`LostLease` unless the fence holds; undoes the transaction it is called in."""
    if not fence_holds(account_id, fence):
        raise LostLease(account_id)


def forget_stale(at: datetime) -> int:
    """Clear leases that ran out, so that nobody reads a dead worker's name; returns how many."""
    return (
        Account.objects.filter(lease_until__lt=at)
        .exclude(lease_owner="")
        .update(lease_owner="", lease_until=None)
    )


def take_from(owners: Sequence[str]) -> int:
    """Free what dead workers hold, at once instead of when their time is over; their fences are void."""
    held = Account.objects.filter(lease_owner__in=list(owners)).exclude(lease_owner="")
    return held.update(lease_owner="", lease_until=None, lease_fence=F("lease_fence") + 1)


def _free(at: datetime) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lte=at)
