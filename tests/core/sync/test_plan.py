"""The plan of a folder: it converges, resumes, and loses nothing by hearsay (S1-11, S1-13, S4-09)."""

import copy
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.core.sync.plan import STORE_LIMIT, Intent, Policy, long_gone, plan, push
from mailroom.core.sync.state import (
    Checkpoint,
    LocalFolder,
    PlacementState,
    RemoteFlags,
    RemoteListing,
    Selected,
    Tier,
)
from mailroom.core.sync.steps import (
    Advance,
    Fetch,
    Forget,
    FullScan,
    Hold,
    Outcome,
    Rekey,
    Restore,
    ScanReason,
    SetFlags,
    Settle,
    Skip,
    StoreFlags,
    Unlink,
)
from mailroom.core.sync.view import tier_for, tier_to_ask
from tests.core.sync.world import Player, Server, Stopped, Store

SEEN = frozenset({"\\Seen"})
FLAGGED = frozenset({"\\Flagged"})
NONE = frozenset()
ALL_PERMANENT = frozenset({"\\Seen", "\\Flagged", "\\Answered", "\\*"})

FLAG = st.sampled_from(["\\Seen", "\\Flagged", "\\Answered"])
THERE = st.tuples(st.sampled_from(["deliver", "set", "clear", "expunge"]), st.integers(0, 30), FLAG)
HERE = st.tuples(st.sampled_from(["user sets", "user clears"]), st.integers(0, 30), FLAG)
PASS = st.tuples(st.just("pass"), st.integers(0, 12), FLAG)
HISTORY = st.lists(st.one_of(THERE, THERE, HERE, PASS), max_size=25)


def live(server: Server, store: Store, history) -> None:
    """Things happen on both sides; passes in between are killed after some steps."""
    for kind, number, flag in history:
        uids = sorted(server.letters)
        held = sorted(uid for uid, placement in store.placements.items() if not placement.unlinked)
        if kind == "deliver":
            server.deliver({flag} if number % 2 else ())
        elif kind == "pass":
            stopped_after(server, store, number)
        elif kind in ("set", "clear") and uids:
            change = {"add": frozenset({flag})} if kind == "set" else {"remove": frozenset({flag})}
            server.store(uids[number % len(uids)], **change)
        elif kind == "expunge" and uids:
            server.expunge(uids[number % len(uids)])
        elif kind in ("user sets", "user clears") and held:
            store.user_sets(held[number % len(held)], flag, on=kind == "user sets")


def stopped_after(server: Server, store: Store, steps: int) -> None:
    with suppress(Stopped):
        Player(server, store, budget=steps).passes()


def assert_in_step(server: Server, store: Store) -> None:
    shown = {uid: item for uid, item in store.placements.items() if not item.unlinked}
    remote = {uid: letter.flags for uid, letter in server.letters.items()}
    assert {uid: item.base for uid, item in shown.items()} == remote
    assert {uid: item.local for uid, item in shown.items()} == remote
    assert {uid: store.contents[item.placement_id] for uid, item in shown.items()} == {
        uid: letter.content for uid, letter in server.letters.items()
    }
    assert not [
        intent
        for intent in store.intents.values()
        if any(item.placement_id == intent.placement_id for item in shown.values())
    ]


@pytest.mark.parametrize("tier", list(Tier))
@given(history=HISTORY)
def test_after_any_history_all_sides_agree_and_another_pass_does_nothing(tier, history):
    server, store = Server(tier=tier), Store()
    live(server, store, history)
    Player(server, store).passes()
    assert_in_step(server, store)
    again = Player(server, store)
    assert again.once().quiet
    assert (again.commands, again.writes) == (0, 0)


@pytest.mark.parametrize("tier", list(Tier))
@given(history=HISTORY)
def test_the_second_pass_is_enough_and_the_third_is_silent(tier, history):
    server, store = Server(tier=tier), Store()
    live(server, store, history)
    assert Player(server, store).passes() <= 2


