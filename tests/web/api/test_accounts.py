"""REST on accounts: connecting, what is shown, what is refused and why."""

from __future__ import annotations

import json

import pytest
from pytest_django import Settings

from mailroom.actions.folder_wishes import fulfil
from mailroom.data.mail.models import Account, ServerFolder
from mailroom.data.people.models import Role, User
from tests import letters

from .caller import Caller

pytestmark = pytest.mark.django_db

SERVER = {"host": "mail.firm.example", "port": 993, "encryption": "tls"}


@pytest.fixture
def root() -> User:
    return letters.user("Root", Role.ADMINISTRATOR)


@pytest.fixture
def api(root: User) -> Caller:
    return Caller(root)


def form(**more: object) -> dict[str, object]:
    return {
        "address": "sales@firm.example",
        "name": "Sales",
        "password": "s3cret-canary",
        "incoming": SERVER,
        "outgoing": {**SERVER, "port": 465},
        **more,
    }


def test_connecting_takes_one_call_and_never_gives_the_password_back(api: Caller, root: User) -> None:
    """S5-17, C13; secrets are sealed and never returned."""
    status, made = api.call("POST", "/accounts", form())

    _, listed = api.call("GET", "/accounts")

    assert (status, made["users"], made["delete_policy"], made["card_visibility"]) == (
        201,
        [root.pk],
        "keep",
        "members",
    )
    assert made["status"]["ledger"] == dict.fromkeys(
        ("on_server", "stored", "waiting", "filtered", "before_start", "parked", "purged"), 0
    )
    assert "canary" not in json.dumps([made, listed])
    assert b"canary" not in bytes(Account.objects.get().secret.sealed)


def test_every_promised_field_is_there(api: Caller) -> None:
    _, made = api.call("POST", "/accounts", form())

    promised = (
        "id address name login protocol incoming outgoing active users owner poll_minutes start_date"
        " flag_days delete_policy auto_contacts auto_tasks notify card_visibility header_html"
        " signature_html sent_folder drafts_folder status store system"
    )
    assert set(promised.split()) <= set(made)
    assert {"state", "last_in_step_at", "error", "progress", "ledger"} <= set(made["status"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"address": "nobody"}, "address"),
        ({"incoming": {**SERVER, "host": "mail\r\nx"}}, "incoming.host"),
        ({"incoming": {**SERVER, "port": 70000}}, "incoming.port"),
        ({"incoming": {**SERVER, "encryption": "rot13"}}, "incoming.encryption"),
        ({"password": ""}, "password"),
        ({"users": []}, "users"),
        ({"login": "x\0y"}, "login"),
        ({"delete_policy": "after_download"}, "delete_policy"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_bad_input_is_refused_field_by_field(api: Caller, change: dict[str, object], field: str) -> None:
    status, problem = api.call("POST", "/accounts", form(**change))

    assert status == 422
    assert field in {fault["field"] for fault in problem["faults"]}
    assert not Account.objects.exists()


def test_an_employee_cannot_connect_the_first_mailbox(api: Caller) -> None:
    """C17: 403 with this sentence."""
    status, problem = Caller(letters.user("Alice")).call("POST", "/accounts", form())

    assert status == 403
    assert "administrator" in problem["detail"]


def test_the_protocol_is_locked_after_the_first_message(api: Caller, root: User) -> None:
    """S3-12."""
    account = letters.account(users=[root])
    letters.put(account, letters.raw())

    status, problem = api.call("PATCH", f"/accounts/{account.pk}", {"protocol": "pop3"})

    assert (status, problem["faults"][0]["field"]) == (422, "protocol")


def test_deleting_archives_and_mail_stays(api: Caller, root: User) -> None:
    account = letters.account(users=[root])
    letters.put(account, letters.raw())

    assert api.call("DELETE", f"/accounts/{account.pk}")[0] == 204

    assert api.call("GET", f"/accounts/{account.pk}")[1]["active"] is False
    assert len(api.call("GET", "/messages")[1]["items"]) == 1
    assert api.call("POST", f"/accounts/{account.pk}/fetch")[0] == 409


def test_folders_chosen_before_the_first_listing_are_kept_until_then(api: Caller) -> None:
    """S2-09, S5-23: chosen in the same call that connects."""
    chosen = [{"name": "INBOX"}, {"name": "Wysłane", "role": "sent"}, {"name": "Stare", "subscribed": False}]

    status, made = api.call("POST", "/accounts", form(folders=chosen, drafts_folder="Szkice"))
    account = Account.objects.get(pk=made["id"])
    names = ("INBOX", "Wysłane", "Stare", "Sent", "Szkice")
    rows = [
        ServerFolder.objects.create(account=account, raw_name=name.encode(), name=name, subscribed=True)
        for name in names
    ]
    fulfil(account, rows)

    assert status == 201
    found = {row.name: (row.subscribed, row.role) for row in ServerFolder.objects.all()}
    assert found == {
        "INBOX": (True, ""),
        "Wysłane": (True, "sent"),
        "Stare": (False, ""),
        "Sent": (False, ""),
        "Szkice": (False, "drafts"),
    }
    assert Account.objects.get().folder_wishes == {}
    bad = [{"name": "X", "role": "attic"}]
    assert api.call("POST", "/accounts", form(folders=bad))[1]["faults"][0]["field"] == "folders.0.role"


def test_servers_are_found_by_the_address(api: Caller) -> None:
    """S5-12."""
    _, found = api.call("POST", "/accounts/discover", {"address": "jan@gmail.com"})
    _, guessed = api.call("POST", "/accounts/discover", {"address": "jan@firm.example"})
    status, _ = api.call("POST", "/accounts/discover", {"address": "jan"})

    assert (found["incoming"]["host"], found["source"]) == ("imap.gmail.com", "table")
    assert guessed["source"] == "guess"
    assert status == 422


def test_a_test_of_a_private_address_names_the_setting(api: Caller, settings: Settings) -> None:
    """Sync-engine goal 38: refused unless allowed, and the refusal says how."""
    settings.MAILROOM_ALLOW_HOSTS = ()
    here = {"host": "127.0.0.1", "port": 1, "encryption": "none"}

    status, verdicts = api.call("POST", "/accounts/test", form(incoming=here, outgoing=here))

    assert status == 200
    for side in ("incoming", "outgoing"):
        assert verdicts[side]["ok"] is False
        assert verdicts[side]["error"]["kind"] == "not_allowed"
        assert "MAILROOM_ALLOW_HOSTS" in verdicts[side]["error"]["cure"]


def test_server_folders_are_mapped_without_a_server_command(api: Caller, root: User) -> None:
    """S1-23, S1-25."""
    account = letters.account(users=[root])
    extra = ServerFolder.objects.create(account=account, raw_name=b"Offers", name="Offers", delimiter="/")

    _, listed = api.call("GET", f"/accounts/{account.pk}/server-folders")
    status, changed = api.call(
        "PATCH", f"/accounts/{account.pk}/server-folders/{extra.pk}", {"subscribed": True}
    )

    assert {"id", "name", "role", "subscribed", "folder_id", "messages"} == set(listed["items"][0])
    assert (status, changed["subscribed"]) == (200, True)
    assert changed["folder_id"] is not None


def test_charlie_sees_no_account(api: Caller, root: User) -> None:
    account = letters.account(users=[root])
    charlie = Caller(letters.user("Charlie"))

    assert charlie.call("GET", "/accounts")[1]["items"] == []
    for path in ("", "/server-folders", "/parked"):
        assert charlie.call("GET", f"/accounts/{account.pk}{path}")[0] == 404
