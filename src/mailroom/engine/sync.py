"""One pass over one account: folders listed, each looked at, new letters brought in, newest first.

The inbox comes first and is usable at once; large backlogs wait until every folder has been looked at, and
step aside whenever somebody wants something.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from mailroom.actions import folders, health, leases, parking, placing, sent_copies, syncing
from mailroom.actions.leases import Lease
from mailroom.actions.ledger import Ledger, ledger_of
from mailroom.core.sync.state import ListedFolder
from mailroom.data.mail.models import Account, Intent, ServerFolder
from mailroom.wire.failures import Failure, GiveUp, Kind
from mailroom.wire.mailbox import MailServer

from . import filing, looking, moving
from .connecting import open_mailbox
from .intake import Intake
from .job import Job, firm_zone
from .looking import Visit
from .newcomers import recognise

logger = logging.getLogger(__name__)

HEAD = 50
"""Letters brought at once from each folder before any backlog: the first page of the list."""
SOON = 200
"""So many are no backlog."""
STEP_ASIDE = 1.5
"""Seconds of backlog after which wishes are looked for."""

_FOLDER_ONLY = frozenset({Kind.NO_PERMISSION, Kind.SERVER_ERROR, Kind.UNAVAILABLE})


@dataclass(slots=True)
class Result:
    """What a pass came to."""

    ledger: Ledger
    in_step: bool
    soon: bool = False
    """Something is to be looked at again in a minute."""
    troubles: dict[str, str] = field(default_factory=dict)
    """Folder name to what keeps it out of step."""
    at_least: timedelta = timedelta(0)
    """The server wants so much time between two sessions."""


def sync_account(
    lease: Lease,
    *,
    stop: threading.Event | None = None,
    thorough: bool = True,
    connect: Callable[[Account], MailServer] = open_mailbox,
) -> Result:
    """Bring an account in step with its server. Raises Failure, Sealed, LostLease or Stopped.

    ``thorough`` False: somebody waits for news, so folders that cannot tell changes by STATUS are passed
    over, except the inbox.
    """
    account = Account.objects.select_related("secret").get(pk=lease.account_id)
    session = connect(account)
    try:
        job = Job(session, lease, account, firm_zone(), stop or threading.Event())
        return _Pass(job, thorough=thorough).run()
    finally:
        session.close() if stop is not None and stop.is_set() else session.logout()


class _Pass:
    def __init__(self, job: Job, *, thorough: bool) -> None:
        self._job = job
        self._thorough = thorough
        self._began_at = timezone.now()
        self._troubles: dict[str, str] = {}
        self._broken: dict[str, str] = {}
        self._backlog: list[Visit] = []
        self._looked_at = time.monotonic()
        self._restless: set[int] = set()
        """Folders with something of ours to be done, whatever the server says."""
        self._seen: set[int] = set()
        """Folders that this pass has read."""
        self._progress = _ProgressNote(job)

    def run(self) -> Result:
        job = self._job
        health.begin(job.lease, capabilities=sorted(job.session.abilities.capabilities))
        listed = job.session.list_folders(with_status=True)
        subscribed = folders.apply_listing(job.lease, listed, timezone.now())
        told = {folder.raw_name: folder for folder in listed}
        self._restless = syncing.with_intents(job.account.pk) | parking.with_due(
            job.account.pk, self._began_at
        )
        moved = moving.play(job)
        self._restless |= moved.folders
        if moved.tree:
            subscribed = folders.apply_listing(
                job.lease, listed := job.session.list_folders(), timezone.now()
            )
            told = {folder.raw_name: folder for folder in listed}
        for folder in subscribed:
            job.check()
            if self._needs_look(folder, told.get(bytes(folder.raw_name))):
                self._visit(folder)
        self._work_off()
        self._file()
        return self._end()

    # --- which folders

    def _needs_look(self, folder: ServerFolder, told: ListedFolder | None) -> bool:
        """False when STATUS already proves that nothing has changed on either side."""
        if told is None or (folder.role == "inbox" and not told.highestmodseq):
            return True
        same = (told.uidvalidity, told.uidnext, told.messages) == (
            folder.uidvalidity,
            folder.uidnext,
            folder.on_server,
        )
        if not same or folder.waiting or folder.held_reason or folder.error_kind:
            return True
        if folder.judged_by_date != self._job.start_date or folder.pk in self._restless:
            return True
        # Empty before and now, and no number given out in between: nothing happened there.
        if not told.messages and folder.scanned_at is not None:
            return False
        if told.highestmodseq and folder.highestmodseq:
            return told.highestmodseq != folder.highestmodseq or self._scan_due(folder)
        return self._thorough

    def _scan_due(self, folder: ServerFolder) -> bool:
        return folder.scanned_at is None or self._began_at - folder.scanned_at >= looking.SCAN_EVERY

    # --- one folder

    def _visit(self, folder: ServerFolder) -> None:
        """Look at a folder and bring the newest letters; a backlog is left for later."""
        self._seen.add(folder.pk)
        try:
            visit = looking.look(self._job, folder)
            if visit.pushed and not visit.trouble:
                visit = looking.look(self._job, folder)
            self._bring(visit)
        except Failure as error:
            if error.kind not in _FOLDER_ONLY and not isinstance(error, GiveUp):
                raise
            self._broken[folder.name] = str(error.kind)
            looking.folder_failed(self._job, folder, error)

    def _bring(self, visit: Visit) -> None:
        if visit.trouble:
            self._troubles[visit.folder.name] = visit.trouble
        else:
            self._troubles.pop(visit.folder.name, None)
        sizes = recognise(self._job, visit)
        many = len(visit.todo) > SOON
        part = visit.todo[:HEAD] if many else visit.todo
        if part:
            self._take(visit, part, sizes)
        visit.todo = visit.todo[len(part) :]
        if visit.todo:
            self._backlog.append(visit)
        else:
            self._finish(visit)

    def _take(
        self,
        visit: Visit,
        uids: list[int],
        sizes: dict[int, int] | None = None,
        until: Callable[[], bool] | None = None,
    ) -> list[int]:
        visit.folder.refresh_from_db()
        announce = not self._job.first_sync
        intake = Intake(self._job, visit.folder, announce=announce, after_batch=self._progress.more)
        return intake.take(uids, sizes or None, until=until)

    def _finish(self, visit: Visit) -> None:
        looking.finish(self._job, visit)
        if visit.folder.role == "sent":
            sent_copies.note_filed(self._job.account.pk, timezone.now())

    # --- the backlog

    def _work_off(self) -> None:
        """Bring what is left, folder by folder, letting others go first now and then."""
        self._progress.start()
        while self._backlog:
            visit = self._backlog.pop(0)
            if not self._select_again(visit):
                continue
            self._work_on(visit)
        self._progress.end()

    def _work_on(self, visit: Visit) -> None:
        while True:
            visit.todo = self._take(visit, visit.todo, until=self._somebody_waits)
            if not visit.todo:
                return self._finish(visit)
            self._step_aside()
            if not self._select_again(visit):
                return None

    def _somebody_waits(self) -> bool:
        """Looked for now and then only: the question costs two queries."""
        if time.monotonic() - self._looked_at < STEP_ASIDE:
            return False
        self._looked_at = time.monotonic()
        return leases.wanted_since(self._job.lease) or self._wishes().exists()

    def _wishes(self) -> QuerySet[Intent]:
        return Intent.objects.filter(
            account=self._job.account,
            kind__in=[Intent.Kind.FLAGS, Intent.Kind.MOVE, Intent.Kind.DELETE],
            phase=Intent.Phase.PENDING,
            attempts=0,
            next_at__lte=timezone.now(),
        )

    def _select_again(self, visit: Visit) -> bool:
        """Another folder was selected meanwhile; renumbered in between, it is left to the next pass."""
        selected = self._job.session.select(bytes(visit.folder.raw_name))
        if selected.uidvalidity != visit.selected.uidvalidity:
            self._troubles[visit.folder.name] = "torn"
            return False
        return True

    def _step_aside(self) -> None:
        """Somebody wants the account, or changed something: look at those folders first."""
        job, at = self._job, timezone.now()
        wanted = set(self._wishes().values_list("placement__server_folder", flat=True))
        wanted |= moving.play(job).folders
        found = list(ServerFolder.objects.filter(account=job.account, subscribed=True, pk__in=wanted))
        if leases.wanted_since(job.lease):
            found += ServerFolder.objects.filter(account=job.account, role="inbox", subscribed=True)
            leases.fulfil(job.lease, at)
        for folder in {folder.pk: folder for folder in found}.values():
            self._glance(folder)

    def _glance(self, folder: ServerFolder) -> None:
        """What is new and small only: a backlog of its own stays where it is."""
        visit = looking.look(self._job, folder)
        if len(visit.todo) <= SOON:
            self._bring(visit)
        elif visit.todo:
            self._take(visit, visit.todo[:HEAD])

    # --- the end

    def _file(self) -> None:
        """Copies of sent letters go to the server's Sent folder."""
        sent = filing.file_copies(self._job)
        if sent is not None:
            self._visit(sent)
        filing.settle_unrecognised(self._job)

    def _end(self) -> Result:
        job, at = self._job, timezone.now()
        moving.settle(job, self._seen)
        if self._thorough and not self._troubles and not self._broken:
            placing.retire_gone(job.lease, cycle_began_at=self._began_at, at=at)
        syncing.postpone(job.lease, began_at=self._began_at, at=at)
        ledger = ledger_of(job.account)
        # A folder that the server does not open is told on its row, and keeps nothing else from being live.
        return Result(
            ledger, ledger.in_step and not self._troubles, bool(self._troubles), self._troubles | self._broken
        )


class _ProgressNote:
    """Tells how far a first sync has come, about once a second."""

    EVERY = 1.0

    def __init__(self, job: Job) -> None:
        self._job = job
        self._told_at = 0.0

    def start(self) -> None:
        if self._job.first_sync:
            self._tell()

    def more(self, stored: int) -> None:
        if self._job.first_sync and time.monotonic() - self._told_at >= self.EVERY:
            self._tell()

    def end(self) -> None:
        if self._job.first_sync:
            self._tell()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        ledger = ledger_of(self._job.account)
        health.note_progress(self._job.lease, stored=ledger.stored, total=ledger.in_range, at=timezone.now())
