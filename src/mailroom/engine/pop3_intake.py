"""Bringing in what a POP3 maildrop holds: letters retrieved ahead, and durable before their rows.

A batch that fails is halved until the one letter at fault is found; that one is parked, the rest goes on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from mailroom.actions import parking, popping
from mailroom.actions.ingest import FenceLost
from mailroom.actions.leases import Lease, LostLease
from mailroom.actions.popping import Taken
from mailroom.core.sync.maildrop import Sight, Skip, Wanted
from mailroom.core.sync.sighting import sight_of
from mailroom.core.sync.state import Fetched
from mailroom.data.blobs import keeping
from mailroom.data.mail.models import Account, ServerFolder
from mailroom.wire.failures import Failure, Kind, RetryLater
from mailroom.wire.pop3 import Answer, Pop3Session

from .ahead import Ahead, gathered
from .job import Stopped, firm_zone
from .reader import read_letters
from .readers import READERS, WORTH_IT, Reader

logger = logging.getLogger(__name__)

NOT_NOW = frozenset({Kind.UNAVAILABLE, Kind.THROTTLED, Kind.CONNECTION_LOST, Kind.TIMEOUT})
"""Refusals of a letter that are about the server, not the letter: the pass ends, nothing is parked."""
_REFUSED_IN_A_ROW = 5


@dataclass(slots=True)
class PopJob:
    """One pass over one maildrop."""

    session: Pop3Session
    lease: Lease
    account: Account
    drop: ServerFolder
    stop: threading.Event
    sights: dict[int, Sight] = field(default_factory=dict)
    """What was seen in this session, by number."""

    @property
    def first_sync(self) -> bool:
        """Nothing is announced as new mail before a pass has come to its end once."""
        return self.account.last_in_step_at is None and self.account.state != Account.State.LIVE

    @property
    def starts_at(self) -> datetime | None:
        """The first instant of the start date, in the firm's zone."""
        day = self.account.start_date
        return datetime(day.year, day.month, day.day, tzinfo=firm_zone()) if day else None

    def check(self) -> None:
        """Raise :class:`Stopped` once the engine is going down."""
        if self.stop.is_set():
            raise Stopped


