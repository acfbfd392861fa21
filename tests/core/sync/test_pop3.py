"""POP3 decided without a server: nothing lost, nothing twice, nothing deleted that is not saved.

S1-03, S5-27, C2; goal 16; quirk 69; kills of section 1.22.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.core.sync.maildrop import (
    Delete,
    Deletes,
    Fetch,
    Forget,
    Found,
    Gone,
    Key,
    Known,
    Listed,
    Look,
    Outcome,
    Plan,
    Policy,
    Reason,
    Sight,
    Skip,
    Step,
    TooBig,
    Wanted,
    derived,
)
from mailroom.core.sync.pop3 import FORGET_AFTER, LOOK_AT_ONCE, may_delete, plan

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
KEEP = Policy()
REMOVE = Policy(deletes=Deletes.STORED)


class Killed(Exception):
    """The process ends here."""


@dataclass
class Letter:
    """A letter as it lies on the server; ``name`` is what makes it this letter."""

    name: int
    uidl: str | None
    size: int
    received_at: datetime = NOON

    @property
    def identity(self) -> str:
        return f"{self.name:032x}"


@dataclass
class World:
    """A server, the rows here, and a player that may be killed before each of its acts."""

    policy: Policy = KEEP
    letters: list[Letter] = field(default_factory=list)
    rows: dict[int, Known] = field(default_factory=dict)
    at: datetime = NOON
    ids: bool = True
    """The server keeps unique ids."""
    saved: Counter[int] = field(default_factory=Counter)
    """Names of letters that are committed here."""
    fetched: Counter[int] = field(default_factory=Counter)
    lost: list[int] = field(default_factory=list)
    """Deleted by us and not saved: must stay empty."""
    acts: int = 0
    kill_at: int | None = None
    _serial: count[int] = field(default_factory=lambda: count(1))
    _names: count[int] = field(default_factory=lambda: count(1))

    # --- what happens there

    def deliver(self, *, uidl: str | None = None, size: int | None = None, name: int | None = None) -> Letter:
        serial = next(self._names)
        letter = Letter(name or serial, uidl or f"id-{serial}", size or 1000 + serial)
        self.letters.append(letter)
        return letter

    # --- one session

    def run(self, *, kill_at: int | None = None, quits: bool = True) -> Plan | None:
        """A whole session; None when it was killed in the middle."""
        self.acts, self.kill_at = 0, kill_at
        try:
            return self._session(quits)
        except Killed:
            return None

    def _session(self, quits: bool) -> Plan:
        present = dict(enumerate(self.letters, 1))
        listing = [Listed(n, one.size, one.uidl if self.ids else None) for n, one in present.items()]
        sights: dict[int, Sight] = {}
        for _ in range(60):
            decided = plan(self.rows.values(), listing, self.policy, at=self.at, sights=sights)
            if decided.settled:
                break
            for step in decided.steps:
                self._play(step, present, sights)
        else:
            raise AssertionError("it never comes to an end")
        marked = []
        for wanted in decided.doomed:
            self._act()
            assert wanted.row_id is not None
            self.rows[wanted.row_id] = replace(self.rows[wanted.row_id])
            self._act()
            marked.append(present[wanted.number])
        self._act()
        if quits:
            self.lost += [one.name for one in marked if not self.saved[one.name]]
            self.letters = [one for one in self.letters if not any(one is other for other in marked)]
        return decided

    def _play(self, step: object, present: dict[int, Letter], sights: dict[int, Sight]) -> None:
        match step:
            case Look():
                for number in step.numbers:
                    sights[number] = Sight(present[number].identity, present[number].received_at)
            case Found():
                self._act()
                row = self.rows[step.row_id]
                self.rows[step.row_id] = replace(row, key=step.key, size=step.size, gone_at=None)
            case Gone():
                self._act()
                for pk in step.row_ids:
                    self.rows[pk] = replace(self.rows[pk], gone_at=self.at)
            case Forget():
                self._act()
                for pk in step.row_ids:
                    del self.rows[pk]
            case Skip() | TooBig():
                self._act()
                outcome = Outcome.BEFORE_START if isinstance(step, Skip) else Outcome.PARKED
                for wanted in step.wanted:
                    self._write(wanted, outcome, sights.get(wanted.number, Sight()))
            case Fetch():
                for wanted in step.wanted:
                    self._fetch(wanted, present[wanted.number], sights)

    def _fetch(self, wanted: Wanted, letter: Letter, sights: dict[int, Sight]) -> None:
        self._act()
        self.fetched[letter.name] += 1
        self._act()
        sights[wanted.number] = Sight(letter.identity, letter.received_at)
        self._write(wanted, Outcome.STORED, sights[wanted.number])
        self.saved[letter.name] += 1

    def _write(self, wanted: Wanted, outcome: Outcome, sight: Sight) -> None:
        pk = wanted.row_id or next(self._serial)
        assert all(row.key != wanted.key for row in self.rows.values() if row.row_id != pk)
        saved_at = self.at if outcome is Outcome.STORED else None
        self.rows[pk] = Known(
            pk, wanted.key, outcome, wanted.size, sight.identity, sight.received_at, saved_at
        )

    def _act(self) -> None:
        self.acts += 1
        if self.acts == self.kill_at:
            raise Killed

    @property
    def stored(self) -> int:
        return sum(row.outcome is Outcome.STORED and row.gone_at is None for row in self.rows.values())


def settled(world: World) -> None:
    """Nothing more to do, and again nothing; the figures agree with the server."""
    for _ in range(2):
        before = dict(world.rows), dict(world.fetched)
        assert world.run() is not None
    assert (dict(world.rows), dict(world.fetched)) == before
    assert world.lost == []
    live = [row for row in world.rows.values() if row.gone_at is None]
    assert len(live) == len(world.letters)


# ------------------------------------------------------------------ any history

KINDS = ["deliver"] * 2 + [
    "twin",
    "reuse",
    "elsewhere",
    "format",
    "back",
    "pass",
    "killed",
    "quitless",
    "day",
]
EVENT = st.tuples(st.sampled_from(KINDS), st.integers(0, 40))
POLICIES = st.sampled_from([KEEP, REMOVE, replace(REMOVE, keep_days=7)])


def live(world: World, history: list[tuple[str, int]]) -> list[Letter]:
    """Things happen; returns every letter that ever lay on the server while a pass came to its end."""
    away: list[Letter] = []
    seen: list[Letter] = []
    for kind, number in history:
        match kind:
            case "deliver":
                world.deliver()
            case "twin" if world.letters:
                # An id made from the bytes: two identical letters, one id.
                one = world.letters[number % len(world.letters)]
                world.letters.append(replace(one))
            case "reuse" if world.letters:
                # The id of a letter that leaves is given to another one (cyrus#374).
                one = world.letters.pop(number % len(world.letters))
                world.deliver(uidl=one.uidl, size=one.size + 1 + number % 3)
            case "elsewhere" if world.letters:
                away.append(world.letters.pop(number % len(world.letters)))
            case "back" if away:
                world.letters.append(away.pop())
            case "format":
                world.letters = [replace(one, uidl=f"{number}/{one.name}") for one in world.letters]
            case "day":
                world.at += timedelta(days=number)
            case "killed":
                world.run(kill_at=number + 1)
            case "quitless":
                world.run(quits=False)
            case "pass":
                world.run()
                seen += world.letters
    return seen


@given(history=st.lists(EVENT, max_size=30), policy=POLICIES)
@settings(max_examples=300)
def test_whatever_happens_nothing_is_lost_and_all_comes_to_rest(
    history: list[tuple[str, int]], policy: Policy
) -> None:
    """S1-03, goal 16: two clients, kills, ids that repeat, change and are given anew."""
    world = World(policy)
    live(world, history)
    on_server = Counter(one.name for one in world.letters)
    world.run()
    assert all(world.saved[name] for name in on_server)
    world.run()
    settled(world)


@given(history=st.lists(EVENT, max_size=30))
@settings(max_examples=150)
def test_without_unique_ids_nothing_is_ever_deleted(history: list[tuple[str, int]]) -> None:
    """Quirk 69: known by the headers, fetched once, deletion disabled."""
    world = World(REMOVE, ids=False)
    live(world, history)
    before = list(world.letters)
    world.run()
    assert world.letters == before
    assert all(world.saved[one.name] for one in before)
    settled(world)


CALM = st.tuples(st.sampled_from(["deliver", "deliver", "elsewhere", "pass", "day"]), st.integers(0, 40))


@given(history=st.lists(CALM, max_size=30), policy=st.sampled_from([KEEP, REMOVE]))
@settings(max_examples=150)
def test_nothing_is_fetched_twice(history: list[tuple[str, int]], policy: Policy) -> None:
    """Goal 16: fetched twice 0, where no process was killed."""
    world = World(policy)
    live(world, history)
    world.run()
    assert set(world.fetched.values()) <= {1}


@pytest.mark.parametrize("policy", [KEEP, REMOVE], ids=["keep", "remove"])
@pytest.mark.parametrize("quits", [True, False])
def test_a_session_killed_at_any_act_leads_to_the_same_end(policy: Policy, quits: bool) -> None:
    """Section 1.22: RETR … commit, commit … DELE, DELE … QUIT."""
    whole = World(policy)
    for _ in range(4):
        whole.deliver()
    whole.run()
    for kill_at in range(1, whole.acts + 1):
        world = World(policy)
        for _ in range(4):
            world.deliver()
        assert world.run(kill_at=kill_at) is None
        world.run(quits=quits)
        world.run()
        assert set(world.saved.values()) == {1}
        assert sum(world.fetched.values()) <= 5
        assert len(world.letters) == len(whole.letters)
        settled(world)


# ------------------------------------------------------------------ case by case


def known(row_id: int = 1, uidl: str = "a", **how: object) -> Known:
    columns: dict[str, object] = {"size": 100, "identity": f"{row_id:032x}", "saved_at": NOON}
    return Known(row_id, Key(uidl), Outcome.STORED, **columns | how)  # type: ignore[arg-type]


def steps(
    rows: list[Known],
    listing: list[Listed],
    policy: Policy = KEEP,
    *,
    at: datetime = NOON,
    sights: dict[int, Sight] | None = None,
) -> tuple[Step, ...]:
    return plan(rows, listing, policy, at=at, sights=sights or {}).steps


def test_the_newest_come_first() -> None:
    """S3-11."""
    found = steps([], [Listed(1, 5, "a"), Listed(3, 5, "c"), Listed(2, 5, "b")])
    assert found == (Fetch((Wanted(3, Key("c"), 5), Wanted(2, Key("b"), 5), Wanted(1, Key("a"), 5))),)


def test_what_is_known_and_kept_asks_for_nothing() -> None:
    """S5-27."""
    assert steps([known()], [Listed(1, 100, "a")]) == ()


def test_before_a_deletion_the_letter_shows_its_headers() -> None:
    """S1-03: an id given to another letter of the same size must not cost that one."""
    rows, listing = [known()], [Listed(1, 100, "a")]
    assert steps(rows, listing, REMOVE) == (Look((1,), Reason.BEFORE_DELETE),)
    same, other = {1: Sight(f"{1:032x}")}, {1: Sight(f"{9:032x}")}
    assert steps(rows, listing, REMOVE, sights=same) == (Delete((Wanted(1, Key("a"), 100, 1),)),)
    assert steps(rows, listing, REMOVE, sights=other)[-1] == Fetch((Wanted(1, Key("a", 1), 100),))
    assert steps(rows, listing, REMOVE, sights={1: Sight()}) == ()


def test_nothing_is_deleted_while_anything_has_no_outcome() -> None:
    rows, listing = [known()], [Listed(1, 100, "a"), Listed(2, 5, "b")]
    found = steps(rows, listing, REMOVE, sights={1: Sight(f"{1:032x}")})
    assert found == (Fetch((Wanted(2, Key("b"), 5),)),)


@pytest.mark.parametrize(
    ("row", "policy", "days", "may"),
    [
        (known(), KEEP, 400, False),
        (known(), REMOVE, 0, True),
        (known(), replace(REMOVE, keep_days=7), 6, False),
        (known(), replace(REMOVE, keep_days=7), 7, True),
        (known(saved_at=None), REMOVE, 9, False),
        (replace(known(), outcome=Outcome.PARKED), REMOVE, 9, False),
        (replace(known(), outcome=Outcome.BEFORE_START), REMOVE, 9, False),
        (known(gone_at=NOON), REMOVE, 9, False),
        (known(uidl=derived("x")), REMOVE, 9, False),
        (known(), replace(REMOVE, deletes=Deletes.PURGED), 9, False),
        (known(purged=True), replace(REMOVE, deletes=Deletes.PURGED), 0, True),
        (known(purged=True), KEEP, 9, False),
    ],
)
def test_who_may_be_deleted(row: Known, policy: Policy, days: int, may: bool) -> None:
    """C2: never, after a purge here, or after download and some days."""
    assert may_delete(row, policy, NOON + timedelta(days=days)) is may


def test_letters_that_share_an_id_are_deleted_together_or_not_at_all() -> None:
    rows = [known(1, "a"), replace(known(2, "a"), key=Key("a", 1), outcome=Outcome.PARKED, identity=None)]
    listing = [Listed(1, 100, "a"), Listed(2, 100, "a")]
    assert steps(rows, listing, REMOVE, sights={1: Sight(f"{1:032x}")}) == ()


def test_an_id_that_comes_back_is_asked_who_it_is() -> None:
    """Quirk 69, cyrus#374: within 90 days it may be the same letter, or another."""
    rows, listing = [known(gone_at=NOON)], [Listed(1, 100, "a")]
    assert steps(rows, listing) == (Look((1,), Reason.RETURNED),)
    assert steps(rows, listing, sights={1: Sight(f"{1:032x}")}) == (Found(1, Key("a"), 100),)
    assert steps(rows, listing, sights={1: Sight("other")}) == (Fetch((Wanted(1, Key("a", 1), 100),)),)


