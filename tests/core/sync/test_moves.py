"""The steps of a move: each row of the table, and any history of kills comes to the same end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.sync import moves
from mailroom.core.sync.moves import (
    Ask,
    Can,
    Evidence,
    Expunge,
    Fail,
    How,
    Land,
    Leave,
    Mark,
    NoteCopied,
    Phase,
    Prepare,
    Question,
    Seen,
    Send,
    Step,
    Wait,
    first_possible,
    next_deletion,
    next_move,
)

ALL, COPIES, POOR = Can(True, True), Can(False, True), Can(False, False)
MOVING, COPYING = Evidence(7, 40, How.MOVE), Evidence(7, 40, How.COPY)
THERE, GONE = Seen(source=True), Seen(source=False)


@pytest.mark.parametrize(
    ("phase", "evidence", "seen", "can", "step"),
    [
        (Phase.PENDING, None, Seen(), ALL, Ask(Question.SOURCE)),
        (Phase.PENDING, None, GONE, ALL, Wait()),
        (Phase.PENDING, None, THERE, ALL, Ask(Question.TARGET)),
        (Phase.PENDING, None, replace(THERE, uidvalidity=7, uidnext=40), ALL, Prepare(MOVING)),
        (Phase.PENDING, None, replace(THERE, uidvalidity=7, uidnext=40), COPIES, Prepare(COPYING)),
        (Phase.COPYING, MOVING, Seen(ready=True), ALL, Send(How.MOVE)),
        (Phase.COPYING, COPYING, Seen(ready=True), POOR, Send(How.COPY)),
        # After a kill or a lost answer: looked at, never repeated blindly.
        (Phase.COPYING, MOVING, Seen(), ALL, Ask(Question.SOURCE)),
        (Phase.COPYING, MOVING, GONE, ALL, Land()),
        (Phase.COPYING, MOVING, replace(THERE, uidvalidity=7, uidnext=41), ALL,
         Prepare(Evidence(7, 41, How.MOVE))),
        (Phase.COPYING, COPYING, GONE, COPIES, Land()),
        (Phase.COPYING, COPYING, THERE, COPIES, Ask(Question.TARGET)),
        (Phase.COPYING, COPYING, replace(THERE, uidvalidity=7, uidnext=41), COPIES, Ask(Question.COPY)),
        (Phase.COPYING, COPYING, replace(THERE, uidvalidity=7, uidnext=41, copy=True), COPIES, NoteCopied()),
        (Phase.COPYING, COPYING, replace(THERE, uidvalidity=7, uidnext=41, copy=False), COPIES,
         Prepare(Evidence(7, 41, How.COPY))),
        # OK, and no effect: not again in this session.
        (Phase.COPYING, MOVING, replace(THERE, answered=True), ALL, Wait()),
        (Phase.COPYING, COPYING, replace(THERE, uidvalidity=7, copy=False, answered=True), COPIES, Wait()),
        (Phase.COPIED, COPYING, THERE, COPIES, Mark()),
        (Phase.COPIED, COPYING, replace(THERE, marked=True), COPIES, Expunge()),
        (Phase.COPIED, COPYING, replace(THERE, marked=True), POOR, Leave()),
        (Phase.COPIED, COPYING, replace(THERE, marked=True, expunged=True), COPIES, Wait()),
        (Phase.COPIED, COPYING, GONE, POOR, Land()),
    ],
)  # fmt: skip
def test_each_row_of_the_table(
    phase: Phase, evidence: Evidence | None, seen: Seen, can: Can, step: Step
) -> None:
    assert next_move(phase, evidence, seen, can) == step


def test_a_server_that_says_ok_and_does_nothing_is_not_asked_for_ever() -> None:
    seen = replace(THERE, uidvalidity=7, uidnext=40)
    assert next_move(Phase.PENDING, None, seen, ALL, attempts=moves.MOST_ATTEMPTS) == Fail("no_effect")


def test_a_deletion_marks_and_removes_that_one_alone() -> None:
    assert next_deletion(Seen(), ALL) == Ask(Question.SOURCE)
    assert next_deletion(THERE, ALL) == Mark()
    assert next_deletion(replace(THERE, marked=True), ALL) == Expunge()
    assert next_deletion(replace(THERE, marked=True), POOR) == Leave()
    assert next_deletion(GONE, ALL) == Land()


def test_under_a_new_numbering_any_match_counts() -> None:
    assert first_possible(COPYING, 7) == 40
    assert first_possible(COPYING, 8) == 1


# ------------------------------------------------------------------ any history


class Killed(Exception):
    """The process ended here."""


@dataclass
class World:
    """Two folders, one letter (and a stranger in each), and the row that survives kills."""

    can: Can
    kills: list[int]
    """Kill at the n-th stroke, again and again; a stroke is before or after an effect."""
    source: dict[int, tuple[str, bool]] = field(
        default_factory=lambda: {1: ("it", False), 2: ("other", False)}
    )
    target: dict[int, str] = field(default_factory=lambda: {1: "stranger"})
    uidvalidity: int = 7
    uidnext: int = 2
    phase: Phase = Phase.PENDING
    evidence: Evidence | None = None
    landed: bool = False
    left: bool = False
    carried_on: int = 0
    """Copies that another client took out of the destination."""

    def stroke(self) -> None:
        if self.kills:
            self.kills[0] -= 1
            if self.kills[0] <= 0:
                self.kills.pop(0)
                raise Killed

    def copy_in(self) -> None:
        self.target[self.uidnext] = "it"
        self.uidnext += 1

    def rekey(self) -> None:
        names = list(self.target.values())
        self.target = dict(enumerate(names, start=1))
        self.uidvalidity, self.uidnext = self.uidvalidity + 1, len(names) + 1


def session(world: World) -> None:
    """Play until there is nothing more to do, or until killed."""
    seen = Seen()
    for _ in range(30):
        step = next_move(world.phase, world.evidence, seen, world.can)
        world.stroke()
        match step:
            case Ask(Question.SOURCE):
                found = world.source.get(1)
                seen = replace(seen, source=found is not None, marked=bool(found and found[1]))
            case Ask(Question.TARGET):
                seen = replace(seen, uidvalidity=world.uidvalidity, uidnext=world.uidnext)
            case Ask(Question.COPY):
                assert world.evidence is not None
                low = first_possible(world.evidence, world.uidvalidity)
                seen = replace(
                    seen, copy=any(name == "it" for uid, name in world.target.items() if uid >= low)
                )
            case Prepare(evidence):
                world.phase, world.evidence = Phase.COPYING, evidence
                seen = replace(seen, ready=True, copy=None)
            case Send(how):
                if 1 in world.source:
                    world.copy_in()
                    if how is How.MOVE:
                        del world.source[1]
                seen = replace(seen, ready=False, source=None, uidvalidity=None, answered=True)
            case NoteCopied():
                world.phase = Phase.COPIED
            case Mark():
                world.source[1] = ("it", True)
                seen = replace(seen, source=None)
            case Expunge():
                world.source.pop(1, None)
                seen = replace(seen, source=None, expunged=True)
            case Leave():
                world.left = True
                return
            case Land():
                world.landed = True
                return
            case _:
                return
        world.stroke()


def play(world: World, between: list[str] | None = None) -> None:
    events = list(between or [])
    for _ in range(60):
        try:
            session(world)
        except Killed:
            event = events.pop(0) if events else ""
            if event == "rekey":
                world.rekey()
            elif event == "copy moved on":
                for uid in [uid for uid, name in world.target.items() if name == "it"]:
                    del world.target[uid]
                    world.carried_on += 1
            elif event == "source removed":
                world.source.pop(1, None)
            continue
        return
    raise AssertionError("it never came to an end")


cans = st.sampled_from([ALL, COPIES, POOR, Can(True, False)])
kills = st.lists(st.integers(1, 24), max_size=8)


@given(can=cans, kills=kills, rekeys=st.lists(st.sampled_from(["", "rekey"]), max_size=8))
def test_in_a_quiet_window_no_history_of_kills_loses_or_doubles_it(
    can: Can, kills: list[int], rekeys: list[str]
) -> None:
    """Goal 2: whatever call was the last one, and even if the destination is renumbered meanwhile."""
    world = World(can, kills)

    play(world, rekeys)

    assert list(world.target.values()).count("it") == 1
    assert list(world.target.values()).count("stranger") == 1
    assert world.source.pop(2) == ("other", False)
    if can == POOR:
        assert (world.left, world.source) == (True, {1: ("it", True)})
    else:
        assert (world.landed, world.source) == (True, {})


@given(
    can=cans,
    kills=kills,
    events=st.lists(st.sampled_from(["", "rekey", "copy moved on"]), max_size=8),
)
def test_whatever_others_do_in_between_it_is_never_lost(
    can: Can, kills: list[int], events: list[str]
) -> None:
    """1.23: the residue is a second copy, never a loss. What others carried on counts as being there."""
    world = World(can, kills)

    play(world, events)

    assert list(world.target.values()).count("it") + world.carried_on >= 1
    assert 2 in world.source


@given(can=cans, kills=kills)
def test_removed_by_another_client_before_anything_was_sent_nothing_is_sent(
    can: Can, kills: list[int]
) -> None:
    world = World(can, kills)
    del world.source[1]

    play(world)

    assert world.phase is Phase.PENDING
    assert world.target == {1: "stranger"}
