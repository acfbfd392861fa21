"""Marks: the page says what was shown, the server of the mailbox hears of it."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from mailroom.data.mail.models import Account, Intent
from tests.world import World, deliver_one, letter

HTMX = {"HTTP_HX_REQUEST": "true"}


def test_showing_a_thread_marks_it_read_here_and_for_the_server(world: World, as_user: Any) -> None:
    message = deliver_one(world.sales, letter())
    answer = as_user(world.alice).post(reverse("inbox:seen", args=[message.thread_id]), **HTMX)
    assert answer.status_code == 204
    assert message.placements.get().seen
    assert Intent.objects.get(message=message).add == ["\\Seen"]


def test_unread_again_marks_the_newest_letter(world: World, as_user: Any) -> None:
    message = deliver_one(world.sales, letter(), flags=frozenset({"\\Seen"}))
    address = reverse("inbox:seen", args=[message.thread_id])
    assert as_user(world.alice).post(address, {"unseen": "1"}).status_code == 302
    assert not message.placements.get().seen
    as_user(world.alice).post(address)
    assert as_user(world.alice).delete(address, **HTMX).status_code == 204
    assert not message.placements.get().seen


def test_who_only_may_read_marks_nothing(world: World, as_user: Any) -> None:
    """Seen belongs to the mailbox: Dora reads as administrator, and leaves no trace in it."""
    message = deliver_one(world.sales, letter())
    client = as_user(world.dora)
    page = client.get(f"/mail/?thread={message.thread_id}").content.decode()
    assert "data-marks" not in page
    client.post(reverse("inbox:seen", args=[message.thread_id]), **HTMX)
    assert not message.placements.get().seen


def test_a_mark_needs_the_token_of_the_page(world: World) -> None:
    message = deliver_one(world.sales, letter())
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(reverse("inbox:seen", args=[message.thread_id])).status_code == 403
    assert client.get(reverse("inbox:seen", args=[message.thread_id])).status_code == 405


def test_fetch_asks_the_servers_of_the_viewers_mailboxes(world: World, as_user: Any) -> None:
    """S4-28."""
    answer = as_user(world.bob).post(reverse("inbox:fetch"), **HTMX)
    assert "Asking 1 mailbox…" in answer.content.decode()
    assert Account.objects.get(pk=world.sales.pk).wanted_at is not None
    assert Account.objects.get(pk=world.alices.pk).wanted_at is None
