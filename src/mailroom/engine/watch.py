"""IDLE on the inbox of every live account, in one thread; who is woken is wanted, and a worker does the rest.

IDLE alone is never trusted: accounts are polled all the same. A watch that fails backs off quietly.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from django.utils import timezone

from mailroom.actions import leases
from mailroom.data.mail.models import Account, ServerFolder
from mailroom.data.vault.sealing import Sealed
from mailroom.wire.failures import Failure
from mailroom.wire.mailbox import Exists, Expunged, FlagsChanged, MailServer, Vanished
from mailroom.wire.watch import Lost, Watcher

from .connecting import open_mailbox
from .keeping import close_connections

logger = logging.getLogger(__name__)

GATHER = 0.1
"""Seconds to collect what comes in a burst, before the account is called wanted."""
LOOK_EVERY = 1.0
"""Seconds between two looks for accounts that came, went or changed their way in."""
TICK = 0.5
OPENING = 4
"""Connections opened at a time: all mailboxes of a firm sit on one host."""
_FIRST_PAUSE, _LONGEST_PAUSE = 15.0, 900.0

WayIn = tuple[object, ...]


@dataclass(slots=True)
class _Pause:
    failures: int = 0
    until: float = 0.0


class InboxWatch:
    """The watch itself; :meth:`run` belongs to one thread."""

    def __init__(
        self, stop: threading.Event, *, connect: Callable[[Account], MailServer] = open_mailbox
    ) -> None:
        self._stop = stop
        self._connect = connect
        self._watcher: Watcher[int] = Watcher()
        self._ways: dict[int, WayIn] = {}
        self._pauses: dict[int, _Pause] = {}
        self._opening: set[int] = set()
        self._opened: SimpleQueue[tuple[int, WayIn, MailServer | None]] = SimpleQueue()
        self._looked_at = float("-inf")

    def run(self) -> None:
        """Watch until the engine stops; then drop every connection without a word."""
        try:
            while not self._stop.is_set():
                self.turn()
        finally:
            self._drop_all()
            close_connections()

    def turn(self) -> None:
        """One round: accounts looked up now and then, new sessions taken in, news told."""
        if time.monotonic() - self._looked_at >= LOOK_EVERY:
            self._looked_at = time.monotonic()
            self._follow_accounts()
        self._take_in_opened()
        woken = self._wait(TICK)
        if woken:
            woken |= self._wait(GATHER)
            leases.want(sorted(woken), timezone.now())

    # --- which accounts

    def _follow_accounts(self) -> None:
        live = _live_accounts()
        for pk in [pk for pk in self._ways if self._ways[pk] != live.get(pk)]:
            self._drop(pk)
        now = time.monotonic()
        for pk, way in live.items():
            pause = self._pauses.get(pk)
            if pk in self._ways or pk in self._opening or (pause and pause.until > now):
                continue
            if len(self._opening) >= OPENING:
                return
            self._opening.add(pk)
            # A daemon, not a pool: a server that does not answer must not hold up the end of the process.
            threading.Thread(target=self._open, args=(pk, way), name="watch-open", daemon=True).start()

    def _open(self, pk: int, way: WayIn) -> None:
        """In a thread of its own: connect and select the inbox, ready to idle."""
        session: MailServer | None = None
        try:
            session = self._connect(Account.objects.select_related("secret").get(pk=pk))
            if not session.abilities.idle:
                session.logout()
                session = None
            else:
                session.select(_inbox_of(pk), read_only=True)
        except (Failure, Sealed, Account.DoesNotExist) as error:
            logger.info("No watch on account %s: %s", pk, error, extra={"action": "watch"})
            _close(session)
            session = None
        except Exception:
            logger.exception("A watch could not be opened.", extra={"action": "watch"})
            _close(session)
            session = None
        finally:
            self._opened.put((pk, way, session))
            if self._stop.is_set():
                self._close_opened()
            close_connections()

    def _take_in_opened(self) -> None:
        while True:
            try:
                pk, way, session = self._opened.get_nowait()
            except Empty:
                return
            self._opening.discard(pk)
            if session is None:
                self._pause(pk)
                continue
            try:
                self._watcher.add(pk, session)
            except Failure:
                session.close()
                self._pause(pk)
                continue
            self._ways[pk] = way
            self._pauses.pop(pk, None)
            # What arrived between the last pass and this IDLE was announced to nobody.
            leases.want([pk], timezone.now())

    # --- news

    def _wait(self, timeout: float) -> set[int]:
        if not len(self._watcher):
            self._stop.wait(timeout)
            return set()
        woken = set()
        for pk, news in self._watcher.wait(timeout):
            if isinstance(news, Lost):
                self._ways.pop(pk, None)
                self._pause(pk)
            elif any(isinstance(event, Exists | Expunged | Vanished | FlagsChanged) for event in news.events):
                woken.add(pk)
        return woken

    def _pause(self, pk: int) -> None:
        pause = self._pauses.setdefault(pk, _Pause())
        seconds = min(_FIRST_PAUSE * 2**pause.failures, _LONGEST_PAUSE)
        pause.failures = min(pause.failures + 1, 10)
        pause.until = time.monotonic() + seconds * random.uniform(0.5, 1.0)  # noqa: S311

    def _drop(self, pk: int) -> None:
        self._ways.pop(pk, None)
        session = self._watcher.remove(pk)
        if session is not None:
            session.close()

    def _drop_all(self) -> None:
        for pk in list(self._ways):
            self._drop(pk)
        self._close_opened()
        self._watcher.close()

    def _close_opened(self) -> None:
        """Sessions that nobody will take in any more."""
        while True:
            try:
                _close(self._opened.get_nowait()[2])
            except Empty:
                return


def _close(session: MailServer | None) -> None:
    if session is not None:
        session.close()


def _live_accounts() -> dict[int, WayIn]:
    """Accounts to be watched, each with its way in: when that changes, the watch is opened anew."""
    rows = Account.objects.filter(
        active=True, protocol=Account.Protocol.IMAP, state__in=[Account.State.LIVE, Account.State.FIRST_SYNC]
    ).values_list(
        "pk", "incoming_host", "incoming_port", "incoming_encryption", "login", "secret__changed_at"
    )
    return {row[0]: row[1:] for row in rows}


def _inbox_of(pk: int) -> bytes:
    found = ServerFolder.objects.filter(account=pk, role="inbox").values_list("raw_name", flat=True).first()
    return bytes(found) if found else b"INBOX"
