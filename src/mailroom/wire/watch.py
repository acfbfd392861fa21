"""Hundreds of idle mailboxes in one thread: a selector over blocking sockets that each sit in IDLE.

The watcher only says where something happened; whoever owns the session ends the IDLE and looks.
Time is measured by a clock given in, so that nine minutes need not be waited for in a test.
"""

from __future__ import annotations

import contextlib
import selectors
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mailroom.wire.failures import Failure
from mailroom.wire.mailbox import Event, MailServer

REISSUE_AFTER = 9 * 60.0
"""Seconds in one IDLE. RFC 2177 allows 29 minutes; Exchange stops telling long before that."""


@dataclass(frozen=True, slots=True)
class Woken:
    """The server said something."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The session is over and has been closed and removed."""

    failure: Failure


@dataclass(slots=True)
class _Watched:
    session: MailServer
    fileno: int
    since: float


Key = TypeVar("Key", bound=Hashable)


class Watcher(Generic[Key]):
    """Sessions in IDLE, each under a key of the caller's choice; not for use by two threads at once."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, reissue_after: float = REISSUE_AFTER
    ) -> None:
        self._clock = clock
        self._reissue_after = reissue_after
        self._selector = selectors.DefaultSelector()
        self._watched: dict[Key, _Watched] = {}
        self._news: list[tuple[Key, Woken | Lost]] = []

    def add(self, key: Key, session: MailServer) -> None:
        """Put a session with a selected folder into IDLE and watch it; raises what ``idle_start`` raises."""
        self.remove(key)
        session.idle_start()
        watched = _Watched(session, session.fileno(), self._clock())
        self._selector.register(watched.fileno, selectors.EVENT_READ, key)
        self._watched[key] = watched
        # What came together with the go-ahead has left the socket already: no selector will tell of it.
        self._drain(key)

    def remove(self, key: Key) -> MailServer | None:
        """Stop watching; the session comes back still in IDLE (any next command of it ends that)."""
        watched = self._watched.pop(key, None)
        if watched is None:
            return None
        with contextlib.suppress(KeyError):
            self._selector.unregister(watched.fileno)
        return watched.session

    def __contains__(self, key: Key) -> bool:
        return key in self._watched

    def __len__(self) -> int:
        return len(self._watched)

    def wait(self, timeout: float) -> list[tuple[Key, Woken | Lost]]:
        """Wait at most ``timeout`` seconds; tell where something was said or a session was lost."""
        due_in = min((watched.since for watched in self._watched.values()), default=None)
        if self._news:
            timeout = 0
        elif due_in is not None:
            timeout = max(0.0, min(timeout, due_in + self._reissue_after - self._clock()))
        for ready, _ in self._selector.select(timeout):
            self._drain(ready.data)
        self._reissue_due()
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Forget all sessions without closing them."""
        self._watched.clear()
        self._selector.close()

    def _reissue_due(self) -> None:
        now = self._clock()
        for key, watched in list(self._watched.items()):
            if now - watched.since >= self._reissue_after:
                self._reissue(key, watched, now)

    def _reissue(self, key: Key, watched: _Watched, now: float) -> None:
        try:
            watched.session.idle_done()
            watched.session.idle_start()
        except Failure as failure:
            self._lose(key, failure)
            return
        watched.since = now
        self._drain(key)

    def _drain(self, key: Key) -> None:
        watched = self._watched.get(key)
        if watched is None:
            return
        try:
            events = watched.session.idle_events()
            while watched.session.pending():
                events += watched.session.idle_events()
        except Failure as failure:
            self._lose(key, failure)
            return
        if events:
            self._news.append((key, Woken(tuple(events))))

    def _lose(self, key: Key, failure: Failure) -> None:
        session = self.remove(key)
        if session is not None:
            session.close()
        self._news.append((key, Lost(failure)))
