"""REST on drafts: written, handed over once, refused with a sentence."""

from __future__ import annotations

import base64

import pytest

from mailroom.core.letter import read_letter
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Account
from mailroom.data.outbox.models import Outgoing
from mailroom.data.people.models import Role, User
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


def draft(api: Caller, account: Account, **more: object) -> int:
    body = {
        "account_id": account.pk,
        "to": ["luca@client.example"],
        "subject": "Oferta",
        "text": "Dzień dobry",
        **more,
    }
    status, document = api.call("POST", "/drafts", body)
    assert status == 201, document
    return int(document["id"])


def test_a_draft_becomes_one_letter_with_bcc_in_nobodys_header(api: Caller, account: Account) -> None:
    """S4-35, S4-38; sync-engine 1.17."""
    answered = letters.put(account, letters.raw("Oferta")).message_ids[0]
    file = {
        "filename": "łóżko.txt",
        "content_type": "text/plain",
        "content_base64": base64.b64encode("zawartość".encode()).decode(),
    }
    pk = draft(api, account, bcc=["boss@firm.example"], in_reply_to=answered, attachments=[file])

    status, queued = api.call("POST", f"/drafts/{pk}/send")

    outgoing = Outgoing.objects.get(pk=queued["id"])
    raw = content_of(outgoing.blob)
    letter = read_letter(raw)
    assert (status, outgoing.state) == (202, "queued")
    assert b"boss@firm.example" not in raw
    assert letter.in_reply_to == ("one@client.example",)
    assert [one.filename for one in letter.attachments] == ["łóżko.txt"]
    assert {one.email for one in outgoing.recipients.all()} == {"luca@client.example", "boss@firm.example"}
    assert api.call("GET", f"/drafts/{pk}")[0] == 404


def test_the_same_key_sends_once(api: Caller, account: Account) -> None:
    pk = draft(api, account)
    first = api.call("POST", f"/drafts/{pk}/send", {"idempotency_key": "k1"})
    assert first[0] == 202
    assert Outgoing.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"to": []}, 422, "to"),
        ({"to": ["nobody"]}, 422, "to"),
    ],
)
def test_what_cannot_be_sent_is_refused_when_sent(
    api: Caller, account: Account, change: dict[str, object], status: int, field: str
) -> None:
    pk = draft(api, account)
    api.call("PATCH", f"/drafts/{pk}", change)

    code, problem = api.call("POST", f"/drafts/{pk}/send")

    assert code == status
    assert problem["faults"][0]["field"].startswith(field)
    assert api.call("GET", f"/drafts/{pk}")[0] == 200
    assert not Outgoing.objects.exists()


@pytest.mark.parametrize("field", ["subject", "to"])
def test_line_breaks_are_refused_at_once(api: Caller, account: Account, field: str) -> None:
    value: object = "x\r\nBcc: spy@x.example"
    body = {"account_id": account.pk, field: [value] if field == "to" else value}

    status, problem = api.call("POST", "/drafts", body)

    assert (status, problem["faults"][0]["field"]) == (422, field)


def test_an_administrator_who_is_not_listed_cannot_send(account: Account) -> None:
    """S5-49, C5."""
    root = Caller(letters.user("Root", Role.ADMINISTRATOR))

    status, problem = root.call("POST", "/drafts", {"account_id": account.pk, "to": ["a@b.example"]})

    assert (status, problem["type"]) == (403, "mailroom:may_not_send")


def test_an_inactive_account_sends_nothing(api: Caller, account: Account) -> None:
    """S3-14."""
    pk = draft(api, account)
    Account.objects.update(active=False)

    assert api.call("POST", f"/drafts/{pk}/send")[0] == 409


def test_outgoing_tells_each_recipient(api: Caller, account: Account) -> None:
    _, queued = api.call("POST", f"/drafts/{draft(api, account)}/send")

    status, shown = api.call("GET", f"/outgoing/{queued['id']}")

    assert (status, shown["state"]) == (200, "queued")
    assert shown["recipients"] == [{"address": "luca@client.example", "state": "waiting", "reply": ""}]
    assert Caller(letters.user("Charlie")).call("GET", f"/outgoing/{queued['id']}")[0] == 404
