"""Who may read what: Alice owns, Bob shares through a group, Charlie must see nothing."""

from __future__ import annotations

import pytest

from mailroom.data.contacts.models import Address, Claim, Company
from mailroom.data.mail.models import Account, Message
from mailroom.data.mail.visibility import may_read, reach_of, visible_to
from mailroom.data.people.models import Group, Role, User
from tests import letters

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return letters.user("Alice")


@pytest.fixture
def account(alice: User) -> Account:
    made = letters.account(users=[alice])
    letters.put(made, letters.raw())
    return made


def sees(user: User) -> bool:
    return visible_to(user).exists()


def test_those_listed_read_and_others_do_not(alice: User, account: Account) -> None:
    """S3-29, S5-09."""
    assert sees(alice)
    assert not sees(letters.user("Charlie"))


@pytest.mark.parametrize(("scope", "expected"), [("own", False), ("group", True), ("all", True)])
def test_a_group_reads_as_far_as_its_scope(alice: User, account: Account, scope: str, expected: bool) -> None:
    """S4-48, S4-49."""
    bob = letters.user("Bob")
    Group.objects.create(name="Sales", read_scope=scope).members.set([alice, bob])

    assert sees(bob) is expected
    assert account.pk not in reach_of(bob).listed_ids


def test_administrators_and_holders_of_all_accounts_read_but_are_not_listed(account: Account) -> None:
    """S3-28, S5-47, S5-49, C5."""
    for user in (letters.user("Root", Role.ADMINISTRATOR), letters.user("Head", can_read_all=True)):
        assert sees(user)
        assert reach_of(user).listed_ids == frozenset()


def test_a_director_reads_only_accounts_they_are_assigned_to(account: Account) -> None:
    """S5-52."""
    assert not sees(letters.user("Director", Role.DIRECTOR))


def test_a_card_shows_a_shared_account_but_its_folders_stay_closed(account: Account) -> None:
    """C4: readable on every route, in no folder list."""
    charlie = letters.user("Charlie")
    Account.objects.filter(pk=account.pk).update(card_visibility="everyone")
    assert not sees(charlie)

    company = Company.objects.create(name="Bianchi")
    Claim.objects.create(
        address=Address.objects.get(key="luca@client.example"), company=company, reason="listed"
    )

    assert sees(charlie)
    assert reach_of(charlie).account_ids == frozenset()


@pytest.mark.parametrize(("sharing", "expected"), [("members", False), ("group", True), ("everyone", True)])
def test_card_sharing_with_the_group_needs_a_common_group(
    alice: User, account: Account, sharing: str, expected: bool
) -> None:
    bob = letters.user("Bob")
    Group.objects.create(name="Sales").members.set([alice, bob])
    Account.objects.filter(pk=account.pk).update(card_visibility=sharing)
    company = Company.objects.create(name="Bianchi")
    Claim.objects.create(
        address=Address.objects.get(key="luca@client.example"), company=company, reason="listed"
    )

    assert sees(bob) is expected


def test_confidential_beats_every_grant(alice: User, account: Account) -> None:
    """C6: sender, recipient and holders of the right only."""
    Message.objects.update(confidential=True)
    root = letters.user("Root", Role.ADMINISTRATOR)
    recipient = letters.user("Sales", can_read_all=True)
    holder = letters.user("Hr", can_read_all=True, can_read_confidential=True)

    assert not sees(alice)
    assert not sees(root)
    assert sees(recipient)
    assert sees(holder)


def test_private_letters_leave_groups_and_cards_out(alice: User, account: Account) -> None:
    Message.objects.update(private_to=alice)
    head = letters.user("Head", can_read_all=True)
    root = letters.user("Root", Role.ADMINISTRATOR)

    assert sees(alice)
    assert sees(root)
    assert not sees(head)


def test_spam_is_shown_on_no_card(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(card_visibility="everyone")
    company = Company.objects.create(name="Bianchi")
    Claim.objects.create(
        address=Address.objects.get(key="luca@client.example"), company=company, reason="listed"
    )
    Message.objects.update(spam=True)

    assert not sees(letters.user("Charlie"))


def test_purged_letters_are_read_by_nobody(alice: User, account: Account) -> None:
    Message.objects.update(fate="purged")

    assert not sees(alice)
    assert may_read(reach_of(alice), Message.objects.get().pk) is None
