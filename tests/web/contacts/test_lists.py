"""Lists, forms and suggestions of contacts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from mailroom.actions import contacts
from mailroom.data.contacts.models import Company, Person
from mailroom.data.people.models import User
from tests.world import World, deliver, letter

As = Callable[[User], Client]


@pytest.mark.parametrize("asked", ["żółć", "ZOLC", "zolc.example", "biuro@"])
def test_a_company_is_found_by_name_domain_or_address(world: World, as_user: As, asked: str) -> None:
    contacts.create_company(
        name="Żółć sp. z o.o.", domains=["zolc.example"], addresses=["biuro@inny.example"]
    )
    contacts.create_company(name="Other")
    shown = as_user(world.alice).get(reverse("contacts:list"), {"q": asked}).content.decode()
    assert "Żółć sp. z o.o." in shown
    assert "Other" not in shown


def test_people_are_found_by_their_company_too(world: World, as_user: As) -> None:
    company = contacts.create_company(name="Bianchi")
    contacts.create_person(name="Giulia Rossi", company=company)
    contacts.create_person(name="Somebody Else")
    client = as_user(world.alice)
    shown = client.get(reverse("contacts:people"), {"q": "bianchi"}, headers={"HX-Request": "true"})
    assert "Giulia Rossi" in shown.content.decode()
    assert "Somebody Else" not in shown.content.decode()


def test_an_odd_search_is_answered_all_the_same(world: World, as_user: As) -> None:
    client = as_user(world.alice)
    for asked in ('"', "%", "\\", "a" * 3000, "')--", "\u202e"):
        assert client.get(reverse("contacts:list"), {"q": asked, "page": "x"}).status_code == 200


def test_a_refused_field_says_why_and_keeps_what_was_written(world: World, as_user: As) -> None:
    said = {"name": "Acme", "domains": "gmail.com", "addresses": "info@x.example, nonsense"}
    answer = as_user(world.alice).post(reverse("contacts:add_company"), said)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "belongs to everybody" in shown
    assert "info@x.example" in shown
    assert not Company.objects.exists()


def test_editing_changes_the_card_and_deleting_keeps_the_people(world: World, as_user: As) -> None:
    company = contacts.create_company(name="Old", addresses=["a@b.example"])
    contacts.create_person(name="Ann", company=company)
    client = as_user(world.bob)
    said = {"name": "New", "addresses": "c@b.example", "labels": "client, key", "owner": world.bob.pk}
    assert client.post(reverse("contacts:edit_company", args=[company.pk]), said).status_code == 302
    company.refresh_from_db()
    assert (company.name, company.labels, company.owner) == ("New", ["client", "key"], world.bob)
    assert [row.email for row in contacts.listed_addresses(company)] == ["c@b.example"]
    client.post(reverse("contacts:delete_company", args=[company.pk]))
    assert Person.objects.get().company is None


def test_suggestions_begin_with_those_on_cards(world: World, as_user: As) -> None:
    deliver(world.alices, letter(sender="Giulia Elsewhere <giulia@other.example>"))
    contacts.create_person(name="Giulia Rossi", addresses=["g.rossi@bianchi.example"])
    client = as_user(world.alice)
    found = client.get(reverse("contacts:suggest"), {"q": "giul"}).json()["items"]
    assert found[0] == {"name": "Giulia Rossi", "address": "g.rossi@bianchi.example"}
    assert {"name": "Giulia Elsewhere", "address": "giulia@other.example"} in found
    assert client.get(reverse("contacts:suggest"), {"q": "g"}).json() == {"items": []}
    others = as_user(world.bob).get(reverse("contacts:suggest"), {"q": "giul"}).json()["items"]
    assert [one["name"] for one in others] == ["Giulia Rossi"]


def test_a_visitor_is_led_to_sign_in(world: World) -> None:
    for name in ("contacts:list", "contacts:people", "contacts:suggest", "contacts:add_company"):
        answer = Client().get(reverse(name))
        assert answer.status_code == 302
        assert "login" in answer["Location"]