def test_a_changed_format_of_ids_downloads_nothing_twice() -> None:
    """Section 1.16: ten known, none there, and yet there is mail."""
    rows = [known(n, f"old-{n}") for n in range(1, 11)]
    listing = [Listed(n, 100, f"new-{n}") for n in range(1, 12)]
    assert steps(rows, listing) == (Look(tuple(range(11, 0, -1)), Reason.FORMAT_CHANGED),)
    sights = {n: Sight(f"{n:032x}") for n in range(1, 12)}
    found = steps(rows, listing, sights=sights)
    assert found[:10] == tuple(Found(n, Key(f"new-{n}"), 100) for n in range(1, 11))
    assert found[10:] == (Fetch((Wanted(11, Key("new-11"), 100),)),)


def test_an_emptied_maildrop_changes_no_letter_and_forgets_the_ids_later() -> None:
    row = known()
    assert steps([row], []) == (Gone((1,)),)
    assert steps([replace(row, gone_at=NOON)], []) == ()
    later = NOON + FORGET_AFTER
    assert steps([replace(row, gone_at=NOON)], [], at=later) == (Forget((1,)),)


def test_a_start_date_is_judged_by_headers_before_anything_is_fetched() -> None:
    """S3-11, section 1.10: POP3 has no INTERNALDATE."""
    policy = Policy(starts_at=NOON)
    listing = [Listed(n, 5, f"{n}") for n in range(1, 601)]
    (look,) = steps([], listing, policy)
    assert look == Look(tuple(range(600, 600 - LOOK_AT_ONCE, -1)), Reason.START_DATE)
    day = timedelta(days=1)
    sights = {n: Sight(f"{n}", NOON - day if n < 300 else NOON) for n in look.numbers}
    skip, fetch = steps([], listing, policy, sights=sights)
    assert [one.number for one in skip.wanted] == list(range(299, 100, -1))
    assert [one.number for one in fetch.wanted] == list(range(600, 299, -1))


