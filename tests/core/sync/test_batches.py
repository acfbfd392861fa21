"""Newest first, under a budget, nothing twice and nothing left out (S1-28: a bar with a number)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.sync.batches import Waiting, batches, halves, progress

SIZES = st.lists(st.one_of(st.none(), st.integers(0, 400)), max_size=30)


@given(SIZES, st.integers(1, 500), st.integers(1, 7))
def test_every_message_travels_once_newest_first_and_within_the_budget(sizes, max_bytes, max_count):
    waiting = [Waiting(uid, size) for uid, size in enumerate(sizes, 1)]
    made = list(batches(reversed(waiting), max_bytes=max_bytes, max_count=max_count))
    assert [item for batch in made for item in batch] == waiting[::-1]
    for batch in made:
        assert 1 <= len(batch) <= max_count
        assert len(batch) == 1 or sum(item.size or 0 for item in batch) <= max_bytes


@given(st.integers(1, 40), st.data())
def test_halving_a_failed_batch_ends_at_the_message_at_fault(count, data):
    batch = tuple(Waiting(uid) for uid in range(count))
    fault = data.draw(st.sampled_from(batch))
    while halves(batch):
        first, second = halves(batch)
        assert first + second == batch
        batch = first if fault in first else second
    assert batch == (fault,)


def test_progress_counts_messages_and_octets_and_knows_the_time_left():
    waiting = [Waiting(3, 300), Waiting(2, 100), Waiting(1, None)]
    bar = progress(waiting)
    assert (bar.share, bar.time_left(timedelta(seconds=5))) == (0, None)
    bar = bar.plus(waiting[:1])
    assert (bar.done, bar.total, bar.share) == (1, 3, 0.75)
    assert bar.time_left(timedelta(seconds=30)) == timedelta(seconds=10)
    assert progress([]).share == 1