@pytest.mark.parametrize("tier", list(Tier))
@settings(max_examples=40)
@given(history=HISTORY)
def test_stopped_after_any_step_and_resumed_the_end_is_the_same(tier, history):
    server, store = Server(tier=tier), Store()
    live(server, store, history)
    whole_server, whole_store = copy.deepcopy((server, store))
    whole = Player(whole_server, whole_store)
    whole.passes()
    for steps in range(1_000_000 - whole.budget):
        other_server, other_store = copy.deepcopy((server, store))
        stopped_after(other_server, other_store, steps)
        Player(other_server, other_store).passes()
        assert other_server.letters.keys() == whole_server.letters.keys()
        assert {uid: letter.flags for uid, letter in other_server.letters.items()} == {
            uid: letter.flags for uid, letter in whole_server.letters.items()
        }
        assert_in_step(other_server, other_store)


@pytest.mark.parametrize("tier", list(Tier))
@given(history=HISTORY, uids=st.sets(st.integers(1, 12)))
def test_nothing_leaves_a_view_without_a_complete_answer(tier, history, uids):
    """A torn listing may show anything; what it does not show is not gone."""
    server, store = Server(tier=tier), Store()
    live(server, store, history)
    Player(server, store).passes()
    part = {uid: item for uid, item in server.everything().flags.items() if uid in uids}
    server.modseq += 1
    selected = replace(server.select(Checkpoint()), exists=len(server.letters) + 1)
    made = plan(store.folder(), selected, RemoteListing(part, complete=False))
    assert not [step for step in made.steps if isinstance(step, Unlink | Forget | Hold | Advance)]
    assert made.steps[-1] == FullScan(ScanReason.TORN)


@given(st.integers(6, 60), st.sampled_from(list(Tier)))
def test_the_guard_trips_when_everything_is_gone(count, tier):
    server, store = Server(tier=tier), Store()
    for _ in range(count):
        server.deliver()
    Player(server, store).passes()
    for uid in list(server.letters):
        server.expunge(uid)
    made = Player(server, store).once()
    assert made.hold == Hold(made.hold.reason, tuple(range(1, count + 1)), count)
    assert not any(item.unlinked for item in store.placements.values())


@given(st.integers(30, 60), st.sampled_from(list(Tier)))
def test_a_second_witness_lets_a_real_mass_removal_through(count, tier):
    server, store = Server(tier=tier), Store()
    for _ in range(count):
        server.deliver()
    Player(server, store).passes()
    for uid in list(server.letters)[: count - 2]:
        server.expunge(uid)
    hold = Player(server, store).once().hold
    again = Player(server, store).once().hold
    assert hold == again  # the server goes on telling: nothing was forgotten under the hold
    Player(server, store).once(Policy(witnessed=frozenset(hold.uids)))
    Player(server, store).passes()
    assert_in_step(server, store)


def test_the_guard_counts_more_than_twenty_and_more_than_a_fifth():
    cases = [
        (100, 20, False),
        (100, 21, True),
        (200, 40, False),
        (200, 41, True),
        (5, 5, False),
        (6, 6, True),
    ]
    for held, absent, trips in cases:
        there = {uid: RemoteFlags(uid, NONE) for uid in range(absent + 1, held + 1)}
        made = plan(
            folder(dict.fromkeys(range(1, held + 1), (NONE, NONE))),
            selected(exists=len(there), uidnext=held + 1),
            RemoteListing(there, complete=True),
        )
        assert (made.hold is not None) is trips, (held, absent)


def folder(flags, *, known=(), checkpoint=None, **placement) -> LocalFolder:
    """Placements 101, 102 … at UIDs 1, 2 … with (base, local) flags."""
    return LocalFolder(
        checkpoint or Checkpoint(7, 1 + max([*flags, *known], default=0)),
        {
            uid: PlacementState(100 + uid, 200 + uid, uid, base, local, **placement)
            for uid, (base, local) in flags.items()
        },
        frozenset({*flags, *known}),
    )


