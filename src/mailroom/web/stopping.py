"""Whether this process is about to end: every endless answer asks here, and leaves off."""

from __future__ import annotations

import asyncio
import threading
from typing import Final

# Set by the signal handler of the web process before uvicorn begins to drain.
STOPPING: Final = threading.Event()
GLANCE_SECONDS: Final = 0.2


def is_stopping() -> bool:
    """True once the process has been told to end."""
    return STOPPING.is_set()


async def pause(seconds: float) -> bool:
    """Sleep for at most `seconds`; True, and at once, when the process is to end: leave your loop then."""
    left = seconds
    while left > 0 and not STOPPING.is_set():
        await asyncio.sleep(min(left, GLANCE_SECONDS))
        left -= GLANCE_SECONDS
    return STOPPING.is_set()
