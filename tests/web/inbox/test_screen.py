"""The list: what it shows, in which order, to whom, and at what price (S4-18 to S4-20, S4-27)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from mailroom.data.contacts.models import Address, Claim, Company
from mailroom.data.mail.models import Account
from tests.world import World, deliver, deliver_one, folder_of, letter, make_user

FRAGMENT = {"HTTP_HX_REQUEST": "true"}
NAV = {**FRAGMENT, "HTTP_HX_TARGET": "nav"}
ROWS = {**FRAGMENT, "HTTP_HX_TARGET": "rows"}


def html(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def test_the_list_shows_sender_subject_snippet_and_time_newest_first(world: World, as_user: Any) -> None:
    """S4-19, S4-20, S4-27."""
    deliver(world.sales, letter("Older", "The older text.", ago=timedelta(hours=2)))
    deliver(world.sales, letter("Newer", "The newer text.", sender="Luca <luca@b.example>"))
    page = html(as_user(world.alice).get("/mail/"))
    assert page.index("Newer") < page.index("Older")
    assert "Luca" in page
    assert "The newer text." in page
    assert "<time" in page


def test_the_inbox_of_all_merges_mailboxes_and_a_folder_shows_one(world: World, as_user: Any) -> None:
    deliver(world.sales, letter("To sales"))
    deliver(world.alices, letter("To Alice"))
    client = as_user(world.alice)
    both = html(client.get("/mail/"))
    one = html(client.get(reverse("inbox:folder", args=[folder_of(world.alices).pk])))
    assert "To sales" in both
    assert "To Alice" in both
    assert "To sales" not in one


def test_charlie_finds_no_folder_no_thread_and_no_letter(world: World, as_user: Any) -> None:
    """Every screen is asked Charlie's question: what he may not see does not exist."""
    message = deliver_one(world.sales, letter("Secret offer", files=[("a.pdf", "application/pdf", b"x")]))
    client = as_user(world.charlie)
    for path in (
        reverse("inbox:folder", args=[folder_of(world.sales).pk]),
        reverse("inbox:thread", args=[message.thread_id]),
        reverse("inbox:message", args=[message.pk]),
        reverse("inbox:letter", args=[message.pk]),
        reverse("inbox:body", args=[message.pk]),
        reverse("inbox:attachment", args=[message.pk, 0]),
        f"/mail/?thread={message.thread_id}",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post(reverse("inbox:seen", args=[message.thread_id])).status_code == 404
    assert "Secret offer" not in html(client.get("/mail/"))
    assert "Sales" not in html(client.get("/mail/", **NAV))


def test_a_confidential_letter_is_not_in_the_list_of_a_colleague(world: World, as_user: Any) -> None:
    deliver(world.sales, letter("Your payslip", to="alice@acme.example"), confidential=True)
    assert "Your payslip" not in html(as_user(world.bob).get("/mail/"))
    assert "Your payslip" in html(as_user(world.alice).get("/mail/"))


@pytest.mark.parametrize(
    "path", ["/mail/folder/99999999999999999999/", "/mail/thread/0/", "/mail/?thread=x", "/mail/?before=-1"]
)
def test_numbers_that_are_no_ids_are_not_found(world: World, as_user: Any, path: str) -> None:
    assert as_user(world.alice).get(path).status_code == 404


def test_unread_letters_are_marked_in_the_row_and_counted_in_the_pane(world: World, as_user: Any) -> None:
    deliver(world.sales, letter("New one"), letter("Second"))
    deliver(world.sales, letter("Read one"), flags=frozenset({"\\Seen"}))
    client = as_user(world.alice)
    assert html(client.get("/mail/", **ROWS)).count('class="row unread"') == 2
    assert "<b>2</b>" in html(client.get("/mail/", **NAV))
    assert "Read one" not in html(client.get("/mail/?unread=1", **ROWS))


def test_the_row_names_the_company_that_owns_the_address(world: World, as_user: Any) -> None:
    deliver(world.sales, letter())
    company = Company.objects.create(name="Nowak Meble & Syn")
    address = Address.objects.get(key="marta@nowak.example")
    Claim.objects.create(company=company, address=address, reason=Claim.Reason.LISTED)
    assert '<span class="chip">Nowak Meble &amp; Syn</span>' in html(as_user(world.alice).get("/mail/"))


def test_a_page_holds_fifty_and_the_next_goes_on_without_gap_or_repeat(world: World, as_user: Any) -> None:
    """P12: keyset paging."""
    deliver(world.sales, *(letter(f"Number {n:03}", ago=timedelta(minutes=n)) for n in range(120)))
    client, path, seen = as_user(world.alice), "/mail/", []
    while path:
        rows = html(client.get(path, **ROWS))
        seen += [n for n in range(120) if f"Number {n:03}" in rows]
        older = re.search(r'href="([^"]+before=\d+)"', rows)
        path = older[1] if older else ""
    assert seen == list(range(120))


@pytest.mark.parametrize("letters", [3, 50])
def test_the_list_costs_the_same_however_much_it_shows(
    world: World, as_user: Any, django_assert_num_queries: Any, letters: int
) -> None:
    deliver(world.sales, *(letter(f"Number {n}", ago=timedelta(minutes=n)) for n in range(letters)))
    client = as_user(world.alice)
    with django_assert_num_queries(13 if letters == 50 else 14):
        client.get("/mail/")


def test_html_in_names_and_subjects_stays_words(world: World, as_user: Any) -> None:
    evil = "<script>alert(1)</script>\"' onmouseover=x"
    deliver(world.sales, letter(evil, evil, sender='"<img src=x onerror=alert(1)>" <a@b.example>'))
    page = html(as_user(world.alice).get("/mail/"))
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_without_a_mailbox_the_page_leads_to_connecting_one(world: World, as_user: Any) -> None:
    page = html(as_user(make_user("Ewa New")).get("/mail/"))
    assert "No mailbox yet" in page


def test_a_first_sync_shows_its_share_and_never_a_hundred(world: World, as_user: Any) -> None:
    Account.objects.filter(pk=world.sales.pk).update(
        state=Account.State.FIRST_SYNC, progress_stored=999, progress_total=1000
    )
    page = html(as_user(world.bob).get("/mail/"))
    assert "99 %" in page
    assert "<progress" in page


@pytest.mark.parametrize(
    ("state", "words"),
    [("live", "live"), ("needs_person", "needs you"), ("retrying", "retrying"), ("inactive", "off")],
)
def test_each_mailbox_says_how_it_is(world: World, as_user: Any, state: str, words: str) -> None:
    Account.objects.filter(pk=world.sales.pk).update(state=state)
    assert words in html(as_user(world.bob).get("/mail/", **NAV))


def test_the_red_label_comes_with_new_mail_and_goes_with_a_look(world: World, as_user: Any) -> None:
    """S5-29: not for sent mail, not for backfill, not once looked at."""
    client = as_user(world.alice)
    client.get("/mail/")
    client.cookies["mailroom_looked"] = str(int(client.cookies["mailroom_looked"].value) - 60_000)
    assert client.get("/mail/looked/").content == b""
    deliver(world.sales, letter("Old mail", ago=timedelta(days=30)))
    deliver(world.sales, letter("Ours", sender="sales@acme.example", to="x@y.example"), role="sent")
    assert client.get("/mail/looked/").content == b""
    deliver(world.sales, letter("News"))
    assert client.get("/mail/looked/").content == b"1"
    client.get("/mail/")
    client.cookies["mailroom_looked"] = str(int(client.cookies["mailroom_looked"].value) + 2_000)
    assert client.get("/mail/looked/").content == b""


def test_the_page_changes_nothing_when_it_is_only_read(world: World, as_user: Any) -> None:
    message = deliver_one(world.sales, letter())
    client = as_user(world.alice)
    for _ in range(2):
        client.get(f"/mail/?thread={message.thread_id}")
        client.get(reverse("inbox:letter", args=[message.pk]))
    assert message.placements.get().seen is False
