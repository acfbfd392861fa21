"""The cast of the demo is whole: every key leads somewhere, nobody has an address that could exist."""

from __future__ import annotations

import pytest

from mailroom.demo.cast import CAST, COLLEAGUES, COMPANIES, MAILBOXES, PEOPLE


def test_the_firm_has_two_shared_and_three_personal_mailboxes() -> None:
    assert [mailbox.shared for mailbox in MAILBOXES] == [True, True, False, False, False]
    assert {mailbox.card_visibility for mailbox in MAILBOXES} == {"members", "group", "everyone"}


def test_the_roles_are_all_there_and_one_colleague_sees_only_cards() -> None:
    assert {colleague.role for colleague in COLLEAGUES} == {"administrator", "director", "employee"}
    listed = {user for mailbox in MAILBOXES for user in mailbox.users}
    assert [c.key for c in COLLEAGUES if c.key not in listed] == ["pawel"]


def test_every_key_leads_somewhere() -> None:
    groups = {group.key for group in CAST.groups}
    for colleague in COLLEAGUES:
        assert groups.issuperset(colleague.groups)
    for mailbox in MAILBOXES:
        assert {CAST.colleague(user).key for user in (*mailbox.users, mailbox.owner)}
        assert mailbox.owner in mailbox.users
    for person in PEOPLE:
        assert CAST.company(person.company).language == person.language


def test_companies_and_people_are_many_and_lie_under_example() -> None:
    assert len(COMPANIES) >= 12
    assert len(PEOPLE) >= 25
    addresses = [a for p in PEOPLE for a in p.addresses] + [c.address for c in COLLEAGUES]
    assert len(addresses) == len(set(addresses))
    assert all(address == address.lower() and address.endswith(".example") for address in addresses)
    assert sum(len(person.addresses) > 1 for person in PEOPLE) >= 8


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Sales@Warta-Meble.example", "oferty"),
        ("invoices@warta-meble.example", "faktury"),
        ("tomasz.wilk@warta-meble.example", "tomasz"),
        ("pawel.sroka@warta-meble.example", None),
        ("giulia@panificiomoretti.example", None),
    ],
)
def test_an_address_leads_to_its_mailbox(address: str, key: str | None) -> None:
    mailbox = CAST.mailbox_of(address)
    assert (mailbox.key if mailbox else None) == key