def selected(**values) -> Selected:
    return Selected(**{"uidvalidity": 7, "exists": 0, "permanent_flags": ALL_PERMANENT, **values})


def listing(flags, **values) -> RemoteListing:
    return RemoteListing(
        {uid: RemoteFlags(uid, frozenset(names)) for uid, names in flags.items()},
        **{"complete": True, **values},
    )


def test_a_change_elsewhere_is_shown_here():
    made = plan(folder({1: (NONE, NONE)}), selected(exists=1, uidnext=2), listing({1: SEEN}))
    assert made.steps == (SetFlags(101, SEEN, SEEN),)


def test_a_change_here_is_told_there_and_ends_only_when_it_is_seen():
    here = folder({1: (NONE, SEEN)})
    intents = (Intent(1, 101, add=SEEN),)
    told = plan(here, selected(exists=1, uidnext=2), listing({1: NONE}), intents)
    assert told.steps == (StoreFlags((1,), add=SEEN),)
    assert told.look_again
    seen = plan(here, selected(exists=1, uidnext=2), listing({1: SEEN}), intents)
    assert seen.steps == (SetFlags(101, SEEN, SEEN), Settle(1, Outcome.DONE))


def test_of_two_intents_about_a_flag_the_later_one_is_told():
    here = folder({1: (SEEN, NONE)})
    intents = (Intent(2, 101, remove=SEEN), Intent(1, 101, add=SEEN))
    made = plan(here, selected(exists=1, uidnext=2), listing({1: SEEN}), intents)
    assert StoreFlags((1,), remove=SEEN) in made.steps
    assert Settle(2, Outcome.DONE) not in made.steps
    changed_back = (Intent(1, 101, remove=SEEN), Intent(2, 101, add=SEEN))
    made = plan(folder({1: (NONE, SEEN)}), selected(exists=1, uidnext=2), listing({1: NONE}), changed_back)
    assert made.steps[0] == StoreFlags((1,), add=SEEN)


def test_a_flag_the_server_cannot_keep_stays_on_this_side():
    here = folder({1: (NONE, frozenset({"$Work"}))})
    for server in (
        selected(exists=1, uidnext=2, permanent_flags=SEEN),
        selected(exists=1, uidnext=2, read_only=True),
    ):
        made = plan(here, server, listing({1: NONE}), (Intent(1, 101, add=frozenset({"$Work"})),))
        assert made.steps == (Settle(1, Outcome.LOCAL_ONLY),)
        assert plan(here, server, listing({1: NONE})).quiet


def test_outside_the_flag_window_only_the_base_follows():
    made = plan(folder({1: (NONE, NONE)}, frozen=True), selected(exists=1, uidnext=2), listing({1: SEEN}))
    assert made.steps == (SetFlags(101, SEEN, NONE),)


def test_stores_are_bundled_by_equal_change_and_bounded():
    count = STORE_LIMIT + 3
    here = folder(dict.fromkeys(range(1, count + 1), (NONE, SEEN)))
    intents = tuple(Intent(uid, 100 + uid, add=SEEN) for uid in range(1, count + 1))
    stores = push(here, selected(), intents)
    assert [len(step.uids) for step in stores] == [STORE_LIMIT, 3]
    assert push(here, selected(read_only=True), intents) == ()


def test_new_mail_is_fetched_newest_first_and_the_cursor_is_the_one_of_select():
    server = selected(exists=3, uidnext=4, highestmodseq=50)
    made = plan(LocalFolder(Checkpoint()), server, listing({1: NONE, 2: NONE, 3: NONE, 4: NONE}))
    assert made.steps == (Fetch((4, 3, 2, 1)), Advance(Checkpoint(7, 4, 50)))
    assert made.missed == 0


