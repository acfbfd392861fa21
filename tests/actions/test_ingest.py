"""Taking letters in: once, whole, in whatever order, and never a row without its bytes."""

from __future__ import annotations

import itertools

import pytest
from django.utils import timezone

from mailroom.actions.ingest import Batch, FenceLost, Progress, store
from mailroom.core.sync.state import SEEN, Checkpoint
from mailroom.data.blobs.keeping import content_of
from mailroom.data.contacts.models import Address, Claim, Company, CompanyDomain
from mailroom.data.mail.models import (
    Account,
    Folder,
    Message,
    News,
    Participant,
    Placement,
    ServerFolder,
    Thread,
    ThreadRow,
)
from mailroom.data.mail.search import text_of
from tests import letters

pytestmark = pytest.mark.django_db


def test_a_letter_is_kept_byte_for_byte_with_what_it_says() -> None:
    """S2-02, S4-19, S4-20."""
    account = letters.account()
    content = letters.raw("Zamówienie 12", body="Dzień dobry, proszę o wycenę.")

    stored = letters.put(account, content)

    message = Message.objects.get(pk=stored.message_ids[0])
    assert message.blob is not None
    assert content_of(message.blob) == content
    assert (message.subject, message.snippet) == ("Zamówienie 12", "Dzień dobry, proszę o wycenę.")
    assert message.sorted_at == letters.START
    assert message.from_address == Address.objects.get(key="luca@client.example")
    assert not message.outgoing
    headers = Participant.objects.filter(message=message).values_list("field", "address__key")
    assert set(headers) == {("from", "luca@client.example"), ("to", "sales@firm.example")}


def test_storing_a_batch_again_changes_nothing() -> None:
    account = letters.account()
    batch = Batch(
        account.pk,
        tuple(
            letters.arrival(account, letters.raw(mid=f"{n}@x.example", minutes=n), uid=n) for n in (1, 2, 3)
        ),
        timezone.now(),
    )

    first, second = store(batch), store(batch)

    assert (first.new, second.new, second.again) == (3, 0, 3)
    assert first.message_ids == second.message_ids
    assert Message.objects.count() == Placement.objects.count() == 3
    assert Folder.objects.get(account=account, role="inbox").total == 3


def test_the_same_letter_under_two_uids_is_one_message_with_two_placements() -> None:
    """P08: the server's duplicates are the user's own data."""
    account = letters.account()

    stored = letters.put(account, letters.raw(), letters.raw())

    assert stored.new == 1
    assert Placement.objects.filter(message=stored.message_ids[0]).count() == 2
    assert ThreadRow.objects.get().count == 1


def test_one_message_id_on_two_different_letters_is_two_messages() -> None:
    """A Message-ID alone is no identity (sync-engine 1.1)."""
    account = letters.account()

    letters.put(account, letters.raw(body="first"), letters.raw(body="second"))

    assert Message.objects.count() == 2


def test_the_servers_copy_fills_the_placement_of_our_own_letter() -> None:
    """S1-10: exactly one copy of what was sent."""
    account = letters.account()
    mine = letters.raw(sender="Sales <sales@firm.example>", to="luca@client.example")
    store(Batch(account.pk, (letters.arrival(account, mine, uid=None, role="sent"),), timezone.now()))

    letters.put(account, mine, role="sent", first_uid=7, flags=frozenset({SEEN}))

    placement = Placement.objects.get()
    assert (placement.uid, placement.seen) == (7, True)
    assert Message.objects.get().outgoing


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_threads_are_the_same_in_any_order_of_arrival(order: tuple[int, ...]) -> None:
    account = letters.account()
    chain = [
        letters.raw("Offer", mid="a@x.example"),
        letters.raw("Re: Offer", mid="b@x.example", answers="a@x.example", minutes=1),
        letters.raw("Re: Offer", mid="c@x.example", answers="b@x.example", minutes=2),
    ]

    for uid, which in enumerate(order, start=1):
        letters.put(account, chain[which], first_uid=uid)

    assert Thread.objects.count() == 1
    row = ThreadRow.objects.get()
    assert (row.count, row.unread) == (3, 3)
    assert row.newest == Message.objects.latest("pk").pk
    assert Folder.objects.get(account=account, role="inbox").total == 3