def test_few_new_letters_are_fetched_at_once_and_one_without_a_date_is_let_in() -> None:
    policy = Policy(starts_at=NOON)
    assert isinstance(steps([], [Listed(1, 5, "a")], policy)[0], Fetch)
    assert isinstance(steps([], [Listed(1, 5, "a")], policy, sights={1: Sight("x")})[0], Fetch)


def test_an_earlier_start_date_fetches_what_was_left() -> None:
    row = replace(known(), outcome=Outcome.BEFORE_START, received_at=NOON, saved_at=None)
    listing = [Listed(1, 100, "a")]
    assert steps([row], listing, Policy(starts_at=NOON + timedelta(days=1))) == ()
    again = (Fetch((Wanted(1, Key("a"), 100, 1),)),)
    assert steps([row], listing, Policy(starts_at=NOON)) == again
    assert steps([row], listing, Policy()) == again


def test_what_is_too_big_waits_until_somebody_asks() -> None:
    policy = Policy(most_bytes=50)
    assert steps([], [Listed(1, 100, "a")], policy) == (TooBig((Wanted(1, Key("a"), 100),)),)
    parked = replace(known(), outcome=Outcome.PARKED, identity=None, saved_at=None)
    assert steps([parked], [Listed(1, 100, "a")], policy) == ()
    asked = replace(parked, due=True)
    assert steps([asked], [Listed(1, 100, "a")], policy) == (Fetch((Wanted(1, Key("a"), 100, 1),)),)


def test_ids_that_are_message_numbers_move_up_and_nothing_is_fetched_again() -> None:
    """The worst of servers: the id is the number, so each deletion shifts them all."""
    world = World()
    for n in range(1, 6):
        world.deliver(uidl=str(n), size=100 + n)
    world.run()
    world.letters = [replace(one, uidl=str(n)) for n, one in enumerate(world.letters[1:], 1)]
    world.run()
    assert set(world.fetched.values()) == {1}
    settled(world)
