"""Move, Spam and Delete in the reading pane: the sentence before, the toast after, Undo; without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from mailroom.data.mail.models import Account, Folder, Intent, Message, Placement
from tests.world import World, deliver_one, folder_of, letter

HTMX = {"HTTP_HX_REQUEST": "true"}


def pane(client: Any, message: Message, folder: Folder | None = None) -> str:
    place = f"/mail/folder/{folder.pk}/" if folder else "/mail/"
    answer = client.get(f"{place}?thread={message.thread_id}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def press(client: Any, message: Message, act: str, folder: Folder | None = None, **more: Any) -> Any:
    address = reverse("inbox:file", args=[message.thread_id])
    return client.post(address, {"act": act, "source": folder.pk if folder else "", **more}, follow=True)


def where(message: Message) -> str | None:
    return Placement.objects.get(message=message, state="live").folder.role


def test_delete_says_before_what_it_will_do_and_undo_takes_it_back(world: World, as_user: Any) -> None:
    """C2, P15: under "keep" only here; Bob, who shares the mailbox, is named."""
    message = deliver_one(world.sales, letter())
    client = as_user(world.alice)
    told = "1 letter to Trash. Only here: the copy on the server stays. Also for Bob Rossi."
    assert told in pane(client, message)

    page = press(client, message, "delete").content.decode()

    assert told in page
    assert where(message) == "trash"
    assert not Intent.objects.exists()
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    back = client.post(reverse("inbox:undo"), {"token": token[1]}, follow=True).content.decode()
    assert "1 letter is back." in back
    assert where(message) == "inbox"


def test_under_trash_it_says_that_the_server_hears_of_it(world: World, as_user: Any) -> None:
    Account.objects.update(delete_policy="trash")
    message = deliver_one(world.alices, letter())
    client = as_user(world.alice)
    assert "1 letter to Trash. On the server too." in pane(client, message)

    press(client, message, "delete")

    assert [(one.kind, one.phase) for one in Intent.objects.all()] == [("move", "pending")]


def test_what_the_server_has_already_cannot_be_undone(world: World, as_user: Any) -> None:
    Account.objects.update(delete_policy="trash")
    message = deliver_one(world.alices, letter())
    client = as_user(world.alice)
    page = press(client, message, "delete").content.decode()
    token = re.search(r'name="token" value="([^"]+)"', page)
    Intent.objects.update(phase=Intent.Phase.COPYING)

    answer = client.post(reverse("inbox:undo"), {"token": token[1] if token else ""}, follow=True)

    assert "Too late: the server has it already." in answer.content.decode()
    assert where(message) == "trash"


def test_spam_and_not_spam(world: World, as_user: Any) -> None:
    """S4-23."""
    message = deliver_one(world.sales, letter())
    client = as_user(world.alice)
    answer = client.post(reverse("inbox:file", args=[message.thread_id]), {"act": "spam"}, **HTMX)
    assert answer.headers["HX-Trigger"] == "mailroom:filed"
    assert "1 letter to Spam." in answer.content.decode()
    message.refresh_from_db()
    assert (where(message), message.spam) == ("spam", True)

    spam = folder_of(world.sales, "spam")
    assert "Not spam" in pane(client, message, spam)
    press(client, message, "not_spam", spam)
    message.refresh_from_db()
    assert (where(message), message.spam) == ("inbox", False)


def test_move_offers_the_folders_of_the_mailbox(world: World, as_user: Any) -> None:
    message = deliver_one(world.sales, letter())
    old = Folder.objects.create(account=world.sales, name="Old", name_key="old", local=True)
    client = as_user(world.alice)
    assert f'<option value="{old.pk}">Old</option>' in pane(client, message)

    address = reverse("inbox:file", args=[message.thread_id])
    page = client.post(address, {"act": "move", "folder": old.pk}, follow=True).content.decode()

    assert "1 letter to Old. Only here: the copy on the server stays." in page
    assert Placement.objects.get(message=message).folder == old


def test_only_the_letters_of_the_folder_shown_are_meant(world: World, as_user: Any) -> None:
    first = deliver_one(world.sales, letter(mid="a@x.example"))
    answer = deliver_one(world.sales, letter(answers="a@x.example", sender="sales@acme.example"), role="sent")
    assert first.thread_id == answer.thread_id

    press(as_user(world.alice), first, "delete")

    assert (where(first), where(answer)) == ("trash", "sent")


@pytest.mark.parametrize("right", [False, True])
def test_deleting_for_good_is_offered_in_trash_to_those_who_may(
    world: World, as_user: Any, right: bool
) -> None:
    """S3-26, S3-27: refused with a sentence also where the button is not shown."""
    world.alice.can_purge = right
    world.alice.save()
    message = deliver_one(world.sales, letter(), role="trash")
    trash, client = folder_of(world.sales, "trash"), as_user(world.alice)
    assert ("Delete for good" in pane(client, message, trash)) is right

    page = press(client, message, "purge", trash).content.decode()

    message.refresh_from_db()
    assert (message.fate == "purged") is right
    assert ("You may not delete letters for good" in page) is not right


def test_who_only_reads_finds_no_buttons_and_no_way(world: World, as_user: Any) -> None:
    message = deliver_one(world.sales, letter())
    client = as_user(world.dora)
    page = pane(client, message)
    assert 'value="delete"' not in page
    assert 'value="spam"' not in page

    page = press(client, message, "delete").content.decode()

    assert "You may not delete letters of this mailbox." in page
    assert where(message) == "inbox"
    assert press(as_user(world.charlie), message, "delete").status_code == 404
    assert client.get(reverse("inbox:file", args=[message.thread_id])).status_code == 405
