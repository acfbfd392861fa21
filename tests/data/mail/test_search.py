"""Search: the same answers from both engines, and never a letter the asker may not read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailroom.core.search import parse_query
from mailroom.data.contacts.models import Address, Claim, Company
from mailroom.data.mail import search
from mailroom.data.mail.models import Account, Message
from mailroom.data.mail.visibility import reach_of
from mailroom.data.people.models import User
from tests import letters

pytestmark = pytest.mark.django_db

Ask = Callable[[str], list[str]]

LETTERS = (
    letters.raw("Faktura 2026/311", mid="f@x.example", body="W załączniku faktura za łóżko i żółtą szafę."),
    letters.raw(
        "Fattura 12",
        mid="i@x.example",
        minutes=1,
        sender="Chiara Perché <c@perche.example>",
        body="È già pagata.",
    ),
    letters.raw(
        "Invoice draft",
        mid="e@x.example",
        minutes=2,
        sender="Mary <mary@london.example>",
        cc="Łukasz Nowak <lukasz@nowak.example>",
        body="The invoice is a draft only, see page-one.",
    ),
)


@pytest.fixture
def alice() -> User:
    return letters.user("Alice")


@pytest.fixture
def account(alice: User) -> Account:
    return letters.account(users=[alice])


@pytest.fixture
def ask(alice: User, account: Account) -> Ask:
    letters.put(account, *LETTERS)

    def found(query: str, by: User = alice) -> list[str]:
        ids = search.query(reach_of(by), parse_query(query)).message_ids
        mids = dict(Message.objects.values_list("pk", "mid"))
        return [mids[pk].partition("@")[0] for pk in ids]

    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("faktura", "f"),
        ("ZOLTA", "f"),
        ("zolta szafe", "f"),
        ('"zolta szafe"', "f"),
        ('"szafe zolta"', ""),
        ("żółtą", "f"),
        ("szafe -zolta", ""),
        ("lozko", "f"),
        ("łóżko", "f"),
        ("fa*", "if"),
        ('"the invoice is"', "e"),
        ('"invoice the"', ""),
        ("invoice -draft", ""),
        ("invoice draft", "e"),
        ("-draft", "if"),
        ("from:mary", "e"),
        ("from:mary@london.example", "e"),
        ("from:perche", "i"),
        ("to:sales", "eif"),
        ("cc:lukasz", "e"),
        ("cc:sales", ""),
        ("subject:draft", "e"),
        ("subject:page", ""),
        ("page-one", "e"),
        ("is:unread", "eif"),
        ("is:flagged", ""),
        ("in:inbox invoice", "e"),
        ("in:sent", ""),
        ("account:sales fattura", "i"),
        ("has:attachment", ""),
        ("before:2026-11-02", ""),
        ("after:2026-11-02", "eif"),
        ("after:2026-11-03 invoice", ""),
        ("-after:2026-11-03", "eif"),
        ("company:bianchi", ""),
        ("", "eif"),
        ("'; DROP TABLE mail_index; --", ""),
        ('" OR 1', ""),
        ("NEAR(a b)", ""),
    ],
)
def test_a_query_finds_what_it_says(ask: Ask, query: str, expected: str) -> None:
    """S4-29, S4-30."""
    assert "".join(ask(query)) == expected


def test_a_company_finds_the_mail_of_its_addresses(ask: Ask) -> None:
    company = Company.objects.create(name="Perché S.r.l.")
    Claim.objects.create(
        address=Address.objects.get(key="c@perche.example"), company=company, reason="listed"
    )

    assert ask("company:perche") == ["i"]


def test_nobody_finds_what_they_may_not_read(ask: Ask) -> None:
    """P26: search is a route like any other."""
    charlie = letters.user("Charlie")
    assert search.query(reach_of(charlie), parse_query("invoice")).message_ids == ()


def test_what_is_removed_is_not_found_and_nothing_else_is_forgotten(ask: Ask) -> None:
    search.remove([Message.objects.get(mid="e@x.example").pk])

    assert ask("invoice") == []
    assert ask("faktura") == ["f"]


def test_pages_continue_without_gap_or_repetition(alice: User, account: Account) -> None:
    many = [letters.raw("Offer", mid=f"{n}@x.example", minutes=n) for n in range(25)]
    letters.put(account, *many)
    reach, tree = reach_of(alice), parse_query("offer")

    first = search.query(reach, tree, limit=10)
    second = search.query(reach, tree, before=first.next, limit=10)
    third = search.query(reach, tree, before=second.next, limit=10)

    ids = [*first.message_ids, *second.message_ids, *third.message_ids]
    assert ids == sorted(ids, reverse=True)
    assert (len(set(ids)), third.next) == (25, None)


def test_account_1_does_not_find_account_11(alice: User) -> None:
    """The account is a token: a whole one."""
    accounts = [letters.account(f"box{n}@firm.example", users=[alice] if n == 0 else []) for n in range(12)]
    for n, account in enumerate(accounts):
        letters.put(account, letters.raw("Offer", mid=f"{n}@x.example"))

    found = search.query(reach_of(alice), parse_query("offer")).message_ids

    assert [Message.objects.get(pk=pk).account_id for pk in found] == [accounts[0].pk]
