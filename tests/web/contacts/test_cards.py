"""Cards: the whole correspondence of all co-workers that the viewer may read, and nothing beyond."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from mailroom.actions import contacts
from mailroom.data.contacts.models import Company, Person
from mailroom.data.mail.models import Account
from mailroom.data.people.models import User
from mailroom.web.contacts.history import PAGE, day_title
from tests.world import World, deliver, letter

As = Callable[[User], Client]
HX = {"HX-Request": "true"}


@pytest.fixture
def bianchi(world: World) -> Company:
    return contacts.create_company(name="Bianchi S.r.l.", domains=["bianchi.example"])


@pytest.fixture
def luca(bianchi: Company) -> Person:
    return contacts.create_person(name="Luca Bianchi", addresses=["luca@bianchi.example"], company=bianchi)


def from_luca(subject: str, **fields: object) -> bytes:
    return letter(subject, sender="Luca Bianchi <luca@bianchi.example>", **fields)  # type: ignore[arg-type]


def page(client: Client, name: str, pk: int, query: str = "", **how: object) -> str:
    answer = client.get(reverse(f"contacts:{name}", args=[pk]) + query, **how)  # type: ignore[arg-type]
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_card_shows_the_mail_of_all_co_workers(
    world: World, as_user: As, bianchi: Company, luca: Person
) -> None:
    """S2-03, S4-05, S4-45."""
    deliver(world.sales, from_luca("To everybody"))
    deliver(world.alices, from_luca("To Alice alone", to="alice@acme.example"))
    alice = page(as_user(world.alice), "person", luca.pk)
    assert "To everybody" in alice
    assert "To Alice alone" in alice
    assert "Luca Bianchi → sales@" in alice
    assert "To everybody" in page(as_user(world.alice), "company", bianchi.pk)
    bob = page(as_user(world.bob), "person", luca.pk)
    assert "To everybody" in bob
    assert "To Alice alone" not in bob


def test_charlie_may_open_the_card_and_sees_no_letter_and_no_count(
    world: World, as_user: As, bianchi: Company, luca: Person
) -> None:
    deliver(world.sales, from_luca("Secret offer"))
    charlie = as_user(world.charlie)
    for name, pk in (("person", luca.pk), ("company", bianchi.pk)):
        assert "Secret offer" not in page(charlie, name, pk)
        figures = page(charlie, f"{name}_figures", pk, headers=HX)
        assert "1 message" not in figures
        assert "(0)" in figures


def test_a_mailbox_shared_with_cards_is_read_by_everyone_there(
    world: World, as_user: As, luca: Person
) -> None:
    """C4."""
    deliver(world.sales, from_luca("Offer for all"))
    Account.objects.filter(pk=world.sales.pk).update(card_visibility="everyone")
    assert "Offer for all" in page(as_user(world.charlie), "person", luca.pk)


def test_a_new_address_shows_its_past_mail_at_once(world: World, as_user: As, luca: Person) -> None:
    """S2-15."""
    deliver(world.sales, *(letter(f"Old {n}", sender="luca@home.example") for n in range(3)))
    alice = as_user(world.alice)
    assert "Old 1" not in page(alice, "person", luca.pk)
    answer = alice.post(
        reverse("contacts:add_address", args=[luca.pk]), {"address": "luca@home.example"}, follow=True
    )
    said = answer.content.decode()
    assert "3 letters found" in said
    assert "Old 1" in said


def test_taking_an_address_off_withdraws_its_mail(world: World, as_user: As, luca: Person) -> None:
    deliver(world.sales, from_luca("Offer"))
    row = contacts.listed_addresses(luca)[0]
    alice = as_user(world.alice)
    alice.post(reverse("contacts:remove_address", args=[luca.pk, row.pk]))
    assert "Offer" not in page(alice, "person", luca.pk)


def test_the_filters_leave_out_what_was_not_asked_for(world: World, as_user: As, luca: Person) -> None:
    deliver(
        world.sales, from_luca("Came in"), from_luca("With file", files=[("a.pdf", "application/pdf", b"x")])
    )
    sent = letter("Went out", sender="Alice <alice@acme.example>", to="luca@bianchi.example")
    deliver(world.alices, sent, role="sent")
    alice = as_user(world.alice)
    cases = {
        "?way=in": {"Came in", "With file"},
        "?way=out": {"Went out"},
        "?files=1": {"With file"},
        f"?account={world.alices.pk}": {"Went out"},
        "?account=nonsense&way=up": {"Came in", "With file", "Went out"},
    }
    for query, wanted in cases.items():
        shown = page(alice, "person", luca.pk, query, headers=HX)
        assert {one for one in ("Came in", "With file", "Went out") if one in shown} == wanted, query


def test_a_long_history_comes_in_pages(world: World, as_user: As, luca: Person) -> None:
    many = [from_luca(f"Letter no. {n:03}", ago=timedelta(minutes=n)) for n in range(PAGE + 5)]
    deliver(world.sales, *many)
    alice = as_user(world.alice)
    first = page(alice, "person", luca.pk)
    assert "Letter no. 000" in first
    assert f"Letter no. {PAGE:03}" not in first
    more = first.partition('hx-get="?')[2].partition('"')[0].replace("&amp;", "&")
    rest = page(alice, "person", luca.pk, f"?{more}", headers=HX)
    assert f"Letter no. {PAGE:03}" in rest
    assert "Letter no. 000" not in rest


def test_people_and_strangers_of_a_company_stand_beside_it(
    world: World, as_user: As, bianchi: Company, luca: Person
) -> None:
    deliver(world.sales, from_luca("Hello"), letter("Bill", sender="office@bianchi.example"))
    figures = page(as_user(world.alice), "company_figures", bianchi.pk, headers=HX)
    assert "luca@bianchi.example · 1 message" in figures
    assert "office@bianchi.example" in figures
    assert "not a person yet" in figures
    assert "(2)" in figures
    assert "office@" not in page(as_user(world.charlie), "company_figures", bianchi.pk, headers=HX)


def test_the_person_of_a_letter_is_what_the_add_form_offers(
    world: World, as_user: As, bianchi: Company
) -> None:
    deliver(world.sales, letter("Bill", sender="Olga <office@bianchi.example>"))
    alice = as_user(world.alice)
    said = {"name": "Olga", "addresses": "office@bianchi.example", "company": bianchi.pk}
    answer = alice.post(reverse("contacts:add_person"), said, follow=True)
    assert "1 letter found" in answer.content.decode()
    assert Person.objects.get().company == bianchi


def test_a_name_cannot_write_into_the_page(world: World, as_user: As) -> None:
    card = contacts.create_company(name="<script>alert(1)</script>", labels=["<b>x</b>"])
    shown = page(as_user(world.alice), "company", card.pk)
    assert "<script>alert" not in shown
    assert "<b>x</b>" not in shown


@pytest.mark.parametrize("name", ["company", "person", "edit_company", "edit_person", "company_figures"])
def test_a_card_that_is_not_there_is_404(world: World, as_user: As, name: str) -> None:
    assert as_user(world.alice).get(reverse(f"contacts:{name}", args=[4711])).status_code == 404


@pytest.mark.parametrize(
    ("days", "title"),
    [(0, "Today"), (1, "Yesterday"), (3, "Tuesday"), (20, "November"), (400, "October 2025")],
)
def test_letters_stand_under_the_day_people_would_say(days: int, title: str) -> None:
    today = date(2026, 11, 27)
    at = datetime(2026, 11, 27, 10, 5, tzinfo=UTC) - timedelta(days=days)
    assert day_title(at, today) == title
