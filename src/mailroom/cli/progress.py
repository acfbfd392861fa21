"""A progress bar on standard error: what is done, of how much, and at what time it will have ended."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import Final

WIDTH: Final = 24
EVERY_SECONDS: Final = 0.2
_UNITS: Final = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


class Bar:
    """One line that is written over; where nobody looks (no terminal) a line now and then."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._began = time.monotonic()
        self._shown = -float("inf")
        self._live = sys.stderr.isatty()
        self._every = EVERY_SECONDS if self._live else 10.0
        self._unseen = ""

    def show(self, done: int, total: int, words: str) -> None:
        """``words`` are the numbers as people read them."""
        now = time.monotonic()
        share = min(1.0, done / total) if total else 1.0
        filled = "#" * round(share * WIDTH)
        text = f"{self._label}  [{filled:-<{WIDTH}}] {share:4.0%}  {words}{self._end(share, now)}"
        self._unseen = text
        if now - self._shown >= self._every:
            self._shown = now
            self._write()

    def close(self) -> None:
        """The last figures stay, and the next line is somebody else's."""
        if self._unseen:
            self._write()
        if self._live and self._shown > 0:
            sys.stderr.write("\n")
            sys.stderr.flush()

    def _write(self) -> None:
        sys.stderr.write(f"\r{self._unseen}\x1b[K" if self._live else f"{self._unseen}\n")
        sys.stderr.flush()
        self._unseen = ""

    def _end(self, share: float, now: float) -> str:
        spent = now - self._began
        if share < 0.01 or spent < 1 or share >= 1:
            return ""
        left = spent / share - spent
        ends = datetime.fromtimestamp(time.time() + left).astimezone()
        return f", ends {ends:%H:%M:%S}"


def bytes_of(count: int) -> str:
    """A size as people read it: 812 bytes, 1.4 MB."""
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
