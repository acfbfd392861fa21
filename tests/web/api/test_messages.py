"""REST on letters: the promises of ``/messages`` and ``/threads``."""

from __future__ import annotations

import pytest

from mailroom.actions import contacts
from mailroom.data.mail.models import Account, Folder, Intent, Message, Placement
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


def test_a_letter_has_every_promised_field(api: Caller, account: Account) -> None:
    content = letters.raw("Zamówienie", cc="Łukasz <l@nowak.example>")
    pk = letters.put(account, content).message_ids[0]

    status, listed = api.call("GET", "/messages")
    _, detail = api.call("GET", f"/messages/{pk}")

    item = listed["items"][0]
    promised = (
        "id account_id folder_id thread_id message_id subject from to cc date snippet seen flagged answered"
        " attachments size links gone_at"
    )
    assert (status, set(item)) == (200, set(promised.split()))
    assert (item["id"], item["message_id"], item["date"]) == (
        pk,
        "one@client.example",
        "2026-11-02T08:00:00Z",
    )
    assert item["from"] == [{"name": "Luca Bianchi", "address": "luca@client.example"}]
    assert set(detail) - set(item) == {"text", "html_safe", "headers", "held_back"}
    assert detail["text"].strip() == "Buongiorno, in allegato la fattura."
    assert {"name": "Subject", "value": "Zamówienie"} in detail["headers"]
    assert pk < 2**53


def test_raw_is_the_exact_bytes(api: Caller, account: Account) -> None:
    content = letters.raw()
    pk = letters.put(account, content).message_ids[0]

    assert api.call("GET", f"/messages/{pk}/raw") == (200, content)


def test_reading_changes_nothing_and_marking_makes_an_intent(api: Caller, account: Account) -> None:
    """S1-11, P14: GET never sets seen."""
    pk = letters.put(account, letters.raw()).message_ids[0]
    api.call("GET", f"/messages/{pk}")
    assert not Placement.objects.get().seen

    status, detail = api.call("PATCH", f"/messages/{pk}", {"seen": True})

    assert (status, detail["seen"]) == (200, True)
    assert [(intent.add, intent.phase) for intent in Intent.objects.all()] == [(["\\Seen"], "pending")]
    assert Folder.objects.get(account=account, role="inbox").unread == 0


def test_bulk_marks_only_what_the_caller_may_touch(api: Caller, account: Account) -> None:
    mine = letters.put(account, letters.raw(mid="a@x.example")).message_ids[0]
    foreign = letters.put(letters.account("bob@firm.example"), letters.raw(mid="b@x.example")).message_ids[0]

    assert api.call("POST", "/messages/bulk", {"ids": [mine, foreign], "action": "flag"}) == (
        200,
        {"changed": 1},
    )


def test_filters_narrow_and_pages_follow(api: Caller, account: Account) -> None:
    letters.put(
        account, *(letters.raw(f"N{n}", mid=f"{n}@x.example", minutes=n, body=str(n)) for n in range(5))
    )
    letters.put(account, letters.raw("Mine", mid="m@x.example", sender="sales@firm.example"), role="sent")
    inbox = Folder.objects.get(account=account, role="inbox").pk

    _, first = api.call("GET", "/messages", folder=inbox, limit=3)
    _, second = api.call("GET", "/messages", folder=inbox, limit=3, cursor=first["next"])

    assert [item["subject"] for item in first["items"] + second["items"]] == ["N4", "N3", "N2", "N1", "N0"]
    assert second["next"] is None
    assert {item["folder_id"] for item in first["items"]} == {inbox}
    _, found = api.call("GET", "/messages", q="subject:n3", folder=inbox)
    assert [item["subject"] for item in found["items"]] == ["N3"]


def test_a_card_lists_each_letter_once_with_its_reason(api: Caller, account: Account, alice: User) -> None:
    """S2-03, P08."""
    other = letters.account("anna@firm.example", users=[alice])
    for made in (account, other):
        letters.put(made, letters.raw())
    person = contacts.create_person(name="Luca", addresses=["luca@client.example"])

    _, listed = api.call("GET", "/messages", contact=person.pk)
    _, why = api.call("GET", f"/messages/{listed['items'][0]['id']}/why")

    assert len(listed["items"]) == 1
    assert why["items"] == [
        {
            "kind": "person",
            "id": person.pk,
            "name": "Luca",
            "reason": "listed",
            "field": "from",
            "address": "luca@client.example",
        }
    ]


def test_a_thread_is_oldest_first_and_only_what_one_may_see(api: Caller, account: Account) -> None:
    foreign = letters.account("bob@firm.example")
    letters.put(account, letters.raw("Offer", mid="a@x.example"))
    letters.put(foreign, letters.raw("Re: Offer", mid="b@x.example", answers="a@x.example", minutes=1))
    letters.put(
        account, letters.raw("Re: Offer", mid="c@x.example", answers="b@x.example", minutes=2), first_uid=2
    )

    _, thread = api.call("GET", f"/threads/{Message.objects.get(mid='a@x.example').thread_id}")

    assert [message["message_id"] for message in thread["messages"]] == ["a@x.example", "c@x.example"]


@pytest.mark.parametrize(
    "path", ["/messages/{}", "/messages/{}/raw", "/messages/{}/why", "/threads/{thread}"]
)
def test_charlie_finds_nothing_by_any_id(account: Account, path: str) -> None:
    """P26: what one may not see is 404."""
    pk = letters.put(account, letters.raw()).message_ids[0]
    charlie = Caller(letters.user("Charlie"))
    thread = Message.objects.get(pk=pk).thread_id

    status, problem = charlie.call("GET", path.format(pk, thread=thread))

    assert (status, problem["type"]) == (404, "mailroom:not_found")
    assert charlie.call("GET", "/messages")[1]["items"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"q": "larger:x"}, 422),
        ({"q": '" OR *'}, 200),
        ({"limit": 201}, 422),
        ({"cursor": "x"}, 422),
        ({"cursor": "9" * 30}, 422),
        ({"folder": 999}, 404),
        ({"contact": 999}, 404),
    ],
)
def test_odd_questions_are_problems_never_crashes(api: Caller, query: dict[str, object], status: int) -> None:
    code, document = api.call("GET", "/messages", **query)

    assert code == status
    if status != 200:
        assert document["status"] == status
        assert document["title"]


def test_without_a_token_there_is_nothing() -> None:
    status, problem = Caller(None).call("GET", "/messages")

    assert (status, problem["type"]) == (401, "mailroom:no_token")


def test_every_letter_says_who_can_see_it_and_why(api: Caller, account: Account, alice: User) -> None:
    """B3: "Who can see it?" is answered by name and relation."""
    pk = letters.put(account, letters.raw()).message_ids[0]
    root = letters.user("Root", "administrator")
    letters.user("Charlie")

    _, who = api.call("GET", f"/messages/{pk}/who")

    assert who["items"] == [
        {"id": alice.pk, "name": "Alice", "reasons": ["listed"]},
        {"id": root.pk, "name": "Root", "reasons": ["administrator"]},
    ]
