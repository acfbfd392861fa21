"""Working ahead in threads and processes: in order, bounded, and nobody left waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailroom.core.indexing import prepared
from mailroom.core.letter import read_letter
from mailroom.core.sync.state import Fetched
from mailroom.engine.ahead import Ahead, gathered
from mailroom.engine.readers import Readers
from tests import letters

ROOT = Path(__file__).resolve().parents[2]


def test_items_come_in_order() -> None:
    assert list(Ahead(range(100))) == list(range(100))


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ConnectionError("lost")

    items = iter(Ahead(failing()))

    assert next(items) == 1
    with pytest.raises(ConnectionError):
        next(items)


def test_no_more_is_computed_than_fits_between() -> None:
    computed = []

    def counting() -> Iterator[int]:
        for number in range(1000):
            computed.append(number)
            yield number

    ahead = Ahead(counting())
    time.sleep(0.2)
    ahead.close()

    assert len(computed) <= 5


def test_closing_the_inner_one_lets_the_outer_one_end() -> None:
    """A pass that stops in the middle: neither thread is left behind."""

    def slow() -> Iterator[int]:
        for number in range(1000):
            time.sleep(0.01)
            yield number

    before = threading.active_count()
    inner = Ahead(slow())
    outer = Ahead(number * 2 for number in inner)
    assert next(iter(outer)) == 0

    inner.close()
    outer.close()

    assert threading.active_count() == before


def test_a_batch_is_closed_by_number_or_by_weight() -> None:
    messages = [Fetched(uid, frozenset(), raw=b"x" * 10) for uid in range(1, 8)]

    assert [len(batch) for batch in gathered(messages, count=3)] == [3, 3, 1]
    assert [len(batch) for batch in gathered(messages, octets=25)] == [3, 3, 1]


def test_a_reader_says_what_is_read_here() -> None:
    raws = [letters.raw(f"Letter {n}", mid=f"{n}@x.example") for n in range(20)]
    readers = Readers(most=1)

    with readers.borrow() as reader:
        assert reader is not None
        found = reader.read(raws)
        with readers.borrow() as second:
            assert second is None

    assert found == [prepared(read_letter(raw)) for raw in raws]
    readers.close()


def test_a_reader_that_is_killed_costs_nothing_but_time() -> None:
    raws = [letters.raw()]
    readers = Readers(most=1)

    with readers.borrow() as reader:
        assert reader is not None
        reader._process.kill()
        reader._process.wait()
        assert reader.read(raws) == [prepared(read_letter(raws[0]))]
    with readers.borrow() as reader:
        assert reader is not None
        assert reader.alive
    readers.close()


def test_a_reader_ends_with_whoever_started_it() -> None:
    """Killed with -9, an engine leaves no process behind."""
    code = (
        "import time\nfrom mailroom.engine.readers import Reader\nr = Reader()\nr.read([b'Subject: x'])\n"
        "print(r._process.pid, flush=True)\ntime.sleep(60)\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())

    starter.send_signal(signal.SIGKILL)
    starter.communicate()

    ends_at = time.monotonic() + 10
    while time.monotonic() < ends_at and _runs(pid):
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    try:
        return "\nState:\tZ" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
