"""The reading pane: the whole thread, what stands open, who it is with (S4-21, S4-22)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.urls import reverse

from mailroom.core.letter import read_letter
from mailroom.data.contacts.models import Address, Claim, Company, Person
from mailroom.web.inbox.letters import told_apart
from tests.world import World, deliver, deliver_one, letter

SEEN = frozenset({"\\Seen"})
THREAD = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "thread"}


def tell_a_thread(world: World, seen: frozenset[str] = SEEN) -> int:
    """Three letters that answer each other, received and sent."""
    days = [timedelta(days=3), timedelta(days=2), timedelta(days=1)]
    sales, again = "sales@acme.example", "Re: Fattura 311"
    first = letter("Fattura 311", "Prima lettera.", mid="one@b", ago=days[0])
    ours = letter(again, "Nostra risposta.", sender=sales, mid="two@b", answers="one@b", ago=days[1])
    last = letter(again, "Ultima lettera.", mid="three@b", answers="two@b", ago=days[2])
    thread = deliver_one(world.sales, first, flags=SEEN).thread_id
    deliver(world.sales, ours, role="sent", flags=SEEN)
    deliver(world.sales, last, flags=seen)
    return thread


def show(client: Any, thread: int, **more: Any) -> Any:
    answer = client.get(f"/mail/?thread={thread}", **{**THREAD, **more})
    assert answer.status_code == 200
    return answer


def test_the_thread_shows_received_and_sent_letters_with_the_newest_open(world: World, as_user: Any) -> None:
    """S4-21: the whole thread, not only the letter."""
    thread = tell_a_thread(world)
    shown = show(as_user(world.alice), thread).context["shown"]
    assert [leaf.open for leaf in shown.leaves] == [False, False, True]
    assert [leaf.message.outgoing for leaf in shown.leaves] == [False, True, False]


def test_unread_letters_stand_open_and_ask_to_be_marked(world: World, as_user: Any) -> None:
    thread = tell_a_thread(world, seen=frozenset())
    page = show(as_user(world.alice), thread).content.decode()
    assert "Ultima lettera." in page
    assert reverse("inbox:seen", args=[thread]) in page
    assert "data-marks" in page


def test_a_folded_letter_is_fetched_when_it_is_opened(world: World, as_user: Any) -> None:
    thread = tell_a_thread(world)
    client = as_user(world.alice)
    page = show(client, thread)
    first = page.context["shown"].leaves[0].message
    assert b"Nostra risposta.\n" not in page.content
    answer = client.get(reverse("inbox:letter", args=[first.pk]))
    assert "Prima lettera." in answer.content.decode()


def test_a_letter_by_its_number_leads_to_its_thread_and_stands_open(world: World, as_user: Any) -> None:
    thread = tell_a_thread(world)
    client = as_user(world.alice)
    first = show(client, thread).context["shown"].leaves[0].message
    answer = client.get(reverse("inbox:message", args=[first.pk]), follow=True)
    assert answer.context["shown"].leaves[0].open
    assert f'id="m{first.pk}"' in answer.content.decode()


def test_opening_a_thread_costs_the_same_however_long_it_is(
    world: World, as_user: Any, django_assert_max_num_queries: Any
) -> None:
    thread = deliver_one(
        world.sales, letter("Long", mid="m0@b", ago=timedelta(days=30)), flags=SEEN
    ).thread_id
    deliver(
        world.sales,
        *(
            letter("Long", mid=f"m{n}@b", answers=f"m{n - 1}@b", ago=timedelta(hours=30 - n))
            for n in range(1, 25)
        ),
    )
    client = as_user(world.alice)
    with django_assert_max_num_queries(20):
        assert len(show(client, thread).context["shown"].leaves) == 25


def test_bob_sees_the_copy_that_lies_where_he_may_read(world: World, as_user: Any) -> None:
    raw = letter("To both", to="sales@acme.example, alice@acme.example", mid="both@b")
    thread = deliver_one(world.alices, raw).thread_id
    assert deliver_one(world.sales, raw).thread_id == thread
    for user in (world.alice, world.bob):
        assert len(show(as_user(user), thread).context["shown"].leaves) == 1


def test_the_pane_beside_it_shows_the_card_and_earlier_letters(world: World, as_user: Any) -> None:
    deliver(world.alices, letter("An earlier matter", ago=timedelta(days=9)))
    thread = deliver_one(world.sales, letter("This matter")).thread_id
    company = Company.objects.create(name="Nowak Meble")
    person = Person.objects.create(
        name="Marta Nowak", company=company, phone="+48 555 1", position="Purchasing"
    )
    address = Address.objects.get(key="marta@nowak.example")
    Claim.objects.create(person=person, address=address, reason=Claim.Reason.LISTED)
    page = show(as_user(world.alice), thread).content.decode()
    for words in ("Nowak Meble", "+48 555 1", "Purchasing", "An earlier matter", "Alice Nowak, Bob Rossi"):
        assert words in page, words
    assert "An earlier matter" not in show(as_user(world.bob), thread).content.decode()


def test_who_is_no_contact_yet_can_be_added(world: World, as_user: Any) -> None:
    thread = deliver_one(world.sales, letter()).thread_id
    page = show(as_user(world.alice), thread).content.decode()
    assert "Not a contact yet." in page


def test_words_quoted_below_a_letter_are_folded_and_lost_nowhere() -> None:
    text = "Hello,\n\nyes.\n\nAnn\n\nOn Thu, 19 Nov 2026, Bob wrote:\n> Shall we?\n> Bob\n"
    now, earlier = told_apart(read_letter(letter("Re: x", text)))
    assert "yes." in now
    assert "Shall we?" not in now
    assert "> Shall we?" in earlier
    assert "".join((now + earlier).split()) == "".join(text.split())


def test_answers_between_quoted_lines_stay_where_they_are() -> None:
    text = "> Shall we meet?\nYes, at ten.\n> And where?\nHere.\n"
    now, earlier = told_apart(read_letter(letter("Re: x", text)))
    assert "".join(now.split()) == "".join(text.split())
    assert earlier == ""


def test_a_letter_without_anything_is_shown_calmly(world: World, as_user: Any) -> None:
    thread = deliver_one(world.sales, b"\r\n").thread_id
    page = show(as_user(world.alice), thread).content.decode()
    assert "(no subject)" in page
    assert "(no sender)" in page