def test_mail_before_the_start_date_is_remembered_and_not_fetched():
    """S1-15, S4-17: the start date."""
    policy = Policy(in_window=frozenset({3}))
    server = selected(exists=3, uidnext=4)
    made = plan(LocalFolder(Checkpoint()), server, listing({1: NONE, 2: NONE, 3: NONE}), (), policy)
    assert made.steps == (Fetch((3,)), Skip((1, 2)), Advance(Checkpoint(7, 4)))
    # Arrived after the search: it cannot have been found by it, and is not too old for that.
    later = plan(LocalFolder(Checkpoint()), server, listing({3: NONE, 4: NONE}), (), policy)
    assert later.steps[0] == Fetch((4, 3))
    nothing = plan(
        LocalFolder(Checkpoint()), selected(exists=1), listing({9: NONE}), (), Policy(in_window=NONE)
    )
    assert nothing.steps[0] == Fetch((9,))


def test_a_message_below_the_cursor_that_nobody_knows_is_a_defect_that_is_repaired():
    made = plan(folder({3: (NONE, NONE)}), selected(exists=2, uidnext=4), listing({2: NONE, 3: NONE}))
    assert made.steps == (Fetch((2,)),)
    assert made.missed == 1


def test_removed_there_it_leaves_the_folder_and_seen_again_it_returns():
    here = folder({1: (NONE, NONE), 2: (NONE, NONE)}, known=(3,))
    made = plan(here, selected(exists=1, uidnext=4), listing({1: NONE}))
    assert made.steps == (Unlink((102,)), Forget((3,)))
    away = replace(
        here, placements={2: replace(here.placements[2], unlinked=True)}, known_uids=frozenset({2})
    )
    back = plan(away, selected(exists=1, uidnext=4), listing({2: SEEN}))
    assert back.steps == (SetFlags(102, SEEN, SEEN), Restore((102,)))


def test_a_change_of_a_message_that_left_waits_for_it_to_turn_up_elsewhere():
    here = folder({1: (NONE, SEEN), 2: (NONE, NONE)})
    made = plan(here, selected(exists=1, uidnext=3), listing({2: NONE}), (Intent(1, 101, add=SEEN),))
    assert made.steps == (Unlink((101,)),)


def test_another_uidvalidity_stops_everything_before_any_uid_is_used():
    here = folder({1: (NONE, SEEN)})
    made = plan(here, selected(uidvalidity=8, exists=1), listing({1: NONE}), (Intent(1, 101, add=SEEN),))
    assert made.steps == (Rekey(7, 8),)
    assert plan(here, selected(uidvalidity=0, exists=1)).steps == (Rekey(7, 0, stable=False),)


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ({"uidnext": 2, "highestmodseq": 90}, ScanReason.UIDNEXT_WENT_BACK),
        ({"uidnext": 4, "highestmodseq": 30}, ScanReason.MODSEQ_WENT_BACK),
        ({"uidnext": 4, "highestmodseq": 90}, ScanReason.NOT_LISTED),
        ({"uidnext": 4, "highestmodseq": 90, "resynced": True}, ScanReason.COUNT_DIFFERS),
    ],
)
def test_numbers_that_disagree_ask_for_a_full_scan(server, reason):
    here = folder({1: (NONE, NONE), 3: (NONE, NONE)}, checkpoint=Checkpoint(7, 4, 40))
    made = plan(here, selected(exists=3, **server))
    assert made.steps == (FullScan(reason),)


def test_a_restored_server_is_believed_after_a_full_scan():
    """A backup came back: uidnext and mod-sequence are lower than ours, and the checkpoint follows."""
    here = folder({1: (NONE, NONE), 3: (NONE, NONE)}, checkpoint=Checkpoint(7, 4, 40))
    made = plan(here, selected(exists=1, uidnext=2, highestmodseq=9), listing({1: NONE}))
    assert made.steps == (Unlink((103,)), Advance(Checkpoint(7, 2, 9)))


def test_changes_and_a_search_of_all_uids_show_removals_without_qresync():
    here = folder({1: (NONE, NONE), 2: (NONE, NONE)}, checkpoint=Checkpoint(7, 3, 40))
    server = selected(exists=2, uidnext=4, highestmodseq=45)
    changes = listing({3: NONE}, complete=False, since=40)
    assert plan(here, server, changes).steps == (FullScan(ScanReason.COUNT_DIFFERS),)
    made = plan(here, server, replace(changes, present=frozenset({2, 3})))
    assert made.steps == (Fetch((3,)), Unlink((101,)), Advance(Checkpoint(7, 4, 45)))
    unheard = plan(here, server, replace(changes, present=frozenset({2, 3, 4})))
    assert unheard.steps == (FullScan(ScanReason.COUNT_DIFFERS),)


