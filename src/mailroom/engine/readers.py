"""Reading letters in processes of their own, so that a first sync uses more than one core.

A reader that dies costs nothing but time: its batch is read here instead.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from mailroom.core.letter import Letter

from .reader import read_from, read_letters, write_to

Batch = TypeVar("Batch")

logger = logging.getLogger(__name__)

WORTH_IT = 300
"""Letters to be read for which a process is started; fewer are read here."""
MOST = max(1, min(4, os.cpu_count() or 1))
"""As many as there are cores: the process that stores waits for the disk often enough."""


class Reader:
    """One such process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mailroom.engine.reader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def read(self, raws: Sequence[bytes]) -> list[Letter]:
        """What these letters say; read here if the process does not answer."""
        if self.alive:
            try:
                assert self._process.stdin is not None
                assert self._process.stdout is not None
                write_to(self._process.stdin, list(raws))
                letters: list[Letter] = read_from(self._process.stdout)
            except (OSError, EOFError, ValueError):
                logger.warning("A reader ended; its letters are read here.", extra={"action": "reader"})
                self.close()
            else:
                return letters
        return read_letters(raws)

    def close(self) -> None:
        """End the process: its pipe ends, and so does it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(2)


def read_in_turn(
    readers: Sequence[Reader], batches: Iterable[Batch], raws_of: Callable[[Batch], list[bytes]]
) -> Iterator[tuple[Batch, list[Letter]]]:
    """Each batch with what its letters say, in order; several readers read as many batches at once."""
    if not readers:
        yield from ((batch, read_letters(raws_of(batch))) for batch in batches)
        return
    under_way: deque[tuple[Batch, Future[list[Letter]]]] = deque()
    with ThreadPoolExecutor(len(readers)) as pool:
        for number, batch in enumerate(batches):
            # A reader serves one batch at a time: the one before it on this reader has to be through.
            if len(under_way) == len(readers):
                done, letters = under_way.popleft()
                yield done, letters.result()
            under_way.append((batch, pool.submit(readers[number % len(readers)].read, raws_of(batch))))
        for done, letters in under_way:
            yield done, letters.result()


class Readers:
    """The readers of this process, started when first needed, lent to one folder at a time."""

    def __init__(self, most: int = MOST) -> None:
        self._idle: queue.SimpleQueue[Reader] = queue.SimpleQueue()
        self._free = threading.Semaphore(most)

    @contextmanager
    def borrow(self) -> Iterator[Reader | None]:
        """A reader, or None when all of them are busy."""
        if not self._free.acquire(blocking=False):
            yield None
            return
        reader = self._take()
        try:
            yield reader
        finally:
            if reader.alive:
                self._idle.put(reader)
            else:
                reader.close()
            self._free.release()

    @contextmanager
    def borrow_several(self, most: int = MOST) -> Iterator[list[Reader]]:
        """As many readers as are free, at most so many; none when all of them are busy."""
        with ExitStack() as lent:
            found = [lent.enter_context(self.borrow()) for _ in range(most)]
            yield [reader for reader in found if reader is not None]

    def _take(self) -> Reader:
        while True:
            try:
                reader = self._idle.get_nowait()
            except queue.Empty:
                return Reader()
            if reader.alive:
                return reader
            reader.close()

    def close(self) -> None:
        """End those that are idle."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return


READERS = Readers()
atexit.register(READERS.close)
