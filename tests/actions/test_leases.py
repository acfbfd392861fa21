"""Who works on an account: one at a time, and whoever lost the right can write nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from mailroom.actions import leases
from mailroom.actions.leases import Lease, LostLease
from mailroom.data.mail.models import Account, Intent
from tests import letters

pytestmark = pytest.mark.django_db

AT = timezone.now()
MINUTE = timedelta(minutes=1)


def account(email: str = "sales@firm.example", **fields: object) -> Account:
    made = letters.account(email)
    Account.objects.filter(pk=made.pk).update(**{"state": Account.State.LIVE, "next_at": None} | fields)
    return Account.objects.get(pk=made.pk)


def claimed(made: Account, at: datetime = AT) -> Lease:
    lease = leases.claim(made.pk, "one", at)
    assert lease is not None
    return lease


def test_an_account_has_one_worker_and_every_claim_a_higher_fence() -> None:
    made = account()

    first = claimed(made)

    assert leases.claim(made.pk, "two", AT + MINUTE / 2) is None
    second = claimed(made, AT + 2 * MINUTE)
    assert second.fence > first.fence
    assert not leases.fence_holds(made.pk, first.fence)
    assert not leases.renew(first, AT)
    with pytest.raises(LostLease):
        leases.insist(made.pk, first.fence)
    leases.insist(made.pk, second.fence)


def test_a_lease_is_held_for_as_long_as_it_is_renewed() -> None:
    made = account()
    lease = claimed(made)

    assert leases.renew(lease, AT + MINUTE)

    assert leases.claim(made.pk, "two", AT + MINUTE * 1.5) is None


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({}, False),
        ({"next_at": AT - MINUTE}, True),
        ({"next_at": AT + MINUTE}, False),
        ({"wanted_at": AT}, True),
        ({"wanted_at": AT, "active": False}, False),
        ({"next_at": AT - MINUTE, "lease_until": AT + MINUTE}, False),
        ({"next_at": AT - MINUTE, "lease_until": AT - MINUTE}, True),
        ({"state": Account.State.NEEDS_PERSON}, False),
        ({"state": Account.State.NEEDS_PERSON, "wanted_at": AT}, True),
    ],
)
def test_when_an_account_is_due(fields: dict[str, object], due: bool) -> None:
    made = account(**fields)

    lease = leases.claim_due("one", AT)

    assert (lease is not None and lease.account_id == made.pk) is due


@pytest.mark.parametrize(
    ("state", "due"), [("live", True), ("first_sync", True), ("retrying", False), ("needs_person", False)]
)
def test_a_change_made_here_makes_an_account_due_unless_it_is_in_trouble(state: str, due: bool) -> None:
    made = account(state=state)
    message_id = letters.put(made, letters.raw()).message_ids[0]
    Intent.objects.create(
        account=made, kind="flags", message_id=message_id, next_at=AT - MINUTE, created_at=AT
    )

    assert (leases.claim_due("one", AT) is not None) is due


def test_who_is_wanted_comes_before_who_is_merely_due() -> None:
    account("a@firm.example", next_at=AT - 9 * MINUTE)
    wanted = account("b@firm.example", wanted_at=AT)

    lease = leases.claim_due("one", AT)

    assert lease is not None
    assert lease.account_id == wanted.pk


def test_what_is_wanted_during_a_pass_stays_wanted_after_it() -> None:
    made = account(wanted_at=AT - MINUTE)
    lease = claimed(made)
    assert not leases.wanted_since(lease)
    leases.want([made.pk], AT + MINUTE)
    assert leases.wanted_since(lease)

    leases.release(lease, next_at=AT + 9 * MINUTE)

    made.refresh_from_db()
    assert made.wanted_at == AT + MINUTE
    assert (made.lease_owner, made.lease_until) == ("", None)


def test_what_was_wanted_before_a_pass_is_fulfilled_by_it() -> None:
    made = account(wanted_at=AT - MINUTE)

    leases.release(claimed(made), next_at=None)

    assert Account.objects.get(pk=made.pk).wanted_at is None


def test_a_dead_worker_is_robbed_at_once_and_its_fence_is_void() -> None:
    made = account()
    lease = claimed(made)

    assert leases.take_from(["one"]) == 1

    assert not leases.fence_holds(made.pk, lease.fence)
    assert leases.claim(made.pk, "two", AT) is not None


def test_a_pass_that_lost_its_lease_does_not_release_the_next_one() -> None:
    made = account()
    slept = claimed(made)
    other = claimed(made, AT + 2 * MINUTE)

    assert not leases.release(slept, next_at=None)

    assert leases.renew(other, AT + 2 * MINUTE)