def test_changes_since_a_later_moment_than_ours_prove_nothing():
    here = folder({1: (NONE, NONE)}, checkpoint=Checkpoint(7, 2, 40))
    made = plan(here, selected(exists=1, uidnext=2, highestmodseq=60), listing({}, complete=False, since=50))
    assert made.steps == (FullScan(ScanReason.NOT_LISTED),)


def test_the_same_mod_sequence_and_count_need_no_question_at_all():
    here = folder({1: (NONE, NONE)}, checkpoint=Checkpoint(7, 2, 40))
    assert plan(here, selected(exists=1, uidnext=2, highestmodseq=40)).quiet
    assert plan(LocalFolder(Checkpoint(7, 2, 40)), selected(exists=0, uidnext=2, highestmodseq=40)).quiet


def test_vanished_uids_of_strangers_are_ignored():
    """A server that reports VANISHED 1:26183 names numbers that never were ours."""
    here = folder({5: (NONE, NONE)}, checkpoint=Checkpoint(7, 6, 40))
    told = selected(exists=1, uidnext=6, highestmodseq=41, resynced=True, vanished=(1, 2, 3, 4))
    assert plan(here, told).steps == (Advance(Checkpoint(7, 6, 41)),)


def test_a_server_that_shows_only_its_newest_messages_has_not_lost_the_oldest():
    here = folder({1: (NONE, NONE), 2: (NONE, NONE), 3: (NONE, NONE)})
    made = plan(here, selected(exists=2, uidnext=5), listing({2: NONE, 4: NONE}), (), Policy(shows_newest=2))
    assert [step for step in made.steps if isinstance(step, Unlink)] == [Unlink((103,))]


def test_a_server_without_uidnext_is_counted_by_its_highest_uid():
    made = plan(LocalFolder(Checkpoint()), selected(exists=1, uidnext=None), listing({9: NONE}))
    assert made.steps[-1] == Advance(Checkpoint(7, 10))


def test_the_tier_follows_what_the_server_can_do_and_what_is_remembered():
    remembered = Checkpoint(7, 4, 40)
    both = {"QRESYNC", "CONDSTORE"}
    assert tier_to_ask(both, remembered) is Tier.QRESYNC
    assert tier_to_ask({"QRESYNC"}, Checkpoint()) is Tier.CONDSTORE
    assert tier_to_ask(both, remembered, denied={Tier.QRESYNC}) is Tier.CONDSTORE
    assert tier_to_ask(set(), remembered) is Tier.PLAIN
    now = selected(uidnext=4, highestmodseq=44)
    assert tier_for(replace(now, resynced=True), both, remembered) is Tier.QRESYNC
    assert tier_for(now, both, remembered) is Tier.CONDSTORE
    assert tier_for(now, both, Checkpoint(7, 4)) is Tier.PLAIN
    assert tier_for(replace(now, highestmodseq=0), both, remembered) is Tier.PLAIN
    assert tier_for(replace(now, highestmodseq=39), both, remembered) is Tier.PLAIN
    assert tier_for(replace(now, uidvalidity=8, resynced=True), both, remembered) is Tier.PLAIN


def test_a_message_is_gone_only_after_a_whole_cycle_and_ten_minutes():
    at = datetime(2026, 3, 1, tzinfo=UTC)
    left = {"unlinked_at": at, "unlinked_cycle": 5}
    assert not long_gone(**left, at=at + timedelta(hours=1), cycle=6)
    assert not long_gone(**left, at=at + timedelta(minutes=9), cycle=7)
    assert long_gone(**left, at=at + timedelta(minutes=10), cycle=7)
