"""Letters that could not be processed: kept with their bytes where there are any, shown, tried again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from mailroom.data.blobs import keeping
from mailroom.data.mail.models import News, Parked, ServerFolder

from . import uidset
from .health import clean
from .leases import Lease, insist
from .syncing import save_progress

_PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""Three tries soon, then one a day."""

TOO_BIG = "too_big"


def park(
    lease: Lease,
    folder: ServerFolder,
    uid: int,
    *,
    reason: str,
    words: str = "",
    size: int | None = None,
    raw: bytes | None = None,
    at: datetime,
) -> Parked:
    """Put one letter aside so that the rest goes on. Its bytes are durable before its row.

    ``reason``: too_big, no_bytes, unreadable, refused or crashed. What is too big waits for a person.
    """
    kept = keeping.make_durable([raw]) if raw is not None else []
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        folder.refresh_from_db()
        blob = next(iter(keeping.rows_of(kept).values()), None) if kept else None
        parked, created = Parked.objects.get_or_create(
            server_folder=folder,
            uidvalidity=folder.uidvalidity or 0,
            uid=uid,
            defaults={"account_id": lease.account_id, "reason": reason, "parked_at": at, "attempts": 0},
        )
        parked.reason, parked.words = reason, clean(words)
        parked.size = size if size is not None else len(raw) if raw is not None else parked.size
        parked.blob_id = blob if blob is not None else parked.blob_id
        parked.attempts += 1
        parked.next_at = None if reason == TOO_BIG else at + _pause(parked.attempts)
        parked.save()
        folder.known_uids = uidset.written(uidset.read(folder.known_uids) | {uid})
        if created:
            folder.waiting = max(0, folder.waiting - 1)
            about = {"parked": parked.pk}
            News.objects.create(account_id=lease.account_id, kind=News.Kind.STATE, about=about, at=at)
        save_progress(folder)
    return parked


def _pause(attempts: int) -> timedelta:
    return _PAUSES[attempts - 1] if attempts <= len(_PAUSES) else timedelta(days=1)


def due(folder: ServerFolder, at: datetime) -> list[Parked]:
    """Parked letters of a folder whose time to be tried again has come."""
    return list(
        Parked.objects.filter(server_folder=folder, uidvalidity=folder.uidvalidity or 0, next_at__lte=at)
        .select_related("blob")
        .order_by("uid")
    )


def with_due(account_id: int, at: datetime) -> set[int]:
    """Server folders of an account where parked letters are to be tried again."""
    due_now = Parked.objects.filter(account=account_id, next_at__lte=at)
    return set(due_now.values_list("server_folder_id", flat=True))


def unpark(lease: Lease, folder: ServerFolder, uids: Iterable[int]) -> None:
    """These letters found their way after all: they are stored, or not on the server any more."""
    gone = set(uids)
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        folder.refresh_from_db()
        Parked.objects.filter(
            server_folder=folder, uidvalidity=folder.uidvalidity or 0, uid__in=gone
        ).delete()
        folder.known_uids = uidset.written(uidset.read(folder.known_uids) - gone)
        save_progress(folder)


def left_the_server(lease: Lease, folder: ServerFolder, uids: Iterable[int], *, waiting: int) -> None:
    """Announced by the look, but not there any more when they were to be fetched."""
    gone = set(uids)
    with transaction.atomic():
        unpark(lease, folder, gone)
        folder.on_server = max(0, folder.on_server - len(gone))
        folder.waiting = waiting
        save_progress(folder)


def try_again(parked: Parked, at: datetime) -> None:
    """A person asks for another try, also of what is too big: at the next pass, which is wanted now."""
    Parked.objects.filter(pk=parked.pk).update(next_at=at)
    type(parked.account).objects.filter(pk=parked.account_id, active=True).update(wanted_at=at)
