"""Bringing letters in: fetched ahead, read outside any transaction, durable before their rows.

A batch that fails is halved until the one letter at fault is found; that one is parked, the rest goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from mailroom.actions import parking, syncing
from mailroom.actions.ingest import Arrival, Batch, FenceLost, Progress, store
from mailroom.actions.leases import LostLease
from mailroom.core.letter import Letter
from mailroom.core.sync.state import Fetched
from mailroom.core.sync.steps import Skip
from mailroom.data.blobs import keeping
from mailroom.data.mail.models import Parked, ServerFolder
from mailroom.wire.failures import GiveUp

from .ahead import Ahead, gathered
from .job import Job, Stopped
from .keeping import close_connections
from .readers import READERS, WORTH_IT, Reader, read_in_turn

logger = logging.getLogger(__name__)

MOST_BYTES = 50 * 1024 * 1024
"""A larger letter is parked as too big until a person asks for it."""
LARGE = 1024 * 1024
"""Letters above this are found by SEARCH and weighed, so that no batch of them fills the memory."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A message as it came, and what is to be stored of it; None where the server gave no bytes."""

    message: Fetched
    letter: Letter | None
    kept: keeping.Kept | None


class Intake:
    """The letters of one folder, selected in the job's session."""

    def __init__(
        self,
        job: Job,
        folder: ServerFolder,
        *,
        announce: bool,
        after_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._job = job
        self._folder = folder
        self._announce = announce
        self._after_batch = after_batch or (lambda stored: None)
        self._sizes: Mapping[int, int] = {}
        self.waiting = folder.waiting

    def take(
        self,
        uids: Sequence[int],
        sizes: Mapping[int, int] | None = None,
        until: Callable[[], bool] | None = None,
    ) -> list[int]:
        """Give these UIDs an outcome each: stored, parked, before the start date, or not there.

        Returns those left over when ``until`` said so between two batches. Raises Failure, LostLease,
        Stopped, or the database's own error: then some have no outcome.
        """
        wanted = self._within_reason(uids, sizes if sizes is not None else self._weigh(uids))
        if not wanted:
            return []
        seen: set[int] = set()
        with self._readers(len(wanted)) as readers:
            fetched = Ahead(gathered(self._job.session.fetch_bodies(wanted, sizes=self._sizes)))
            ready = Ahead(_made_ready(readers, fetched))
            try:
                for batch in ready:
                    self._job.check()
                    self._store(batch)
                    seen.update(one.message.uid for one in batch)
                    self._after_batch(len(batch))
                    if until is not None and until():
                        return [uid for uid in wanted if uid not in seen]
            finally:
                # The inner one first: the outer may be waiting for it.
                fetched.close()
                ready.close()
        self._missing([uid for uid in wanted if uid not in seen])
        return []

    def _readers(self, count: int) -> AbstractContextManager[list[Reader]]:
        return READERS.borrow_several() if count >= WORTH_IT else nullcontext([])

    # --- how large

    def _weigh(self, uids: Sequence[int]) -> dict[int, int]:
        """The sizes of large letters; all others are small."""
        if not uids:
            return {}
        asked = set(uids)
        span = b"%d:%d" % (min(asked), max(asked))
        try:
            found = self._job.session.search(b"UID %b LARGER %d" % (span, LARGE))
        except GiveUp:
            # A server that cannot search by size: its letters are taken as they come.
            return {}
        large = [uid for uid in found if uid in asked]
        return {one.uid: one.size or LARGE for one in self._job.session.fetch_headers(large)} if large else {}

    def _within_reason(self, uids: Sequence[int], sizes: Mapping[int, int]) -> list[int]:
        wanted = []
        self._sizes = sizes
        for uid in uids:
            if sizes.get(uid, 0) > MOST_BYTES and not self._asked_for(uid):
                self._park(uid, reason=parking.TOO_BIG, size=sizes[uid])
            else:
                wanted.append(uid)
        return wanted

    def _asked_for(self, uid: int) -> bool:
        """A person wants it in spite of its size: only a person sets a time for what is too big."""
        return Parked.objects.filter(
            server_folder=self._folder, uid=uid, reason=parking.TOO_BIG, next_at__isnull=False
        ).exists()

    # --- storing

    def _store(self, batch: Sequence[Ready]) -> None:
        whole = []
        for one in {one.message.uid: one for one in batch}.values():
            if one.letter is None or one.kept is None:
                self._park(one.message.uid, reason="no_bytes", size=one.message.size)
            else:
                whole.append(one)
        whole = self._without_early(whole)
        if whole:
            self._store_or_halve(whole)

    def _without_early(self, batch: list[Ready]) -> list[Ready]:
        """What arrived after the SEARCH may still be of a day before the start date."""
        start_at = self._job.start_at
        if start_at is None:
            return batch
        early = [one.message.uid for one in batch if (one.message.internaldate or start_at) < start_at]
        if not early:
            return batch
        self.waiting = max(0, self.waiting - len(early))
        counters = {"waiting": self.waiting}
        syncing.apply(self._job.lease, self._folder, [Skip(tuple(early))], timezone.now(), counters=counters)
        return [one for one in batch if one.message.uid not in early]

    def _store_or_halve(self, batch: Sequence[Ready]) -> None:
        try:
            self._store_batch(batch)
        except FenceLost as lost:
            raise LostLease(self._job.account.pk) from lost
        except (LostLease, Stopped, OperationalError, InterfaceError, OSError, MemoryError):
            # Ours, not the letter's: nothing is acknowledged, the pass ends here.
            raise
        except Exception as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                self._store_or_halve(batch[:middle])
                self._store_or_halve(batch[middle:])
                return
            logger.exception("A letter could not be stored.", extra={"action": "park"})
            message = batch[0].message
            self._park(message.uid, reason="crashed", words=type(error).__name__, raw=message.raw)

    def _store_batch(self, batch: Sequence[Ready]) -> None:
        waiting = max(0, self.waiting - len(batch))
        store(
            Batch(
                account_id=self._job.account.pk,
                arrivals=tuple(self._arrival(one) for one in batch),
                at=timezone.now(),
                fence=self._job.lease.fence,
                progress=(Progress(self._folder.pk, counters={"waiting": waiting}),),
                announce=self._announce,
            )
        )
        self.waiting = waiting
        self._unpark([one.message.uid for one in batch])

    def _arrival(self, one: Ready) -> Arrival:
        folder, message = self._folder, one.message
        assert folder.folder_id is not None, "mail is stored into subscribed folders only"
        assert one.letter is not None
        assert one.kept is not None
        return Arrival(
            letter=one.letter,
            folder_id=folder.folder_id,
            kept=one.kept,
            size=one.kept.size,
            server_folder_id=folder.pk,
            uidvalidity=folder.uidvalidity,
            uid=message.uid,
            flags=message.flags,
            modseq=message.modseq,
            internal_at=message.internaldate,
            email_id=message.email_id or "",
        )

    def _unpark(self, uids: Sequence[int]) -> None:
        retried = Parked.objects.filter(
            server_folder=self._folder, uidvalidity=self._folder.uidvalidity or 0, uid__in=uids
        )
        found = list(retried.values_list("uid", flat=True))
        if found:
            self.waiting += len(found)
            parking.unpark(self._job.lease, self._folder, found)

    # --- what cannot be stored

    def _missing(self, uids: Sequence[int]) -> None:
        """Asked for and not given: removed meanwhile, or the server cannot read it."""
        if not uids:
            return
        there = {remote.uid for remote in self._job.session.fetch_flags(uids)[0]}
        for uid in uids:
            if uid in there:
                self._park(uid, reason="no_bytes")
        gone = [uid for uid in uids if uid not in there]
        if gone:
            self.waiting = max(0, self.waiting - len(gone))
            parking.left_the_server(self._job.lease, self._folder, gone, waiting=self.waiting)

    def _park(
        self, uid: int, *, reason: str, words: str = "", size: int | None = None, raw: bytes | None = None
    ) -> None:
        parked = parking.park(
            self._job.lease,
            self._folder,
            uid,
            reason=reason,
            words=words,
            size=size,
            raw=raw,
            at=timezone.now(),
        )
        if parked.attempts == 1:
            self.waiting = max(0, self.waiting - 1)


def _made_ready(readers: Sequence[Reader], batches: Iterable[Sequence[Fetched]]) -> Iterator[list[Ready]]:
    """Letters read and their bytes durable, batch by batch; runs ahead, in a thread of its own."""
    try:
        for batch, letters in read_in_turn(readers, batches, _raws):
            found = iter(zip(letters, keeping.make_durable(_raws(batch)), strict=True))
            yield [Ready(message, *(next(found) if message.raw else (None, None))) for message in batch]
    finally:
        close_connections()


def _raws(batch: Sequence[Fetched]) -> list[bytes]:
    return [message.raw for message in batch if message.raw]
