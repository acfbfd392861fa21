"""One table decides, one query finds: on generated worlds they agree."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailroom.core.access import Verb, may
from mailroom.data.contacts.models import Address, Claim, Company
from mailroom.data.mail.models import Account, Message
from mailroom.data.mail.rights import facts_of, viewer_of
from mailroom.data.mail.visibility import reach_of, sift, visible_to
from mailroom.data.people.models import Group, User
from tests import letters

pytestmark = pytest.mark.django_db

NAMES = ("Alice", "Bob", "Charlie")
USERS = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["administrator", "director", "employee", "employee"]),
            "can_read_all": st.booleans(),
            "can_read_confidential": st.booleans(),
            "is_active": st.sampled_from([True, True, True, False]),
        }
    ),
    min_size=3,
    max_size=3,
)
MEMBERS = st.sets(st.integers(0, 2))
GROUPS = st.lists(st.tuples(st.sampled_from(["own", "group", "all"]), MEMBERS), max_size=2)
ACCOUNTS = st.lists(
    st.tuples(MEMBERS, st.sampled_from(["members", "group", "everyone"])), min_size=1, max_size=2
)
LETTERS = st.lists(
    st.fixed_dictionaries(
        {
            "account": st.integers(0, 1),
            "claimed": st.booleans(),
            "to": st.sampled_from([*NAMES, "Sales"]),
            "spam": st.booleans(),
            "fate": st.sampled_from(["live", "live", "trash", "hidden", "purged"]),
            "confidential": st.booleans(),
            "private_to": st.sampled_from([None, None, 0, 1, 2]),
            "sent_by": st.sampled_from([None, None, 0, 1, 2]),
        }
    ),
    min_size=1,
    max_size=4,
)


class Rollback(Exception):
    """Ends a world."""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(USERS, GROUPS, ACCOUNTS, LETTERS)
def test_the_query_and_the_table_agree(
    db: None, people: list[dict], groups: list, accounts: list, contents: list[dict]
) -> None:
    """C4, C5, C15: visible_to(user) = every letter that user may read."""
    try:
        with transaction.atomic():
            users = make_people(people, groups)
            make_letters(users, accounts, contents)
            for user in users:
                check(user)
            raise Rollback
    except Rollback:
        pass


def make_people(people: list[dict], groups: list) -> list[User]:
    users = [letters.user(name, **rights) for name, rights in zip(NAMES, people, strict=True)]
    for number, (scope, members) in enumerate(groups):
        Group.objects.create(name=f"G{number}", read_scope=scope).members.set(users[n] for n in members)
    return users


def make_letters(users: list[User], accounts: list, contents: list[dict]) -> None:
    boxes = [
        letters.account(f"box{n}@firm.example", users=[users[m] for m in members], card_visibility=sharing)
        for n, (members, sharing) in enumerate(accounts)
    ]
    company = Company.objects.create(name="Bianchi")
    for number, content in enumerate(contents):
        sender = f"{'known' if content['claimed'] else 'stranger'}{number}@client.example"
        raw = letters.raw(
            mid=f"{number}@x.example", sender=sender, to=f"{content['to'].lower()}@firm.example"
        )
        stored = letters.put(boxes[content["account"] % len(boxes)], raw, first_uid=number + 1)
        if content["claimed"]:
            address = Address.objects.get(key=sender)
            Claim.objects.create(company=company, address=address, reason=Claim.Reason.LISTED)
        chosen = {
            key: users[content[key]] if content[key] is not None else None
            for key in ("private_to", "sent_by")
        }
        plain = {key: content[key] for key in ("spam", "fate", "confidential")}
        Message.objects.filter(pk=stored.message_ids[0]).update(**plain, **chosen)


def check(user: User) -> None:
    viewer, reach = viewer_of(user), reach_of(user)
    found = set(visible_to(user).values_list("pk", flat=True))
    everything = list(Message.objects.select_related("account"))

    assert found == {message.pk for message in everything if may(viewer, Verb.READ, facts_of(message))}
    shown = {message.pk for message in everything if message.pk in found and message.fate != "hidden"}
    assert {facts.pk for facts in sift(reach, [message.pk for message in everything])} == shown


def test_the_reach_of_somebody_who_left_is_nothing() -> None:
    """P28."""
    alice = letters.user("Alice", "administrator")
    letters.put(letters.account(users=[alice]), letters.raw())
    User.objects.update(is_active=False)

    assert not visible_to(User.objects.get(pk=alice.pk)).exists()
    assert Account.objects.count() == 1
