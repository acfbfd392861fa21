"""Cards and their claims: a new address shows its past mail at once, taking it off withdraws the links."""

from __future__ import annotations

import pytest

from mailroom.actions import contacts
from mailroom.actions.refusals import Invalid
from mailroom.data.contacts.models import Address, Claim, Company, Person
from mailroom.data.mail.lists import addresses_of

pytestmark = pytest.mark.django_db


def reasons(card: Company | Person) -> set[tuple[str, str]]:
    mine = {"company": card} if isinstance(card, Company) else {"person": card}
    return set(Claim.objects.filter(**mine).values_list("address__key", "reason"))


def test_an_address_is_one_row_whatever_its_case() -> None:
    """P20, S5-02."""
    first = contacts.address_row("Luca Bianchi <Luca@Bianchi.example>")
    second = contacts.address_row("luca@bianchi.EXAMPLE")
    assert first == second
    assert (first.email, first.name) == ("Luca@Bianchi.example", "Luca Bianchi")


def test_a_company_owns_what_is_written_what_its_people_have_and_its_domains() -> None:
    for known in ("info@bianchi.example", "stranger@other.example"):
        contacts.address_row(known)
    company = contacts.create_company(
        name="Bianchi S.r.l.", addresses=["office@bianchi-group.example"], domains=["Bianchi.example"]
    )
    contacts.create_person(name="Luca Bianchi", addresses=["luca@home.example"], company=company)
    assert reasons(company) == {
        ("office@bianchi-group.example", "listed"),
        ("info@bianchi.example", "domain"),
        ("luca@home.example", "employee"),
    }


def test_an_address_first_seen_later_joins_the_company_of_its_domain() -> None:
    company = contacts.create_company(name="Bianchi", domains=["bianchi.example"])
    row = contacts.address_row("new@bianchi.example")
    below = contacts.address_row("shop@mail.bianchi.example")
    contacts.address_row("x@notbianchi.example")
    assert sorted(addresses_of(company)) == [row.pk, below.pk]
    contacts.settle(company)
    assert sorted(addresses_of(company)) == [row.pk, below.pk]


def test_two_people_may_share_one_address() -> None:
    """P21: link all."""
    people = [contacts.create_person(name=name, addresses=["family@home.example"]) for name in ("Ann", "Ben")]
    assert [addresses_of(person) for person in people] == [[Address.objects.get().pk]] * 2


def test_changing_company_takes_the_addresses_along() -> None:
    old, new = contacts.create_company(name="Old"), contacts.create_company(name="New")
    person = contacts.create_person(name="Ann", addresses=["ann@x.example"], company=old)
    contacts.update_person(person=person, company=new)
    assert (addresses_of(old), len(addresses_of(new))) == ([], 1)
    contacts.update_person(person=person, company=None)
    assert addresses_of(new) == []


def test_an_address_of_two_colleagues_leaves_with_the_last_of_them() -> None:
    company = contacts.create_company(name="Acme")
    ann, ben = (contacts.create_person(name=n, addresses=["x@y.example"], company=company) for n in "ab")
    contacts.delete_person(person=ann)
    assert len(addresses_of(company)) == 1
    contacts.delete_person(person=ben)
    assert addresses_of(company) == []


def test_deleting_a_card_withdraws_links_and_keeps_the_addresses() -> None:
    company = contacts.create_company(name="Acme", addresses=["a@b.example"], domains=["b.example"])
    contacts.delete_company(company=company)
    assert not Claim.objects.exists()
    assert Address.objects.count() == 1


def test_setting_addresses_adds_and_takes_away() -> None:
    person = contacts.create_person(name="Ann", addresses=["a@x.example", "b@x.example"])
    contacts.update_person(person=person, addresses=["b@x.example", "c@x.example"])
    assert [row.email for row in contacts.listed_addresses(person)] == ["b@x.example", "c@x.example"]
    contacts.remove_address(card=person, address=Address.objects.get(key="b@x.example"))
    assert [row.email for row in contacts.listed_addresses(person)] == ["c@x.example"]


def test_taking_a_domain_away_keeps_what_is_written_on_the_card() -> None:
    company = contacts.create_company(name="Acme", addresses=["a@b.example"], domains=["b.example"])
    contacts.update_company(company=company, domains=[])
    assert reasons(company) == {("a@b.example", "listed")}


@pytest.mark.parametrize(
    ("domain", "key"),
    [
        ("gmail.com", "free_mail"),
        ("WP.pl", "free_mail"),
        ("localhost", "bad_domain"),
        ("", "bad_domain"),
        ("a b.example", "bad_domain"),
        ("x.example\nBcc: a", "line_break"),
    ],
)
def test_a_domain_that_cannot_be_a_companys_is_refused(domain: str, key: str) -> None:
    """S5-03: never make a company of a free-mail domain."""
    with pytest.raises(Invalid) as refused:
        contacts.create_company(name="Acme", domains=["acme.example", domain])
    assert [(fault.field, fault.key) for fault in refused.value.faults] == [("domains.1", key)]
    assert not Company.objects.exists()


@pytest.mark.parametrize(
    "written",
    [
        "", "plain", "@x.example", "a@", "a@b@c.example", "a b@x.example", "a@x.example\r\n", "a@x..example",
        "a@x.example, b@x.example", "a\0@x.example", ".a@x.example", "a..b@x.example",
        f"{'a' * 65}@x.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_its_place(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        contacts.create_person(name="Ann", addresses=["a@x.example", written])
    assert refused.value.faults[0].field == "addresses.1"
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    "written", ["ł.ż@żółw.example", "O'Neil+tag@x-y.example", "a@[192.0.2.1]", "a@localhost"]
)
def test_unusual_addresses_are_welcome(written: str) -> None:
    assert contacts.address_row(written).email == written


@pytest.mark.parametrize(
    ("fields", "field", "key"),
    [
        ({"name": " "}, "name", "required"),
        ({"name": "A\nB"}, "name", "line_break"),
        ({"name": "x" * 201}, "name", "too_long"),
        ({"name": "A", "colour": "red"}, "colour", "unknown_field"),
        ({"name": "A", "phone": "1\0"}, "phone", "line_break"),
    ],
)
def test_a_card_says_what_is_wrong_with_it(fields: dict[str, str], field: str, key: str) -> None:
    with pytest.raises(Invalid) as refused:
        contacts.create_company(**fields)  # type: ignore[arg-type]
    assert [(fault.field, fault.key) for fault in refused.value.faults] == [(field, key)]


def test_labels_stand_once_each_in_order() -> None:
    assert contacts.create_company(name="A", labels=["client", " client ", "", "new"]).labels == [
        "client",
        "new",
    ]
