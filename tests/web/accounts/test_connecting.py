"""Connecting a mailbox by the page, on real servers: separate verdicts, the cause named, then one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from mailroom.data.mail.models import Account
from mailroom.data.people.models import Firm, User
from tests.servers.dovecot import PASSWORD, Dovecot, free_ports
from tests.servers.smtp_sink import SmtpSink
from tests.world import World

As = Callable[[User], Client]


def form(user: User, **changes: Any) -> dict[str, Any]:
    return {
        "address": "info@firma.example",
        "name": "Info",
        "password": "x",
        "users": [user.pk],
        "card_visibility": "members",
        "start_date": "2026-01-01",
        "incoming_host": "imap.firma.example",
        "incoming_port": "993",
        "incoming_encryption": "tls",
        "outgoing_host": "smtp.firma.example",
        "outgoing_port": "465",
        "outgoing_encryption": "tls",
    } | changes


def real(user: User, dovecot: Dovecot, sink: SmtpSink, name: str, **changes: Any) -> dict[str, Any]:
    outgoing = sink.endpoint()
    servers = {
        "address": name,
        "password": PASSWORD,
        "incoming_host": dovecot.host,
        "incoming_port": dovecot.imaps_port,
        "outgoing_host": outgoing.host,
        "outgoing_port": outgoing.port,
        "outgoing_encryption": str(outgoing.encryption),
    }
    return form(user, **{**servers, **changes})


@pytest.fixture
def trusting(dovecot: Dovecot) -> Any:
    with override_settings(MAILROOM_ALLOW_HOSTS=("localhost", "127.0.0.1"), MAILROOM_CA_FILE=dovecot.ca_file):
        yield


def verdict_on(client: Client, said: dict[str, Any]) -> str:
    answer = client.post(reverse("accounts:test"), said)
    assert answer.status_code == 200
    assert not Account.objects.filter(email=said["address"]).exists()
    return answer.content.decode()


@pytest.mark.dovecot
@pytest.mark.usefixtures("trusting")
def test_a_right_form_is_let_in_on_both_sides_and_connects(
    world: World, as_user: As, dovecot: Dovecot, smtp_sink: SmtpSink, mailbox_user: str
) -> None:
    """S1-08, S2-07, S2-08, S5-17."""
    client, said = as_user(world.dora), real(world.dora, dovecot, smtp_sink, mailbox_user)
    verdict = verdict_on(client, said)
    assert "Incoming: signed in." in verdict
    assert "Outgoing: signed in." in verdict
    assert "INBOX" in verdict
    answer = client.post(reverse("accounts:add"), said)
    account = Account.objects.get(email=mailbox_user)
    assert answer["Location"] == reverse("accounts:detail", args=[account.pk])
    assert (account.state, account.secret.reveal()) == ("new", PASSWORD)


@pytest.mark.dovecot
@pytest.mark.usefixtures("trusting")
def test_each_side_has_its_own_verdict_with_cause_and_cure(
    world: World, as_user: As, dovecot: Dovecot, smtp_sink: SmtpSink, mailbox_user: str
) -> None:
    """Bad input: wrong password, unknown host, refused, TLS."""
    client = as_user(world.dora)
    said = real(world.dora, dovecot, smtp_sink, mailbox_user)
    closed = free_ports(1)[0]
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"password": "wrong"}, "did not accept login and password", "app password"),
        ({"incoming_host": "no-such-host.invalid"}, "no-such-host.invalid was not found", "spelling"),
        ({"incoming_port": closed}, f"refused the connection on port {closed}", "Check the port"),
        ({"incoming_port": dovecot.imap_port}, "No encrypted connection", "STARTTLS"),
        ({"outgoing_port": closed}, f"refused the connection on port {closed}", "Check the port"),
    ]
    for changes, cause, cure in cases:
        verdict = verdict_on(client, {**said, **changes})
        assert cause in verdict, changes
        assert cure in verdict, changes


@pytest.mark.dovecot
def test_a_certificate_of_nobodys_is_not_trusted(
    world: World, as_user: As, dovecot: Dovecot, smtp_sink: SmtpSink, mailbox_user: str
) -> None:
    said = real(world.dora, dovecot, smtp_sink, mailbox_user)
    with override_settings(MAILROOM_ALLOW_HOSTS=("*",), MAILROOM_CA_FILE=None):
        verdict = verdict_on(as_user(world.dora), said)
    assert "certificate of localhost is not trusted" in verdict
    assert "MAILROOM_CA_FILE" in verdict


def test_a_private_address_is_not_called_and_the_setting_is_named(world: World, as_user: As) -> None:
    with override_settings(MAILROOM_ALLOW_HOSTS=()):
        verdict = verdict_on(
            as_user(world.dora), form(world.dora, incoming_host="127.0.0.1", outgoing_host="10.0.0.7")
        )
    assert "MAILROOM_ALLOW_HOSTS=127.0.0.1" in verdict
    assert "MAILROOM_ALLOW_HOSTS=10.0.0.7" in verdict


def test_a_failed_test_saves_nothing_unless_it_is_asked_for(world: World, as_user: As) -> None:
    """S5-17."""
    client = as_user(world.dora)
    said = form(world.dora, incoming_host="a.invalid", outgoing_host="b.invalid")
    answer = client.post(reverse("accounts:add"), said)
    assert answer.status_code == 422
    assert "Save as not connected" in answer.content.decode()
    assert 'value="a.invalid"' in answer.content.decode()
    assert not Account.objects.filter(email="info@firma.example").exists()
    client.post(reverse("accounts:add"), said | {"anyway": "1"})
    assert Account.objects.filter(email="info@firma.example").exists()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"address": "nonsense"}, "is not an e-mail address"),
    ({"address": "a@b.example\r\nX"}, "Line breaks"),
    ({"name": ""}, "This is needed"),
    ({"password": ""}, "This is needed"),
    ({"users": []}, "This is needed"),
    ({"incoming_port": "0"}, "from 1 to 65535"),
    ({"incoming_port": "imap"}, "whole number"),
    ({"incoming_host": "https://imap.firma.example"}, "is not a server name"),
    ({"outgoing_host": "a\nb"}, "Line breaks"),
    ({"login": "a\0b"}, "Line breaks"),
    ({"incoming_encryption": "ssl3"}, "Choose one of"),
    ({"start_date": "31.12.2025"}, "YYYY-MM-DD"),
]


@pytest.mark.parametrize(("changes", "words"), BAD)
def test_a_wrong_field_says_so_before_any_server_is_asked(
    world: World, as_user: As, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    def explode(*_: object) -> None:
        raise AssertionError("a server was asked")

    monkeypatch.setattr("mailroom.web.accounts.probing.probe", explode)
    answer = as_user(world.dora).post(reverse("accounts:add"), form(world.dora, **changes))
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_servers_are_found_by_the_address(world: World, as_user: As) -> None:
    """S5-12, S4-14."""
    client = as_user(world.dora)
    found = client.get(reverse("accounts:discover"), {"address": "anna@gmail.com"}).content.decode()
    assert "imap.gmail.com" in found
    assert "app password" in found
    guessed = client.get(reverse("accounts:discover"), {"address": "anna@firma.example"}).content.decode()
    assert "imap.firma.example" in guessed
    assert "Check them" in guessed
    again = {"address": "bob@firma.example", "found_for": "firma.example"}
    assert client.get(reverse("accounts:discover"), again).status_code == 204
    for half in ("anna@", "", "anna@b@", "@gmail.com", "x@y z"):
        assert client.get(reverse("accounts:discover"), {"address": half}).status_code == 204


def test_an_employee_without_a_mailbox_is_told_who_connects_the_first(world: World, as_user: As) -> None:
    """C17, S5-44."""
    client = as_user(world.charlie)
    answer = client.get(reverse("accounts:add"))
    assert answer.status_code == 403
    assert "administrator or a director" in answer.content.decode()
    Firm.objects.update(employees_connect=True)
    assert client.get(reverse("accounts:add")).status_code == 200


def test_an_employee_is_offered_nobody_but_themself(world: World, as_user: As) -> None:
    """S5-46."""
    client = as_user(world.alice)
    assert "Bob Rossi" not in client.get(reverse("accounts:add")).content.decode()
    said = form(world.bob, incoming_host="a.invalid", outgoing_host="b.invalid", anyway="1")
    assert client.post(reverse("accounts:add"), said).status_code == 422
    assert not Account.objects.filter(email="info@firma.example").exists()
