"""The engine: workers that claim what is due, the watch on inboxes, and the broom.

Threads meet in the tables only. Everything stops within three seconds; what was under way is found again.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import Error
from django.utils import timezone

from mailroom.actions import leases, sending
from mailroom.data.mail.models import Account, News

from . import deliver
from .keeping import close_connections
from .passes import pass_over
from .readers import READERS
from .watch import InboxWatch

logger = logging.getLogger(__name__)

WORKERS = 4
POSTS = 2
POLL = 0.3
"""Seconds between two looks at the tables by a worker that has nothing to do."""
SWEEP_EVERY = 15.0
NEWS_KEPT = timedelta(hours=1)
STOP_WITHIN = 3.0


def run(stop: threading.Event, *, workers: int | None = None) -> None:
    """Run the engine until ``stop`` is set; then everything ends within three seconds."""
    recover()
    count = workers or int(getattr(settings, "MAILROOM_WORKERS", WORKERS))
    threads = [_thread(f"worker-{number}", _keep_going, _work, stop) for number in range(count)]
    # Letters going out have threads of their own: no first sync ever holds them up.
    threads += [_thread(f"post-{number}", _keep_going, _post, stop) for number in range(POSTS)]
    threads += [_thread("watch", _watch, stop), _thread("broom", _sweep, stop)]
    for thread in threads:
        thread.start()
    stop.wait()
    ends_at = time.monotonic() + STOP_WITHIN
    for thread in threads:
        thread.join(max(0.0, ends_at - time.monotonic()))
    READERS.close()
    close_connections()


def _thread(name: str, run: Callable[..., None], *arguments: object) -> threading.Thread:
    return threading.Thread(target=run, args=arguments, name=name, daemon=True)


def recover() -> None:
    """What a crash left: letters without a living worker, copies not stored, leases of the dead."""
    at = timezone.now()
    sending.recover_outgoing(at, dead=[owner for owner in sending.owners_sending() if not _lives(owner)])
    deliver.keep_missing_copies()
    free_dead_leases()


def free_dead_leases() -> None:
    """Accounts that a killed process of this machine still holds are free at once."""
    owners = set(Account.objects.exclude(lease_owner="").values_list("lease_owner", flat=True))
    leases.take_from([owner for owner in owners if not _lives(owner)])


def owner_name(thread: str) -> str:
    """Who holds a claim: host, process and thread, never the same twice."""
    return f"{socket.gethostname()[:24]}/{os.getpid()}/{thread}/{secrets.token_hex(4)}"[:64]


def _lives(owner: str) -> bool:
    """False when the owner is known to be dead; of another machine nothing is known."""
    host, _, rest = owner.partition("/")
    pid = rest.partition("/")[0]
    if host != socket.gethostname()[:24] or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid()


# ------------------------------------------------------------------ threads


def _keep_going(turn: Callable[[str, threading.Event], bool], stop: threading.Event) -> None:
    """Do what is due, rest when nothing is; a fault costs a pause, never the thread."""
    owner = owner_name(threading.current_thread().name)
    try:
        while not stop.is_set():
            try:
                busy = turn(owner, stop)
            except Exception as error:  # noqa: BLE001 - a fault costs a pause, never the thread
                _log(error)
                busy = False
                stop.wait(1.0)
                close_connections()
            if not busy:
                stop.wait(POLL)
    finally:
        close_connections()


def _log(error: Exception) -> None:
    if isinstance(error, Error):
        logger.warning("The database did not answer: %s", error, extra={"action": "engine"})
    else:
        logger.error("A turn of the engine failed.", exc_info=error, extra={"action": "engine"})


def _work(owner: str, stop: threading.Event) -> bool:
    lease = leases.claim_due(owner, timezone.now())
    if lease is None:
        return False
    pass_over(lease, stop=stop, thorough=not _merely_wanted(lease))
    return True


def _merely_wanted(lease: leases.Lease) -> bool:
    """Somebody waits for news, and the time of the next thorough pass has not come."""
    account = Account.objects.filter(pk=lease.account_id, wanted_at__isnull=False)
    return account.filter(next_at__gt=lease.claimed_at).exists()


def _post(owner: str, stop: threading.Event) -> bool:
    return deliver.deliver_next(owner)


def _watch(stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            InboxWatch(stop).run()
        except Exception as error:  # noqa: BLE001 - see _keep_going
            _log(error)
            stop.wait(2.0)


def _sweep(stop: threading.Event) -> None:
    try:
        while not stop.wait(SWEEP_EVERY):
            try:
                sweep()
            except Exception as error:  # noqa: BLE001 - a fault costs a pause, never the thread
                _log(error)
                close_connections()
    finally:
        close_connections()


def sweep() -> None:
    """What is over is cleared away, what was left lying is picked up."""
    at = timezone.now()
    News.objects.filter(at__lt=at - NEWS_KEPT).delete()
    leases.forget_stale(at)
    sending.recover_outgoing(at)
    deliver.keep_missing_copies()
