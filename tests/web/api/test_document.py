"""The API as a whole: its OpenAPI document, users and groups, folders, addresses nobody knows."""

from __future__ import annotations

import pytest

from mailroom.data.people.models import Role
from tests import letters

from .caller import Caller

pytestmark = pytest.mark.django_db


def test_the_document_tells_every_refusal_as_a_problem() -> None:
    status, document = Caller(None).call("GET", "/openapi.json")

    assert status == 200
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            codes = set(operation["responses"])
            assert {"401", "404", "422"} <= codes, (method, path)


@pytest.mark.parametrize(
    "noun",
    ["/me", "/users", "/groups", "/accounts", "/folders", "/messages", "/people", "/companies", "/drafts"],
)
def test_every_noun_answers(noun: str) -> None:
    status, document = Caller(letters.user()).call("GET", noun)

    assert status == 200
    assert noun == "/me" or document == {"items": [], "next": None} or document["items"]


def test_an_unknown_address_is_a_problem_too() -> None:
    status, document = Caller(letters.user()).call("GET", "/nonsense/7")

    assert (status, document["type"]) == (404, "mailroom:not_found")


def test_me_tells_who_the_token_speaks_for() -> None:
    alice = letters.user("Alice", can_purge=True)
    account = letters.account(users=[alice])

    _, me = Caller(alice).call("GET", "/me")

    assert me["email"] == "alice@firm.example"
    assert (me["rights"], me["default_account"], me["role"]) == (["can_purge"], account.pk, "employee")


def test_administrators_make_users_and_groups_and_nobody_else_does() -> None:
    root = Caller(letters.user("Root", Role.ADMINISTRATOR))
    new = {"email": "Bob@Firm.example", "name": "Bob", "role": "employee", "password": "long enough"}

    status, bob = root.call("POST", "/users", new)
    _, group = root.call("POST", "/groups", {"name": "Sales", "members": [bob["id"]], "read_scope": "group"})

    assert (status, bob["email"]) == (201, "bob@firm.example")
    assert group["members"] == [bob["id"]]
    assert root.call("POST", "/users", new)[0] == 409
    assert root.call("POST", "/users", {**new, "email": "c@firm.example", "password": "short"})[0] == 422
    assert Caller(letters.user("Alice")).call("POST", "/users", new)[0] == 403
    assert root.call("DELETE", f"/users/{bob['id']}")[0] == 204
    assert [user["name"] for user in root.call("GET", "/users")[1]["items"]] == ["Alice", "Root"]


def test_folders_are_those_of_mailboxes_one_reads() -> None:
    alice = letters.user("Alice")
    account = letters.account(users=[alice])
    letters.put(account, letters.raw())

    _, listed = Caller(alice).call("GET", "/folders", account=account.pk)

    inbox = next(folder for folder in listed["items"] if folder["role"] == "inbox")
    assert (inbox["unread"], inbox["total"], inbox["account_id"]) == (1, 1, account.pk)
    assert Caller(letters.user("Charlie")).call("GET", "/folders", account=account.pk)[0] == 404