class PopIntake:
    """What a plan wants to be seen or fetched."""

    def __init__(self, job: PopJob, *, after_batch: Callable[[], None]) -> None:
        self._job = job
        self._after_batch = after_batch
        self._starts_at = job.starts_at
        self._announce = not job.first_sync
        self._broken: Failure | None = None
        self._refused: dict[int, Failure] = {}
        # A server without CAPA may know TOP all the same.
        self.can_top = "TOP" in job.session.capabilities or not job.session.capabilities

    # --- looking

    def look(self, numbers: Sequence[int]) -> None:
        """See headers; what the server would not show is remembered as not seen."""
        with closing(self._headers(numbers)) as answers:
            if all(self._see(answer) for answer in answers):
                return
        # No TOP after all: the letters themselves are looked at.
        self.can_top = False
        self.look(numbers)

    def _see(self, answer: Answer) -> bool:
        """False when it shows that the server has no TOP."""
        self._job.check()
        if answer.content is not None:
            self._job.sights[answer.number] = sight_of(answer.content)
        elif self.can_top and not self._knows_top:
            return False
        else:
            self._raise_if_not_now(answer)
            self._job.sights[answer.number] = Sight()
        return True

    @property
    def _knows_top(self) -> bool:
        return "TOP" in self._job.session.capabilities or any(
            one.identity for one in self._job.sights.values()
        )

    def _headers(self, numbers: Sequence[int]) -> Generator[Answer]:
        session = self._job.session
        return session.top_each(numbers) if self.can_top else session.retrieve_each(numbers)

    def _raise_if_not_now(self, answer: Answer) -> None:
        if answer.refused is not None and answer.refused.kind in NOT_NOW:
            raise answer.refused

    # --- fetching

    def fetch(self, wanted: Sequence[Wanted]) -> None:
        by_number = {one.number: one for one in wanted}
        fetched = Ahead(gathered(self._retrieved([one.number for one in wanted])))
        try:
            with READERS.borrow() if len(wanted) >= WORTH_IT else nullcontext() as reader:
                for batch in fetched:
                    self._job.check()
                    self._take([(by_number[one.uid], one.raw) for one in batch], reader)
                    self._after_batch()
        finally:
            fetched.close()
        if self._broken is not None:
            raise self._broken

    def _retrieved(self, numbers: Sequence[int]) -> Iterator[Fetched]:
        """In a thread of its own. What came before the line broke is kept, so the failure waits its turn."""
        in_a_row = 0
        try:
            for answer in self._job.session.retrieve_each(numbers):
                self._raise_if_not_now(answer)
                in_a_row = 0 if answer.content is not None else in_a_row + 1
                if answer.refused is not None:
                    self._refused[answer.number] = answer.refused
                yield Fetched(answer.number, frozenset(), raw=answer.content)
                if answer.refused is not None and in_a_row >= _REFUSED_IN_A_ROW:
                    raise RetryLater(answer.refused.kind, answer.refused.words)
        except Failure as broken:
            self._broken = broken

    def _take(self, batch: Sequence[tuple[Wanted, bytes | None]], reader: Reader | None) -> None:
        whole = [(wanted, raw) for wanted, raw in batch if raw]
        for wanted, raw in batch:
            if not raw:
                self._park_refused(wanted)
        read = reader.read if reader is not None else read_letters
        letters = read([raw for _, raw in whole])
        kept = keeping.make_durable([raw for _, raw in whole])
        taken, early = [], []
        for (wanted, raw), letter, durable in zip(whole, letters, kept, strict=True):
            sight = self._job.sights[wanted.number] = sight_of(raw)
            if self._starts_at and sight.received_at and sight.received_at < self._starts_at:
                early.append(wanted)
            else:
                taken.append((Taken(wanted, letter, durable, sight), raw))
        if early:
            popping.apply(
                self._job.lease, self._job.drop, [Skip(tuple(early))], timezone.now(), sights=self._job.sights
            )
        if taken:
            self._keep_or_halve(taken)

    def _park_refused(self, wanted: Wanted) -> None:
        refused = self._refused.get(wanted.number)
        too_big = refused is not None and refused.kind is Kind.TOO_BIG
        words = refused.words if refused is not None else ""
        self.park(wanted, reason=parking.TOO_BIG if too_big else "no_bytes", words=words)

    def _keep_or_halve(self, taken: Sequence[tuple[Taken, bytes]]) -> None:
        """A batch that fails is halved until the one letter at fault is found; that one is parked."""
        try:
            letters = [one for one, _ in taken]
            popping.keep(self._job.lease, self._job.drop, letters, timezone.now(), announce=self._announce)
        except FenceLost as lost:
            raise LostLease(self._job.account.pk) from lost
        except (LostLease, Stopped, OperationalError, InterfaceError, OSError, MemoryError):
            # Ours, not the letter's: nothing is acknowledged, the pass ends here.
            raise
        except Exception as error:
            self._job.drop.refresh_from_db()
            if len(taken) > 1:
                middle = len(taken) // 2
                self._keep_or_halve(taken[:middle])
                self._keep_or_halve(taken[middle:])
                return
            logger.exception("A letter could not be stored.", extra={"action": "park"})
            one, raw = taken[0]
            self.park(one.wanted, reason="crashed", words=type(error).__name__, raw=raw)

    def park(self, wanted: Wanted, *, reason: str, words: str = "", raw: bytes | None = None) -> None:
        sight = self._job.sights.get(wanted.number, Sight())
        at = timezone.now()
        popping.park(
            self._job.lease, self._job.drop, wanted, sight, reason=reason, words=words, raw=raw, at=at
        )

    def keep_what_is_only_here(self) -> None:
        """Parked, and deleted on the server by another client meanwhile: the bytes were kept."""
        for parked in popping.only_here(self._job.drop, timezone.now()):
            assert parked.blob is not None
            raw = keeping.content_of(parked.blob)
            try:
                popping.keep_only_here(
                    self._job.lease, self._job.drop, parked, read_letters([raw])[0], timezone.now()
                )
            except (LostLease, FenceLost, OperationalError, InterfaceError, OSError, MemoryError):
                raise
            except Exception as error:
                logger.exception("A letter could not be stored.", extra={"action": "park"})
                at, words = timezone.now(), type(error).__name__
                parking.park(
                    self._job.lease, self._job.drop, parked.uid, reason="crashed", words=words, raw=raw, at=at
                )
