"""A folder numbered anew, messages found elsewhere: links are kept, nothing is fetched twice (S1-13)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.sync.identity import Arrival, Candidate, Identity, adopt
from mailroom.core.sync.plan import Policy
from mailroom.core.sync.rekey import rekey
from mailroom.core.sync.state import Checkpoint, LocalFolder, PlacementState, Selected, Tier
from mailroom.core.sync.steps import Advance, Fetch, Relink, SetFlags, Skip, Unlink
from tests.core.sync.test_plan import HISTORY, assert_in_step, live
from tests.core.sync.world import Player, Server, Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEEN = frozenset({"\\Seen"})


@pytest.mark.parametrize("tier", list(Tier))
@given(
    history=HISTORY, order=st.randoms(use_true_random=False), arrive=st.integers(0, 3), intent=st.booleans()
)
def test_a_rekey_keeps_every_link_and_fetches_only_what_is_new(tier, history, order, arrive, intent):
    """Also what arrived between the last pass and the change, and a click made meanwhile."""
    server, store = Server(tier=tier), Store()
    live(server, store, history)
    Player(server, store).passes()
    before = {
        store.contents[item.placement_id]: item for item in store.placements.values() if not item.unlinked
    }
    for uid in sorted(server.letters)[:1]:
        if intent:
            store.user_sets(uid, "\\Flagged", on=True)
    for _ in range(arrive):
        server.deliver()
    server.renumber(lambda letters: order.sample(letters, len(letters)))
    player = Player(server, store)
    player.passes()
    assert_in_step(server, store)
    assert len(player.fetched) == arrive
    after = {store.contents[item.placement_id]: item for item in store.placements.values()}
    assert {content: item.placement_id for content, item in before.items()} == {
        content: after[content].placement_id for content in before
    }


def placement(number: int, base=frozenset(), local=frozenset(), **values) -> PlacementState:
    return PlacementState(100 + number, 200 + number, number, base, local, **values)


def test_a_renumbered_folder_is_relinked_merged_and_completed():
    old = LocalFolder(
        Checkpoint(7, 3, 40), {1: placement(1), 2: placement(2, SEEN, frozenset())}, frozenset({1, 2})
    )
    arrivals = [
        Arrival(10, Identity(email_id="b"), SEEN),
        Arrival(11, Identity(email_id="new")),
        Arrival(12, Identity(email_id="too old")),
    ]
    identities = {101: Identity(email_id="a"), 102: Identity(email_id="b")}
    made = rekey(
        old,
        Selected(8, exists=3, uidnext=13, highestmodseq=99),
        arrivals,
        identities,
        Policy(in_window=frozenset({10, 11})),
    )
    assert made.steps == (
        Unlink((101,)),
        Relink(10, 202, 102),
        Fetch((11,)),
        Skip((12,)),
        Advance(Checkpoint(8, 13, None)),
    )
    # Cleared here, still set there: the merge keeps the wish, and the intent goes on being told.
    assert not [step for step in made.steps if isinstance(step, SetFlags)]


def test_flags_changed_on_both_sides_while_the_numbering_changed_are_merged():
    here = placement(1, frozenset(), frozenset({"\\Flagged"}))
    frozen = placement(2, frozenset(), frozenset(), frozen=True)
    identities = {101: Identity(email_id="a"), 102: Identity(email_id="b")}
    arrivals = [Arrival(8, identities[101], SEEN), Arrival(9, identities[102], SEEN)]
    old = LocalFolder(Checkpoint(7, 3), {1: here, 2: frozen})
    made = rekey(old, Selected(8, exists=2), arrivals, identities)
    assert made.steps[2:] == (
        SetFlags(101, SEEN, frozenset({"\\Seen", "\\Flagged"})),
        SetFlags(102, SEEN, frozenset()),
        Advance(Checkpoint(8, 10)),
    )


def test_a_rekey_that_would_lose_most_of_a_folder_changes_nothing_until_a_second_listing():
    old = LocalFolder(Checkpoint(7, 51), {number: placement(number) for number in range(1, 51)})
    identities = {100 + number: Identity(email_id=str(number)) for number in range(1, 51)}
    arrivals = [Arrival(1, Identity(email_id="50"))]
    server = Selected(8, exists=1, uidnext=2)
    held = rekey(old, server, arrivals, identities)
    assert held.hold is not None
    assert len(held.steps) == 1
    witnessed = Policy(witnessed=frozenset(held.hold.uids))
    assert Relink(1, 250, 150) in rekey(old, server, arrivals, identities, witnessed).steps


def test_the_surest_evidence_is_used_first():
    whole = Identity(
        email_id="e", raw_sha256="r", message_id="m", size=3, internaldate=NOON, header_digest="d"
    )
    for part in (
        Identity(email_id="e"),
        Identity(raw_sha256="r"),
        Identity(message_id="m", size=3, internaldate=NOON),
        Identity(message_id="m", header_digest="d"),
    ):
        adoption = adopt([Arrival(9, part)], [Candidate(1, whole, 11)])
        assert adoption.relinks == (Relink(9, 1, 11),), part
        assert not adoption.new
        assert not adoption.unclaimed


def test_a_message_id_alone_is_never_an_identity():
    """Carriers send different letters under one Message-ID; and some letters carry none."""
    for identity in (Identity(message_id="m"), Identity(message_id="m", size=3), Identity()):
        adoption = adopt([Arrival(9, identity)], [Candidate(1, identity, 11)])
        assert adoption.new == (9,)
        assert [candidate.placement_id for candidate in adoption.unclaimed] == [11]


def test_different_bytes_forbid_what_headers_suggest():
    one = Identity(raw_sha256="one", message_id="m", header_digest="d")
    other = Identity(raw_sha256="other", message_id="m", header_digest="d")
    assert adopt([Arrival(9, one)], [Candidate(1, other, 11)]).new == (9,)


def test_a_homeless_placement_goes_before_a_copy_and_a_copy_may_be_made_twice():
    same = Identity(email_id="e")
    adoption = adopt(
        [Arrival(3, same), Arrival(1, same), Arrival(2, same)], [Candidate(5, same), Candidate(5, same, 11)]
    )
    assert adoption.relinks == (Relink(1, 5, 11), Relink(2, 5), Relink(3, 5))


@given(st.lists(st.integers(0, 3), max_size=8), st.lists(st.integers(0, 3), max_size=8))
def test_equal_copies_are_matched_as_multisets_in_uid_order(there, here):
    arrivals = [Arrival(number, Identity(email_id=str(what))) for number, what in enumerate(there, 1)]
    candidates = [
        Candidate(number, Identity(email_id=str(what)), 100 + number, uid=number)
        for number, what in enumerate(here, 1)
    ]
    adoption = adopt(arrivals, candidates)
    for what in range(4):
        pairs = [relink for relink in adoption.relinks if there[relink.uid - 1] == what]
        assert all(here[relink.message_id - 1] == what for relink in pairs)
        assert len(pairs) == min(there.count(what), here.count(what))
        assert [relink.message_id for relink in pairs] == sorted(relink.message_id for relink in pairs)
    assert adopt(arrivals[::-1], candidates[::-1]).relinks == adoption.relinks
    assert len(adoption.relinks) + len(adoption.new) == len(there)
