"""What every step of a pass needs to know: the session, the lease, the account and its windows."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from mailroom.actions.leases import Lease
from mailroom.data.mail.models import Account
from mailroom.data.people.models import Firm
from mailroom.wire.mailbox import MailServer

from .witnesses import WITNESSES, Witnesses


class Stopped(Exception):
    """The engine is going down: what is stored is stored, the rest comes next time."""


@dataclass(frozen=True, slots=True)
class Job:
    """One pass over one account."""

    session: MailServer
    lease: Lease
    account: Account
    zone: ZoneInfo
    """The firm's: the start date is a day there."""
    stop: threading.Event = field(default_factory=threading.Event)
    witnesses: Witnesses = WITNESSES

    @property
    def start_date(self) -> date | None:
        return self.account.start_date

    @property
    def start_at(self) -> datetime | None:
        """The first instant of the start date."""
        day = self.account.start_date
        return datetime(day.year, day.month, day.day, tzinfo=self.zone) if day else None

    @property
    def frozen_before(self) -> datetime | None:
        """Flags of older letters are not kept in step (S1-18)."""
        days = self.account.flag_days
        return timezone.now() - timedelta(days=days) if days else None

    @property
    def first_sync(self) -> bool:
        """Nothing is announced as new mail before a pass has come to its end once."""
        return self.account.last_in_step_at is None and self.account.state != Account.State.LIVE

    def check(self) -> None:
        """Raise :class:`Stopped` once the engine is going down."""
        if self.stop.is_set():
            raise Stopped


def firm_zone() -> ZoneInfo:
    """The firm's time zone; UTC before the firm is set up."""
    name = Firm.objects.values_list("timezone", flat=True).first()
    return ZoneInfo(name or "UTC")
