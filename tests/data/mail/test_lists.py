"""Lists and cards: newest first, each thread and each letter once, a bounded number of queries."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from mailroom.data.contacts.models import Address, Claim, Company
from mailroom.data.mail import lists, rows
from mailroom.data.mail.models import Account, Folder, Message, Thread
from mailroom.data.mail.visibility import reach_of
from mailroom.data.people.models import User
from tests import letters

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return letters.user("Alice")


@pytest.fixture
def sales(alice: User) -> Account:
    return letters.account(users=[alice])


def inbox(account: Account) -> int:
    return Folder.objects.get(account=account, role="inbox").pk


def test_a_page_has_one_line_a_thread_newest_first(
    alice: User, sales: Account, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """S4-19, S4-20, S4-27."""
    letters.put(
        sales,
        letters.raw("Offer", mid="a@x.example"),
        letters.raw("Order", mid="b@x.example", minutes=1, sender="Mary <mary@x.example>"),
        letters.raw("Re: Offer", mid="c@x.example", minutes=2, answers="a@x.example", body="Yes."),
    )
    reach, folder = reach_of(alice), inbox(sales)

    with django_assert_max_num_queries(2):
        page = lists.folder_page(reach, [folder])

    assert [(line.subject, line.count, line.unread) for line in page] == [
        ("Re: Offer", 2, 2),
        ("Order", 1, 1),
    ]
    assert page[0].snippet == "Yes."
    assert page[1].senders == ("Mary",)


def test_pages_follow_one_another(alice: User, sales: Account) -> None:
    letters.put(sales, *(letters.raw(f"N{n}", mid=f"{n}@x.example", minutes=n) for n in range(7)))
    reach = reach_of(alice)

    first = lists.folder_page(reach, [inbox(sales)], limit=3)
    rest = lists.folder_page(reach, [inbox(sales)], limit=9, before=first[-1].message_id)

    assert [line.subject for line in first + rest] == [f"N{n}" for n in reversed(range(7))]


def test_folders_merge_and_a_thread_in_two_of_them_stands_once(alice: User, sales: Account) -> None:
    anna = letters.account("anna@firm.example", users=[alice])
    letters.put(sales, letters.raw("Offer", mid="a@x.example"))
    letters.put(anna, letters.raw("Re: Offer", mid="b@x.example", answers="a@x.example", minutes=1))
    letters.put(anna, letters.raw("Other", mid="c@x.example", minutes=2), first_uid=2)

    page = lists.folder_page(reach_of(alice), [inbox(sales), inbox(anna)])

    assert [line.subject for line in page] == ["Other", "Re: Offer"]


def test_a_confidential_letter_does_not_show_through_its_row(alice: User, sales: Account) -> None:
    letters.put(sales, letters.raw("Salary", mid="a@x.example"))
    Message.objects.update(confidential=True)
    rows.refresh(Thread.objects.values_list("pk", flat=True))

    assert lists.folder_page(reach_of(alice), [inbox(sales)]) == []


def test_copies_in_several_mailboxes_stand_once_on_a_card(alice: User, sales: Account) -> None:
    """P08, S3-13."""
    anna = letters.account("anna@firm.example", users=[alice])
    for account in (sales, anna):
        letters.put(account, letters.raw("Offer", mid="a@x.example"))
    address = Address.objects.get(key="luca@client.example")

    page = lists.card_page(reach_of(alice), [address.pk])

    assert [message.subject for message in page] == ["Offer"]
    assert lists.card_count(reach_of(alice), [address.pk]) == 1
    assert len(lists.thread_messages(reach_of(alice), Thread.objects.get().pk)) == 1


def test_a_new_address_on_a_card_shows_its_past_mail_at_once(alice: User, sales: Account) -> None:
    """S2-15."""
    letters.put(sales, *(letters.raw(mid=f"{n}@x.example", minutes=n, body=str(n)) for n in range(3)))
    company = Company.objects.create(name="Bianchi")
    assert lists.addresses_of(company) == []

    Claim.objects.create(
        address=Address.objects.get(key="luca@client.example"), company=company, reason="listed"
    )

    assert len(lists.card_page(reach_of(alice), lists.addresses_of(company))) == 3


def test_a_card_page_fills_up_past_what_filters_thin_out(alice: User, sales: Account) -> None:
    many = [letters.raw(mid=f"{n}@x.example", minutes=n, body=str(n)) for n in range(60)]
    letters.put(sales, *many)
    Message.objects.filter(
        pk__in=list(Message.objects.order_by("-pk").values_list("pk", flat=True)[:50])
    ).update(spam=True)
    address = Address.objects.get(key="luca@client.example")

    assert len(lists.card_page(reach_of(alice), [address.pk], limit=10)) == 10


def test_charlie_sees_no_card_mail(sales: Account) -> None:
    letters.put(sales, letters.raw())
    charlie = letters.user("Charlie")

    assert lists.card_page(reach_of(charlie), [Address.objects.get(key="luca@client.example").pk]) == []
