"""One pass over a POP3 account: everything new brought in, newest first; then, if wanted, deletions.

DELE is sent after the letter is committed and evidence of the DELE is durable; what was not ended by QUIT
and +OK has deleted nothing, and the next listing tells.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.utils import timezone

from mailroom.actions import health, parking, popping
from mailroom.actions.leases import Lease
from mailroom.actions.ledger import ledger_of
from mailroom.core.sync.maildrop import (
    Deletes,
    Fetch,
    Listed,
    Look,
    Plan,
    Policy,
    Skip,
    TooBig,
    Wanted,
    keepable,
)
from mailroom.core.sync.pop3 import plan
from mailroom.data.mail.models import Account
from mailroom.wire.failures import Failure
from mailroom.wire.pop3 import Pop3Session

from .connecting import TIMEOUT, credentials, incoming, trust
from .intake import MOST_BYTES
from .pop3_intake import NOT_NOW, PopIntake, PopJob
from .sync import Result

logger = logging.getLogger(__name__)

_TELL_EVERY = 1.0


def open_maildrop(account: Account, *, timeout: float = TIMEOUT) -> Pop3Session:
    """A session signed in to the account's maildrop. Raises Failure, or Sealed."""
    return Pop3Session.open(incoming(account), trust(), credentials(account), timeout=timeout)


def pop_account(
    lease: Lease,
    *,
    stop: threading.Event | None = None,
    connect: Callable[[Account], Pop3Session] = open_maildrop,
) -> Result:
    """Bring an account in step with its maildrop. Raises Failure, Sealed, LostLease or Stopped."""
    account = Account.objects.select_related("secret").get(pk=lease.account_id)
    session = connect(account)
    try:
        drop = popping.maildrop_of(lease)
        job = PopJob(session, lease, account, drop, stop or threading.Event())
        return _Pass(job).run()
    finally:
        # After QUIT there is nothing left to close; before it, closing is what deletes nothing.
        session.close()


class _Pass:
    def __init__(self, job: PopJob) -> None:
        self._job = job
        self._intake = PopIntake(job, after_batch=self._tell)
        self._told_at = 0.0

    def run(self) -> Result:
        health.begin(self._job.lease, capabilities=sorted(self._job.session.capabilities))
        self._intake.keep_what_is_only_here()
        listing = [
            replace(one, uidl=keepable(one.uidl) if one.uidl else None) for one in self._job.session.listing()
        ]
        decided = self._bring_in(listing)
        self._tell(force=True)
        troubles = self._end(decided.doomed)
        ledger = ledger_of(self._job.account)
        in_step = ledger.in_step and not troubles
        return Result(ledger, in_step, bool(troubles), troubles, self._job.session.login_delay)

    # --- deciding

    def _bring_in(self, listing: Sequence[Listed]) -> Plan:
        """Plan and play until everything listed has an outcome; what is left are deletions."""
        before: Plan | None = None
        while True:
            self._job.check()
            at = timezone.now()
            known = popping.load(self._job.drop, at)
            decided = plan(known, listing, self._policy(), at=at, sights=self._job.sights)
            if decided == before:
                # Two equal plans in a row would be played for ever.
                raise RuntimeError("a plan of a maildrop does not come to its end")
            before = decided
            self._play(decided, len(listing))
            if decided.settled:
                return decided

    def _policy(self) -> Policy:
        return Policy(
            deletes=_DELETES.get(self._job.account.delete_policy, Deletes.NEVER),
            keep_days=self._job.account.keep_days,
            starts_at=self._job.starts_at,
            most_bytes=MOST_BYTES,
            can_top=self._intake.can_top,
        )

    def _play(self, decided: Plan, on_server: int) -> None:
        at = timezone.now()
        popping.apply(self._job.lease, self._job.drop, decided.steps, at, sights=self._job.sights)
        if decided.waiting is not None:
            skipped = sum(len(step.wanted) for step in decided.steps if isinstance(step, Skip))
            waiting = decided.waiting - skipped
            popping.note_listing(self._job.lease, self._job.drop, on_server=on_server, waiting=waiting, at=at)
        for step in decided.steps:
            match step:
                case Look():
                    self._intake.look(step.numbers)
                case TooBig():
                    for wanted in step.wanted:
                        self._intake.park(wanted, reason=parking.TOO_BIG)
                case Fetch():
                    self._intake.fetch(step.wanted)
                case _:
                    pass

    # --- the end

    def _end(self, doomed: Sequence[Wanted]) -> dict[str, str]:
        """Delete what may go, and end the session; returns what did not work out."""
        row_ids = [wanted.row_id for wanted in doomed if wanted.row_id is not None]
        if row_ids:
            popping.about_to_delete(self._job.lease, row_ids, timezone.now())
        marked = [wanted.row_id for wanted in doomed if self._mark(wanted)]
        if not self._job.session.quit():
            return {self._job.drop.name: "not_deleted"} if marked else {}
        if marked:
            gone = [row_id for row_id in marked if row_id is not None]
            popping.deleted(self._job.lease, self._job.drop, gone, timezone.now())
        return {}

    def _mark(self, wanted: Wanted) -> bool:
        self._job.check()
        try:
            self._job.session.delete(wanted.number)
        except Failure as refused:
            if self._job.session.closed or refused.kind in NOT_NOW:
                raise
            logger.warning("The server did not delete a letter: %s", refused, extra={"action": "delete"})
            return False
        return True

    # --- along the way

    def _tell(self, *, force: bool = False) -> None:
        """How far a first pass has come, about once a second."""
        if not self._job.first_sync or (not force and time.monotonic() - self._told_at < _TELL_EVERY):
            return
        self._told_at = time.monotonic()
        ledger = ledger_of(self._job.account)
        at = timezone.now()
        health.note_progress(self._job.lease, stored=ledger.stored, total=ledger.in_range, at=at)


_DELETES: dict[str, Deletes] = {
    Account.DeletePolicy.AFTER_DOWNLOAD: Deletes.STORED,
    Account.DeletePolicy.PURGE: Deletes.PURGED,
}
"""What a policy of the account means for a maildrop; there is no trash to move to (C2)."""
