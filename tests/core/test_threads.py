"""Threads by ids: the order of arrival does not matter, a guess is never made (S4-21; quirks 88-91)."""

import itertools
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.letter import Letter, read_letter
from mailroom.core.subject import is_reply
from mailroom.core.threads import Join, Merge, Start, decide, tied_ids


class Cabinet:
    """What a caller keeps: the thread of every id named so far, and the letters of every thread."""

    def __init__(self) -> None:
        self.thread_of: dict[str, int] = {}
        self.letters: dict[int, set[int]] = {}
        self.last = 0

    def file(self, letter: int, ids: tuple[str, ...]) -> None:
        match decide(ids, self.thread_of):
            case Start():
                self.last += 1
                thread = self.last
                self.letters[thread] = set()
            case Join(thread):
                pass
            case Merge(thread, others):
                for other in others:
                    self.letters[thread] |= self.letters.pop(other)
                moved = [one for one, where in self.thread_of.items() if where in others]
                self.thread_of |= dict.fromkeys(moved, thread)
        self.letters[thread].add(letter)
        self.thread_of |= dict.fromkeys(ids, thread)

    @property
    def partition(self) -> set[frozenset[int]]:
        return {frozenset(letters) for letters in self.letters.values()}


ID = st.sampled_from("abcdefghij")
LETTERS = st.lists(
    st.tuples(st.none() | ID, st.lists(ID, max_size=2), st.lists(ID, max_size=4), st.booleans()), max_size=12
)


def ties(letter) -> tuple[str, ...]:
    own, in_reply_to, references, reply = letter
    return tied_ids(own=own, in_reply_to=in_reply_to, references=references, is_reply=reply)


@given(LETTERS, st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_threads(letters, order):
    first, second = Cabinet(), Cabinet()
    for number, letter in enumerate(letters):
        first.file(number, ties(letter))
    for number, letter in order.sample(list(enumerate(letters)), len(letters)):
        second.file(number, ties(letter))
    assert first.partition == second.partition


@given(LETTERS)
def test_a_later_letter_may_merge_threads_and_never_splits_one(letters):
    cabinet = Cabinet()
    for number, letter in enumerate(letters):
        before = cabinet.partition
        cabinet.file(number, ties(letter))
        assert all(any(old <= new for new in cabinet.partition) for old in before)


@pytest.mark.parametrize(
    ("letter", "tied"),
    [
        # quirk 88: an equal subject is nothing; there is no subject here at all.
        (("m", [], [], True), ("m",)),
        (("m", ["p"], [], False), ("m", "p")),
        (("m", ["p"], ["r", "p"], False), ("m", "p", "r")),
        # quirk 89: References recycled for a new topic.
        (("m", [], ["r", "p"], False), ("m",)),
        (("m", [], ["r", "p"], True), ("m", "r", "p")),
        # Old programs: In-Reply-To: Your message of <…> and <…>.
        (("m", ["p", "q"], ["r"], True), ("m", "p", "r")),
        ((None, ["p"], [], True), ("p",)),
        ((None, [], [], False), ()),
    ],
)
def test_a_letter_ties_what_it_answers(letter, tied):
    assert ties(letter) == tied


def test_a_missing_parent_holds_its_answers_together_and_a_late_one_joins_them():
    cabinet = Cabinet()
    cabinet.file(1, ("answer", "parent"))
    cabinet.file(2, ("other answer", "parent"))
    assert cabinet.partition == {frozenset({1, 2})}
    assert decide(("parent",), cabinet.thread_of) == Join(1)


def test_threads_are_merged_into_the_oldest():
    assert decide(("a", "b", "c"), {"a": 7, "b": 3, "c": 7}) == Merge(3, (7,))
    assert decide(("x",), {"a": 7}) == Start()
    assert decide((), {"a": 7}) == Start()


@pytest.fixture(scope="module")
def mail(corpus: Path) -> tuple[list[set[str]], dict[str, tuple[str, ...]]]:
    """Dovecot's threads by ids alone (THREAD=REFS) of 1,030 letters, and what each of these ties."""
    folder = corpus / "spamassassin-public"
    threads = [
        set(names(thread)) for thread in json.loads((folder / "threads-dovecot-refs.json").read_text())
    ]
    tied = {name: _ties_of(read_letter(_raw(folder / name))) for thread in threads for name in sorted(thread)}
    return threads, tied


@pytest.mark.corpus
def test_threads_agree_with_dovecots_on_real_mail(mail):
    """Goal 33 of the engine: pairwise F1 of 0.995 or more."""
    threads, tied = mail
    expected, found = pairs(threads), pairs(_threads(tied, list(tied)))
    f1 = 2 * len(expected & found) / (len(expected) + len(found))
    assert f1 >= 0.995, f1


@pytest.mark.corpus
def test_real_mail_gives_the_same_threads_in_any_order(mail):
    _, tied = mail
    shuffled = random.Random(7).sample(list(tied), len(tied))
    assert set(map(frozenset, _threads(tied, shuffled))) == set(map(frozenset, _threads(tied, list(tied))))


def names(thread) -> Iterator[str]:
    for one in thread:
        if isinstance(one, str):
            yield one
        else:
            yield from names(one)


def pairs(threads: Iterable[set[str]]) -> set[frozenset[str]]:
    return {frozenset(pair) for thread in threads for pair in itertools.combinations(thread, 2)}


def _raw(path: Path) -> bytes:
    raw = path.read_bytes()
    return raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw


def _ties_of(letter: Letter) -> tuple[str, ...]:
    return tied_ids(
        own=letter.message_id,
        in_reply_to=letter.in_reply_to,
        references=letter.references,
        is_reply=is_reply(letter.subject),
    )


def _threads(tied: dict[str, tuple[str, ...]], order: list[str]) -> list[set[str]]:
    cabinet, numbers = Cabinet(), {name: number for number, name in enumerate(tied)}
    for name in order:
        cabinet.file(numbers[name], tied[name])
    by_number = list(tied)
    return [{by_number[number] for number in letters} for letters in cabinet.letters.values()]
