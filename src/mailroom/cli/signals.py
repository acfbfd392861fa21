"""How a process learns that it is to end: by a signal, or because the one that started it is gone."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals(lifeline: int | None = None) -> threading.Event:
    """An event that is set by SIGTERM, SIGINT or the end of the lifeline (see `follow`).

    The handlers only write to a pipe: `Event.set` inside a handler takes a lock that the
    interrupted code may be holding.
    """
    stop = threading.Event()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)

    def wake(_number: int, _frame: FrameType | None) -> None:
        try:
            os.write(wake_write, b".")
        except BlockingIOError:
            return

    for number in STOP_SIGNALS:
        signal.signal(number, wake)
    watched = [wake_read] if lifeline is None else [wake_read, lifeline]

    def wait() -> None:
        select.select(watched, [], [])
        stop.set()

    _in_background(wait)
    return stop


def follow(lifeline: int | None) -> None:
    """End this process by SIGTERM when the other end of the lifeline is closed: its parent was killed."""

    def wait(end: int) -> None:
        os.read(end, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    if lifeline is not None:
        _in_background(partial(wait, lifeline))


def _in_background(work: Callable[[], object]) -> None:
    threading.Thread(target=work, name="stopping", daemon=True).start()