def test_a_chain_in_one_batch_ties_what_was_apart() -> None:
    account = letters.account()
    letters.put(account, letters.raw("One", mid="a@x.example"))
    letters.put(account, letters.raw("Two", mid="b@x.example", minutes=1), first_uid=2)

    bridge = letters.raw(
        "Re: One", mid="c@x.example", answers="a@x.example", minutes=2, extra="References: <b@x.example>"
    )
    letters.put(account, bridge, first_uid=3)

    assert Thread.objects.count() == 1
    assert ThreadRow.objects.get().count == 3


def test_threads_cross_mailboxes_and_rows_stay_with_their_folder() -> None:
    sales, anna = letters.account(), letters.account("anna@firm.example")
    letters.put(sales, letters.raw(mid="a@x.example"))
    letters.put(anna, letters.raw("Re: Offer", mid="b@x.example", answers="a@x.example", minutes=1))

    assert Thread.objects.count() == 1
    assert {(row.account_id, row.count) for row in ThreadRow.objects.all()} == {(sales.pk, 1), (anna.pk, 1)}


def test_letters_in_spam_lie_on_no_card_and_those_in_trash_are_deleted() -> None:
    account = letters.account()
    letters.put(account, letters.raw(mid="a@x.example"), role="spam")
    letters.put(account, letters.raw(mid="b@x.example", body="other"), role="trash")

    spam, trash = Message.objects.get(mid="a@x.example"), Message.objects.get(mid="b@x.example")

    assert (spam.spam, spam.fate) == (True, "live")
    assert (trash.spam, trash.fate) == (False, "trash")


def test_the_cursor_moves_with_the_letters_it_covers_or_not_at_all() -> None:
    account = letters.account()
    place = ServerFolder.objects.get(account=account, role="inbox")
    progress = Progress(place.pk, Checkpoint(1, 9, 77), known_uids="1:8", counters={"on_server": 8})
    batch = Batch(
        account.pk, (letters.arrival(account, letters.raw(), uid=8),), timezone.now(), 5, (progress,)
    )

    with pytest.raises(FenceLost):
        store(batch)

    place.refresh_from_db()
    assert (place.uidnext, Message.objects.count()) == (1, 0)
    Account.objects.filter(pk=account.pk).update(lease_fence=5)
    store(batch)
    place.refresh_from_db()
    assert (place.uidnext, place.highestmodseq, place.known_uids, place.on_server) == (9, 77, "1:8", 8)


def test_a_new_address_of_a_companys_domain_is_claimed_at_once() -> None:
    """S2-15, S5-02."""
    company = Company.objects.create(name="Bianchi")
    CompanyDomain.objects.create(company=company, domain="client.example")
    account = letters.account()

    letters.put(
        account, letters.raw(sender="Ufficio <acquisti@mail.client.example>", cc="x@notclient.example")
    )

    assert [claim.address.key for claim in Claim.objects.all()] == ["acquisti@mail.client.example"]


def test_open_pages_hear_of_new_mail_but_not_of_backfill() -> None:
    """S5-29: never for backfilled mail."""
    account = letters.account()
    letters.put(account, letters.raw())
    old = letters.arrival(account, letters.raw(mid="old@x.example", minutes=-99999), uid=2)
    store(Batch(account.pk, (old,), timezone.now(), announce=False))

    arrived, backfilled = News.objects.order_by("pk")
    assert (arrived.kind, len(arrived.about["messages"])) == ("arrived", 1)
    assert (backfilled.kind, backfilled.about["messages"]) == ("changed", [])


def test_what_is_indexed_is_kept_exactly() -> None:
    account = letters.account()
    stored = letters.put(account, letters.raw("Żółta ŁÓDŹ"))

    kept = text_of(stored.message_ids[0])

    assert kept["subject"] == "zolta lodz"
    assert "luca@client.example" in kept["sender"]


def test_letters_of_one_second_have_ids_of_their_own() -> None:
    account = letters.account()
    contents = [letters.raw(mid=f"{n}@x.example") for n in range(50)]

    stored = letters.put(account, *contents)

    assert len(set(stored.message_ids)) == 50
    assert {Message(pk=pk).sorted_at for pk in stored.message_ids} == {letters.START}
