"""Mass removals need a second witness: what was absent once is remembered here until it was absent twice.

Kept in memory on purpose: after a restart the first look counts as the first one again.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

APART = timedelta(seconds=60)
"""A sick server often says the same wrong thing twice in a row."""


class Witnesses:
    """UIDs found absent by an earlier look, by folder; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._absent: dict[int, tuple[datetime, frozenset[int]]] = {}

    def testimony(self, folder_id: int, at: datetime) -> frozenset[int]:
        """What an earlier look, over another connection and long enough ago, found absent."""
        with self._lock:
            seen_at, uids = self._absent.get(folder_id, (at, frozenset[int]()))
        return uids if at - seen_at >= APART else frozenset()

    def remember(self, folder_id: int, uids: frozenset[int], at: datetime) -> None:
        """Remember a first look; a later one that says the same does not start the minute anew."""
        with self._lock:
            known = self._absent.get(folder_id)
            if known is None or known[1] != uids:
                self._absent[folder_id] = (at, uids)

    def forget(self, folder_id: int) -> None:
        with self._lock:
            self._absent.pop(folder_id, None)


WITNESSES = Witnesses()
