"""Who may what: Alice is listed, Bob shares a group, Charlie sees nothing (S3-25…29, S4-44…49, S5-45…53)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.access import (
    AccountFacts,
    CardVisibility,
    Fate,
    Group,
    GroupAction,
    LetterFacts,
    Obstacle,
    ReadScope,
    Relation,
    Role,
    Verb,
    Viewer,
    may,
    may_configure,
    may_send_from,
    who_can_see,
)

ALICE, BOB, CHARLIE, ROOT = Viewer(1), Viewer(2), Viewer(3), Viewer(9, Role.ADMINISTRATOR)
SALES = frozenset({1, 2})
ACCOUNT = AccountFacts(listed=frozenset({1}))
LETTER = LetterFacts(ACCOUNT)
EVERYONE = replace(ACCOUNT, card_visibility=CardVisibility.EVERYONE)


def in_sales(scope: ReadScope, *actions: GroupAction) -> Viewer:
    return replace(BOB, groups=(Group(scope, frozenset(actions), SALES),))


def test_those_listed_may_work_and_others_may_nothing():
    for verb in set(Verb) - {Verb.PURGE, Verb.ON_CARD, Verb.ON_CARD_DELETED}:
        assert may(ALICE, verb, LETTER).reasons == (Relation.LISTED,)
    for verb in Verb:
        assert may(CHARLIE, verb, LETTER).reasons == (Obstacle.NO_RELATION,)


@pytest.mark.parametrize(
    ("scope", "reads"), [(ReadScope.OWN, False), (ReadScope.GROUP, True), (ReadScope.ALL, True)]
)
def test_a_group_reads_as_far_as_its_scope_and_does_what_its_actions_say(scope, reads):
    """S4-48, S4-49."""
    assert may(in_sales(scope), Verb.READ, LETTER).allowed is reads
    assert not may(in_sales(scope), Verb.DELETE, LETTER)
    assert may(in_sales(scope, GroupAction.DELETE), Verb.DELETE, LETTER).allowed is reads
    assert may_send_from(in_sales(scope, GroupAction.REPLY), ACCOUNT) is reads


def test_a_group_reads_no_account_that_lists_none_of_its_members():
    stranger = LetterFacts(AccountFacts(listed=frozenset({7})))
    assert not may(in_sales(ReadScope.GROUP), Verb.READ, stranger)
    assert may(in_sales(ReadScope.ALL), Verb.READ, stranger)


def test_reading_and_sending_are_separate():
    """C5, S5-49: an administrator reads all and sends only where listed; so does "all accounts"."""
    for viewer in (ROOT, replace(CHARLIE, can_read_all=True)):
        assert may(viewer, Verb.READ, LETTER)
        assert not may_send_from(viewer, ACCOUNT)
        assert not may(viewer, Verb.MARK, LETTER)
    assert may_send_from(replace(ROOT, user_id=1), ACCOUNT)


def test_a_director_reads_only_what_they_are_listed_on():
    """S5-52."""
    assert not may(replace(CHARLIE, role=Role.DIRECTOR), Verb.READ, LETTER)


def test_a_shared_account_is_read_on_cards_and_on_every_route_but_not_in_folders():
    letter = LetterFacts(EVERYONE, on_card=True)
    assert may(CHARLIE, Verb.ON_CARD, letter).reasons == (Relation.CARD,)
    assert may(CHARLIE, Verb.READ, letter)
    assert not may(CHARLIE, Verb.LIST, letter)
    assert not may(CHARLIE, Verb.SEND, letter)
    assert not may(CHARLIE, Verb.READ, replace(letter, on_card=False))
    by_group = replace(letter, account=replace(EVERYONE, card_visibility=CardVisibility.GROUP))
    assert not may(CHARLIE, Verb.READ, by_group)
    assert may(in_sales(ReadScope.OWN), Verb.READ, by_group)


def test_spam_lies_on_no_card_and_what_was_deleted_only_behind_the_filter():
    letter = LetterFacts(EVERYONE, on_card=True)
    spam, deleted = replace(letter, spam=True), replace(letter, fate=Fate.TRASH)
    assert may(ALICE, Verb.ON_CARD, letter)
    assert may(ALICE, Verb.ON_CARD, spam).reasons == (Obstacle.ON_NO_CARD,)
    assert not may(CHARLIE, Verb.READ, spam)
    assert may(ALICE, Verb.READ, spam)
    assert not may(ALICE, Verb.ON_CARD, deleted)
    assert may(CHARLIE, Verb.ON_CARD_DELETED, deleted)
    assert not may(CHARLIE, Verb.READ, replace(letter, fate=Fate.HIDDEN))


def test_confidential_beats_every_grant_the_administrators_too():
    """C6: sender, recipient, holders of the right."""
    letter = LetterFacts(
        EVERYONE, on_card=True, confidential=True, sent_by=1, participants=frozenset({"bob@x"})
    )
    assert may(ROOT, Verb.READ, letter).reasons == (Obstacle.CONFIDENTIAL,)
    assert not may(replace(CHARLIE, can_read_all=True), Verb.READ, letter)
    assert may(ALICE, Verb.READ, letter)
    assert may(replace(BOB, own_keys=frozenset({"bob@x"})), Verb.READ, letter)
    assert may(replace(CHARLIE, can_read_confidential=True), Verb.READ, letter)
    assert not may(replace(CHARLIE, can_read_confidential=True), Verb.READ, replace(letter, on_card=False))


def test_private_takes_away_group_all_accounts_and_cards():
    letter = LetterFacts(EVERYONE, on_card=True, private_to=1)
    for viewer in (in_sales(ReadScope.ALL), replace(CHARLIE, can_read_all=True), CHARLIE):
        assert may(viewer, Verb.READ, letter).reasons == (Obstacle.PRIVATE,)
    assert may(ALICE, Verb.READ, letter)
    assert may(ROOT, Verb.READ, letter)
    assert may(replace(in_sales(ReadScope.ALL), user_id=4), Verb.READ, replace(letter, private_to=4))


def test_purging_needs_its_own_right_on_every_relation():
    """S3-26."""
    for viewer in (ALICE, ROOT, in_sales(ReadScope.ALL, GroupAction.PURGE)):
        assert may(viewer, Verb.PURGE, LETTER).reasons == (Obstacle.NO_RIGHT_TO_PURGE,)
        assert may(replace(viewer, can_purge=True), Verb.PURGE, LETTER)
    assert not may(replace(CHARLIE, can_purge=True, can_read_all=True), Verb.PURGE, LETTER)


def test_settings_are_changed_by_administrators_owners_and_those_listed():
    owned = replace(ACCOUNT, owner_id=3)
    assert may_configure(ROOT, ACCOUNT)
    assert may_configure(ALICE, ACCOUNT)
    assert may_configure(CHARLIE, owned)
    assert not may_configure(CHARLIE, ACCOUNT)
    assert not may_configure(replace(CHARLIE, active=False), owned)


def test_who_can_see_tells_everybody_and_every_reason():
    letter = LetterFacts(EVERYONE, on_card=True)
    assert who_can_see(letter, [ALICE, ROOT, CHARLIE, replace(BOB, active=False)]) == {
        1: (Relation.LISTED, Relation.CARD),
        9: (Relation.ADMINISTRATOR, Relation.CARD),
        3: (Relation.CARD,),
    }
    assert who_can_see(replace(letter, fate=Fate.PURGED), [ALICE, ROOT]) == {}


USERS = st.frozensets(st.integers(1, 4), max_size=3)
KEYS = st.frozensets(st.sampled_from(["a@x", "b@x"]), max_size=2)
GROUPS = st.builds(
    Group, st.sampled_from(ReadScope), st.frozensets(st.sampled_from(GroupAction), max_size=3), USERS
)
VIEWERS = st.builds(
    Viewer,
    st.integers(1, 4),
    st.sampled_from(Role),
    st.lists(GROUPS, max_size=2).map(tuple),
    *(st.booleans() for _ in range(3)),
    own_keys=KEYS,
)
ACCOUNTS = st.builds(AccountFacts, USERS, st.sampled_from(CardVisibility), st.none() | st.integers(1, 4))
LETTERS = st.builds(
    LetterFacts,
    ACCOUNTS,
    on_card=st.booleans(),
    spam=st.booleans(),
    fate=st.sampled_from(Fate),
    confidential=st.booleans(),
    private_to=st.none() | st.integers(1, 4),
    sent_by=st.none() | st.integers(1, 4),
    participants=KEYS,
)
ROLES = list(reversed(Role))


@given(VIEWERS, LETTERS, st.sampled_from(Verb), GROUPS)
def test_more_role_or_right_never_sees_less(viewer, letter, verb, group):
    more = [
        replace(viewer, role=ROLES[min(ROLES.index(viewer.role) + 1, len(ROLES) - 1)]),
        *(
            replace(viewer, **{right: True})
            for right in ("can_purge", "can_read_all", "can_read_confidential")
        ),
        replace(viewer, groups=(*viewer.groups, group)),
    ]
    listed = replace(letter.account, listed=letter.account.listed | {viewer.user_id})
    if may(viewer, verb, letter):
        assert all(may(stronger, verb, letter) for stronger in more)
        assert may(viewer, verb, replace(letter, account=listed))


@given(VIEWERS, LETTERS, st.sampled_from(Verb))
def test_nobody_does_what_they_may_not_read_and_every_answer_has_a_reason(viewer, letter, verb):
    decision = may(viewer, verb, letter)
    assert decision.reasons
    assert all(isinstance(reason, Relation) is decision.allowed for reason in decision.reasons)
    if decision:
        assert may(viewer, Verb.READ, letter)


@given(VIEWERS, LETTERS)
def test_confidential_and_private_only_take_away(viewer, letter):
    if may(viewer, Verb.READ, letter):
        assert may(viewer, Verb.READ, replace(letter, confidential=False, private_to=None))
    if letter.confidential and may(viewer, Verb.READ, letter):
        party = viewer.user_id == letter.sent_by or viewer.own_keys & letter.participants
        assert viewer.can_read_confidential or party
