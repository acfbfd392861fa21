"""The cast as the database knows it: made by the actions, seen by the rights."""

from __future__ import annotations

import pytest

from mailroom.actions import people
from mailroom.data.contacts.models import Claim, Company, Person
from mailroom.data.mail.models import Account
from mailroom.data.people.models import Firm, Group, User
from mailroom.demo.cast import CAST
from mailroom.demo.seeding import Seeded, seed
from mailroom.demo.server import Ports

PASSWORD = "a password of the test"


@pytest.fixture
def seeded(db: None) -> Seeded:
    return seed(CAST, Ports(imap=10143, smtp=10025), password=PASSWORD)


def test_everybody_signs_in_with_the_same_password(seeded: Seeded) -> None:
    users = {user.email: user for user in User.objects.all()}
    assert {email: user.role for email, user in users.items()} == {
        colleague.address: colleague.role for colleague in CAST.colleagues
    }
    assert all(user.check_password(PASSWORD) for user in users.values())
    assert Firm.objects.get().name == CAST.firm_name


def test_the_token_is_the_administrators(seeded: Seeded) -> None:
    user = people.user_of_token(seeded.token)
    assert user is not None
    assert (user.email, user.is_administrator) == (seeded.administrator.address, True)


@pytest.mark.parametrize("mailbox", CAST.mailboxes, ids=lambda mailbox: mailbox.key)
def test_a_mailbox_points_at_the_servers_here_and_fetches_everything(seeded: Seeded, mailbox) -> None:  # type: ignore[no-untyped-def]
    account = Account.objects.get(email=mailbox.address)
    assert (account.incoming_host, account.incoming_port, account.incoming_encryption) == (
        "127.0.0.1",
        10143,
        "none",
    )
    assert (account.outgoing_host, account.outgoing_port) == ("127.0.0.1", 10025)
    assert (account.start_date, account.active, account.card_visibility) == (
        None,
        True,
        mailbox.card_visibility,
    )
    assert account.secret.reveal() == PASSWORD
    listed = {CAST.colleague(key).address for key in mailbox.users}
    assert set(account.users.values_list("email", flat=True)) == listed


def test_people_write_from_their_own_mailbox_and_not_from_a_shared_one(seeded: Seeded) -> None:
    defaults = dict(
        Account.objects.filter(accesses__is_default=True).values_list("accesses__user__email", "email")
    )
    for mailbox in CAST.mailboxes:
        if not mailbox.shared:
            assert defaults[CAST.colleague(mailbox.owner).address] == mailbox.address


def test_every_card_claims_its_addresses(seeded: Seeded) -> None:
    assert (Company.objects.count(), Person.objects.count()) == (len(CAST.companies), len(CAST.people))
    for person in CAST.people:
        claims = Claim.objects.filter(person__name=person.name).values_list("address__key", flat=True)
        assert set(claims) == set(person.addresses)
    assert {group.name for group in Group.objects.all()} == {group.name for group in CAST.groups}


def test_what_a_visitor_is_told_is_what_the_rights_say(seeded: Seeded) -> None:
    told = {sight.colleague.key: sight for sight in seeded.sights}
    assert told["ewa"].everything
    assert "Anna Zielińska" in told["anna"].mailboxes
    assert "Marek Dąbek" not in (*told["anna"].mailboxes, *told["anna"].on_cards)
    assert told["pawel"].mailboxes == ()
    assert "Oferty" in told["pawel"].on_cards
