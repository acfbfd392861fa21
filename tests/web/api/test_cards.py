"""REST on cards: people and companies, their addresses and their mail."""

from __future__ import annotations

import pytest

from mailroom.data.mail.models import Account, Message
from mailroom.data.people.models import User
from tests import letters

from .caller import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return letters.user("Alice")


@pytest.fixture
def account(alice: User) -> Account:
    return letters.account(users=[alice])


@pytest.fixture
def api(alice: User) -> Caller:
    return Caller(alice)


def test_a_new_address_shows_all_past_mail_at_once(api: Caller, account: Account) -> None:
    """S2-15."""
    letters.put(account, *(letters.raw(mid=f"{n}@x.example", minutes=n, body=str(n)) for n in range(3)))
    _, person = api.call("POST", "/people", {"name": "Luca Bianchi"})
    assert api.call("GET", f"/people/{person['id']}/messages")[1]["items"] == []

    status, changed = api.call(
        "POST", f"/people/{person['id']}/addresses", {"address": "LUCA@client.example"}
    )

    assert (status, changed["addresses"][0]["address"].lower()) == (201, "luca@client.example")
    assert len(api.call("GET", f"/people/{person['id']}/messages")[1]["items"]) == 3


def test_a_company_has_the_mail_of_its_people_and_domains(api: Caller, account: Account) -> None:
    """S2-02, S5-02."""
    letters.put(account, letters.raw(mid="a@x.example"))
    letters.put(account, letters.raw(mid="b@x.example", sender="ufficio@bianchi.example"), first_uid=2)
    _, company = api.call("POST", "/companies", {"name": "Bianchi S.r.l.", "domains": ["bianchi.example"]})
    api.call(
        "POST", "/people", {"name": "Luca", "addresses": ["luca@client.example"], "company_id": company["id"]}
    )

    _, history = api.call("GET", f"/companies/{company['id']}/messages")

    assert {item["message_id"] for item in history["items"]} == {"a@x.example", "b@x.example"}


def test_deleting_a_card_withdraws_links_and_keeps_mail(api: Caller, account: Account) -> None:
    letters.put(account, letters.raw())
    _, person = api.call("POST", "/people", {"name": "Luca", "addresses": ["luca@client.example"]})

    assert api.call("DELETE", f"/people/{person['id']}")[0] == 204

    assert api.call("GET", f"/people/{person['id']}")[0] == 404
    assert api.call("GET", "/messages")[1]["items"][0]["links"] == []
    assert Message.objects.count() == 1


def test_cards_are_listed_by_name_without_regard_to_accents(api: Caller) -> None:
    for name in ("Żak", "ącka", "Zorro", "Łoś", "Adam"):
        api.call("POST", "/people", {"name": name})

    _, first = api.call("GET", "/people", limit=3)
    _, rest = api.call("GET", "/people", limit=3, cursor=first["next"])

    names = [person["name"] for person in first["items"] + rest["items"]]
    assert names == ["ącka", "Adam", "Łoś", "Żak", "Zorro"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "X", "addresses": ["not an address"]}, "addresses"),
        ({"name": "X\r\nBcc: y"}, "name"),
        ({"name": "X", "owner": 999}, "owner"),
        ({"name": "X", "domains": ["gmail.com"]}, "domains"),
    ],
)
def test_bad_input_names_the_field_and_a_sentence(api: Caller, body: dict[str, object], field: str) -> None:
    status, problem = api.call("POST", "/companies", body)

    assert status == 422
    assert problem["faults"][0]["field"].startswith(field)
    assert problem["faults"][0]["message"]
