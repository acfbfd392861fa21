"""The list of accounts and the tabs of one; Charlie finds nothing of either."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailroom.data.blobs import keeping
from mailroom.data.mail.models import Account, Parked, ServerFolder
from mailroom.data.people.models import Role, User
from tests.world import World, deliver, letter, make_user

As = Callable[[User], Client]
TABS = ("detail", "folders", "access", "ledger")


def shown(client: Client, name: str, *args: int) -> str:
    answer = client.get(reverse(f"accounts:{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def counted(account: Account, **figures: Any) -> ServerFolder:
    deliver(account, letter())
    ServerFolder.objects.filter(account=account).update(on_server=1, counted_at=timezone.now(), **figures)
    return ServerFolder.objects.get(account=account)


def park(account: Account, **fields: Any) -> Parked:
    folder = counted(account)
    return Parked.objects.create(
        account=account, server_folder=folder, uidvalidity=1, uid=77, parked_at=timezone.now(), **fields
    )


def test_charlie_finds_no_account_and_no_way_in(world: World, as_user: As) -> None:
    charlie = as_user(world.charlie)
    assert "sales@acme.example" not in shown(charlie, "list")
    for tab in TABS:
        assert charlie.get(reverse(f"accounts:{tab}", args=[world.sales.pk])).status_code == 404
    for act in ("test_saved", "fetch", "archive", "restore"):
        assert charlie.post(reverse(f"accounts:{act}", args=[world.sales.pk])).status_code == 404
    parked = park(world.sales, reason="unreadable", blob_id=keeping.keep(b"x"))
    for name in ("retry", "parked"):
        address = reverse(f"accounts:{name}", args=[world.sales.pk, parked.pk])
        assert charlie.post(address).status_code in (404, 405)
        assert charlie.get(address).status_code in (404, 405)


def test_bob_does_not_find_alices_own_mailbox(world: World, as_user: As) -> None:
    bob = as_user(world.bob)
    assert "alice@acme.example" not in shown(bob, "list")
    assert bob.get(reverse("accounts:detail", args=[world.alices.pk])).status_code == 404


STATES: list[tuple[dict[str, Any], list[str]]] = [
    ({"state": "live"}, ["live"]),
    ({"state": "first_sync", "progress_stored": 41, "progress_total": 100}, ["41 %"]),
    ({"state": "first_sync", "progress_stored": 5, "progress_total": 5}, ["99 %"]),
    ({"state": "new"}, ["connecting"]),
    ({"state": "inactive", "active": False}, ["off"]),
    (
        {"state": "needs_person", "error_kind": "wrong_password", "error_cure": "google_app_password"},
        ["needs you", "did not accept login and password"],
    ),
    ({"state": "retrying", "error_kind": "connection_lost"}, ["trying again", "hung up"]),
]


@pytest.mark.parametrize(("fields", "words"), STATES)
def test_a_state_is_said_in_words(
    world: World, as_user: As, fields: dict[str, Any], words: list[str]
) -> None:
    Account.objects.filter(pk=world.sales.pk).update(**fields)
    page = shown(as_user(world.bob), "list")
    for word in words:
        assert word in page


def test_trouble_stands_on_the_account_with_cure_and_the_servers_words(world: World, as_user: As) -> None:
    Account.objects.filter(pk=world.sales.pk).update(
        state="needs_person",
        error_kind="wrong_password",
        error_cure="google_app_password",
        error_words="<b>NO</b>",
    )
    page = shown(as_user(world.bob), "detail", world.sales.pk)
    assert "16-character app password" in page
    assert "&lt;b&gt;NO&lt;/b&gt;" in page


def test_the_list_counts_only_what_one_reads(world: World, as_user: As) -> None:
    """S5-52: a director assigns, and reads only where assigned."""
    deliver(world.sales, letter(), letter())
    diana = as_user(make_user("Diana Director", role=Role.DIRECTOR))
    sizes = diana.get(reverse("accounts:sizes")).content.decode()
    assert f"size-{world.sales.pk}" not in sizes
    assert "sales@acme.example" in shown(diana, "list")
    assert f"size-{world.sales.pk}" in as_user(world.bob).get(reverse("accounts:sizes")).content.decode()


def test_settings_are_changed_and_an_empty_password_keeps_the_old_one(world: World, as_user: As) -> None:
    """S5-18 to S5-24."""
    bob = as_user(world.bob)
    said = {
        "address": "sales@acme.example", "name": "Sales team", "password": "", "login": "sales",
        "incoming_host": "imap.acme.example", "incoming_port": "1993", "incoming_encryption": "starttls",
        "outgoing_host": "smtp.acme.example", "outgoing_port": "587", "outgoing_encryption": "starttls",
        "start_date": "", "flag_days": "30", "poll_minutes": "5", "delete_policy": "trash",
        "card_visibility": "everyone", "signature_html": "<p>Sales</p>",
    }  # fmt: skip
    answer = bob.post(reverse("accounts:detail", args=[world.sales.pk]), said)
    assert answer.status_code == 302
    found = Account.objects.get(pk=world.sales.pk)
    assert (found.name, found.login, found.incoming_port, found.start_date) == (
        "Sales team",
        "sales",
        1993,
        None,
    )
    assert (found.notify, found.delete_policy) == (False, "trash")
    assert found.secret.reveal() == "secret of the mailbox"
    refused = bob.post(reverse("accounts:detail", args=[world.sales.pk]), said | {"poll_minutes": "0"})
    assert refused.status_code == 422
    assert "from 1 to 1440" in refused.content.decode()


def test_the_password_is_never_shown(world: World, as_user: As) -> None:
    for tab in TABS:
        assert "secret of the mailbox" not in shown(as_user(world.dora), tab, world.sales.pk)


def test_fetching_switching_off_and_on(world: World, as_user: As) -> None:
    bob = as_user(world.bob)
    bob.post(reverse("accounts:fetch", args=[world.sales.pk]))
    assert Account.objects.get(pk=world.sales.pk).wanted_at is not None
    bob.post(reverse("accounts:archive", args=[world.sales.pk]))
    assert Account.objects.get(pk=world.sales.pk).state == "inactive"
    said = bob.post(reverse("accounts:fetch", args=[world.sales.pk]), follow=True).content.decode()
    assert "switched off" in said
    bob.post(reverse("accounts:restore", args=[world.sales.pk]))
    assert Account.objects.get(pk=world.sales.pk).active


def test_access_is_given_by_those_above_only(world: World, as_user: As) -> None:
    """S5-21, S5-51."""
    address = reverse("accounts:access", args=[world.sales.pk])
    as_user(world.bob).post(address, {"users": [world.bob.pk, world.charlie.pk]})
    assert world.charlie not in world.sales.users.all()
    director = make_user("Diana Director", role=Role.DIRECTOR)
    as_user(director).post(address, {"users": [world.charlie.pk]})
    assert list(world.sales.users.all()) == [world.charlie]
    said = as_user(director).post(address, {"users": []}, follow=True).content.decode()
    assert "This is needed." in said


def test_folders_are_subscribed_and_shown_elsewhere(world: World, as_user: As) -> None:
    """S1-19 to S1-25."""
    counted(world.sales)
    folder = ServerFolder.objects.get(account=world.sales)
    bob = as_user(world.bob)
    assert "in step" in shown(bob, "folders", world.sales.pk)
    change = reverse("accounts:change_folder", args=[world.sales.pk, folder.pk])
    bob.post(change, {"subscribed": "0"})
    folder.refresh_from_db()
    assert not folder.subscribed
    assert "Every folder is subscribed" not in shown(bob, "folders", world.sales.pk)
    bob.post(change, {"subscribed": "1"})
    spam = world.sales.folders.get(role="spam")
    bob.post(change, {"folder": spam.pk})
    folder.refresh_from_db()
    assert folder.folder == spam
    foreign = world.alices.folders.get(role="spam")
    bob.post(change, {"folder": foreign.pk})
    folder.refresh_from_db()
    assert folder.folder == spam


def test_the_ledger_says_yes_when_it_balances_and_no_in_red_when_not(world: World, as_user: As) -> None:
    counted(world.sales)
    bob = as_user(world.bob)
    assert "Yes, everything is here." in shown(bob, "ledger", world.sales.pk)
    ServerFolder.objects.filter(account=world.sales).update(on_server=3, waiting=0)
    page = shown(bob, "ledger", world.sales.pk)
    assert "No: 2 messages do not add up." in page
    assert "unexplained" in page
    ServerFolder.objects.filter(account=world.sales).update(on_server=3, waiting=2)
    assert "Nearly: 2 messages are on their way." in shown(bob, "ledger", world.sales.pk)


def test_a_parked_message_has_a_reason_a_download_and_another_try(world: World, as_user: As) -> None:
    raw = b"Subject: odd\r\n\r\nbytes \xff"
    parked = park(
        world.sales,
        reason="unreadable",
        words="depth",
        blob_id=keeping.keep(raw),
        size=len(raw),
        next_at=None,
    )
    bob = as_user(world.bob)
    assert "it could not be read" in shown(bob, "ledger", world.sales.pk)
    answer = bob.get(reverse("accounts:parked", args=[world.sales.pk, parked.pk]))
    assert answer.content == raw
    assert "attachment" in answer["Content-Disposition"]
    bob.post(reverse("accounts:retry", args=[world.sales.pk, parked.pk]))
    parked.refresh_from_db()
    assert parked.next_at is not None
    assert parked.next_at <= timezone.now() + timedelta(seconds=1)


def test_a_director_configures_nothing_and_downloads_nothing_of_others(world: World, as_user: As) -> None:
    parked = park(world.sales, reason="unreadable", blob_id=keeping.keep(b"secret"))
    diana = as_user(make_user("Diana Director", role=Role.DIRECTOR))
    assert diana.get(reverse("accounts:parked", args=[world.sales.pk, parked.pk])).status_code == 404
    assert diana.post(reverse("accounts:detail", args=[world.sales.pk]), {"name": "Mine"}).status_code == 403
    assert diana.post(reverse("accounts:test_saved", args=[world.sales.pk])).status_code == 404
