"""A pass from the claim to the release: what it came to is on the account's row, whatever happened."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import OperationalError
from django.utils import timezone

from mailroom.actions import health, leases
from mailroom.actions.health import Trouble
from mailroom.actions.leases import Lease, LostLease
from mailroom.data.mail.models import Account
from mailroom.data.vault.sealing import Sealed
from mailroom.wire.failures import Failure
from mailroom.wire.mailbox import MailServer

from .connecting import open_mailbox, trouble_of
from .job import Stopped
from .keeping import renewing
from .pop3 import pop_account
from .sync import Result, sync_account

logger = logging.getLogger(__name__)

_OURS_AGAIN = timedelta(seconds=30)


def pass_over(
    lease: Lease,
    *,
    stop: threading.Event | None = None,
    thorough: bool = True,
    connect: Callable[[Account], MailServer] = open_mailbox,
) -> Result | None:
    """Bring a claimed account in step and give it back; None when the pass did not come to its end."""
    result: Result | None = None
    next_at: datetime | None = timezone.now()
    try:
        with renewing(lambda: leases.renew(lease, timezone.now())):
            result = _pass(lease, stop, thorough=thorough, connect=connect)
        pause = health.finish(lease, in_step=result.in_step, soon=result.soon, at=timezone.now())
        pause = max(pause, result.at_least)
        next_at = _next(lease, timezone.now() + pause, thorough=thorough)
    except Stopped:
        next_at = timezone.now()
    except LostLease:
        logger.warning("A lease was lost; nothing was written after that.", extra={"action": "pass"})
        return None
    except (Failure, Sealed) as error:
        next_at = _failed(lease, trouble_of(error))
    except (OperationalError, OSError) as error:
        logger.warning("A pass ended early: %s", error, extra={"action": "pass"})
        next_at = timezone.now() + _OURS_AGAIN
    except Exception as error:
        # Our bug must not stop the other accounts, nor spin.
        logger.exception("A pass ended by a fault of ours.", extra={"action": "pass"})
        next_at = _failed(lease, Trouble("our_bug", type(error).__name__))
    leases.release(lease, next_at=next_at)
    return result


def _pass(
    lease: Lease,
    stop: threading.Event | None,
    *,
    thorough: bool,
    connect: Callable[[Account], MailServer],
) -> Result:
    """The pass of the account's protocol; with POP3 each is a thorough one."""
    if Account.objects.filter(pk=lease.account_id, protocol=Account.Protocol.POP3).exists():
        return pop_account(lease, stop=stop)
    return sync_account(lease, stop=stop, thorough=thorough, connect=connect)


def _next(lease: Lease, at: datetime, *, thorough: bool) -> datetime:
    """A pass for somebody who waits does not put the thorough one off: a busy inbox would do so for ever."""
    planned = Account.objects.values_list("next_at", flat=True).get(pk=lease.account_id)
    return at if thorough or planned is None else min(at, planned)


def _failed(lease: Lease, trouble: Trouble) -> datetime | None:
    jitter = random.random()  # noqa: S311 - spreads retries, keeps no secret
    try:
        return health.fail(lease, trouble, at=timezone.now(), jitter=jitter)
    except LostLease:
        return None
