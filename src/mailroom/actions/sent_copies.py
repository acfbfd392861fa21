"""Our own copy of a letter sent: stored at once, uploaded to the server's Sent folder, or adopted from there.

Exactly one copy in the end. A copy that cannot be filed never sends a letter again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from mailroom.core.letter import read_letter
from mailroom.core.sync.state import SEEN
from mailroom.data.blobs.keeping import Kept, content_of
from mailroom.data.mail.models import Account, Folder, Intent, Message, Placement, ServerFolder
from mailroom.data.outbox.models import Outgoing

from .durable import durable
from .health import clean
from .ingest import Arrival, Batch, store
from .leases import Lease, insist
from .reading import mark_answered

LOOK_FIRST = timedelta(seconds=5)
"""How long a server is given to file a copy by itself, where it is not known whether it does."""
DOUBT = timedelta(seconds=90)
"""After an APPEND without answer the server may still be storing: look only then."""


def keep_copy(outgoing: Outgoing, *, server_saves: bool | None, at: datetime) -> Message:
    """Store our copy of a letter that was sent, and ask for the server's, in one transaction.

    ``server_saves``: the submission server files a copy by itself; None = not known. Safe to repeat.
    """
    assert outgoing.sent_at is not None, "only what was sent has a copy"
    raw = content_of(outgoing.blob)
    letter = read_letter(raw)
    with transaction.atomic():
        outgoing = Outgoing.objects.select_for_update(no_key=True).get(pk=outgoing.pk)
        if outgoing.message_id is not None:
            return Message.objects.get(pk=outgoing.message_id)
        place = _server_folder(outgoing.account_id)
        arrival = Arrival(
            letter=letter,
            folder_id=_sent_folder(outgoing.account_id, place).pk,
            kept=Kept(bytes(outgoing.blob.digest), outgoing.blob.size, outgoing.blob.stored_size),
            size=len(raw),
            server_folder_id=place.pk if place else None,
            flags=frozenset({SEEN}),
            sent_by_id=outgoing.author_id,
            confidential=outgoing.confidential,
        )
        stored = store(Batch(outgoing.account_id, (arrival,), at, announce=False))
        outgoing.message_id = stored.message_ids[0]
        outgoing.save(update_fields=["message"])
        if not server_saves and outgoing.account.protocol == Account.Protocol.IMAP:
            _ask_to_file(outgoing, place, at if server_saves is False else at + LOOK_FIRST, at)
        if outgoing.answers_id is not None:
            mark_answered(outgoing.answers_id, by_id=outgoing.author_id)
    return Message.objects.get(pk=outgoing.message_id)


def _server_folder(account_id: int) -> ServerFolder | None:
    found = ServerFolder.objects.filter(account=account_id, role="sent", selectable=True, missing_since=None)
    return found.filter(folder__isnull=False).first()


def _sent_folder(account_id: int, place: ServerFolder | None) -> Folder:
    if place is not None and place.folder is not None:
        return place.folder
    return Folder.objects.get_or_create(
        account_id=account_id, role=Folder.Role.SENT, defaults={"name": "Sent", "name_key": "sent"}
    )[0]


def _ask_to_file(outgoing: Outgoing, place: ServerFolder | None, next_at: datetime, at: datetime) -> None:
    assert outgoing.message_id is not None
    Intent.objects.create(
        account_id=outgoing.account_id,
        kind=Intent.Kind.APPEND,
        message_id=outgoing.message_id,
        server_folder=place,
        next_at=next_at,
        by_id=outgoing.author_id,
        created_at=at,
    )


def without_copy() -> list[Outgoing]:
    """Sent, and our copy is not stored yet: the process was killed between the two."""
    found = Outgoing.objects.filter(state="sent", message=None, sent_at__isnull=False, filed_at=None)
    return list(found.select_related("account", "blob")[:20])


# ------------------------------------------------------------------ the server's copy


def waiting_copies(folder: ServerFolder, references: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Our own letters that wait in ``folder`` for the server's copy: reference to (message, placement)."""
    found = Outgoing.objects.filter(
        account=folder.account_id, reference__in=list(references), message__isnull=False
    ).values_list("reference", "message_id")
    by_message = {message_id: reference for reference, message_id in found if message_id is not None}
    waiting = Placement.objects.filter(
        message__in=list(by_message), server_folder=folder, uid=None, state=Placement.State.LIVE
    ).values_list("message_id", "pk")
    return {by_message[message_id]: (message_id, pk) for message_id, pk in waiting}


def note_filed(account_id: int, at: datetime) -> int:
    """After a look at Sent: letters whose copy was seen there are filed; returns how many.

    A copy that turned up before anything was uploaded was put there by the submission server itself.
    """
    seen = Placement.objects.filter(
        message=OuterRef("message"), server_folder__role="sent", uid__isnull=False, state=Placement.State.LIVE
    )
    filed = Outgoing.objects.filter(Exists(seen), account=account_id, filed_at=None, message__isnull=False)
    messages = list(filed.values_list("message_id", flat=True))
    if not messages:
        return 0
    with transaction.atomic():
        appends = live_appends(account_id).filter(message__in=messages)
        if appends.filter(phase=Intent.Phase.PENDING, attempts=0).exists():
            Account.objects.filter(pk=account_id, server_saves_sent=None).update(server_saves_sent=True)
        appends.update(phase=Intent.Phase.OBSERVED, ended_at=at)
        Outgoing.objects.filter(account=account_id, message__in=messages).update(filed_at=at)
    return len(messages)


# ------------------------------------------------------------------ uploading


def live_appends(account_id: int) -> QuerySet[Intent]:
    """Copies of this account that still have to reach the server."""
    return Intent.objects.filter(account=account_id, kind=Intent.Kind.APPEND, phase__in=Intent.LIVE)


def about_to_append(
    lease: Lease, intent: Intent, place: ServerFolder, *, uidvalidity: int, uidnext: int, at: datetime
) -> None:
    """Write down where the copy will appear, on the disk before the command leaves."""
    with durable():
        insist(lease.account_id, lease.fence)
        intent.phase, intent.server_folder = Intent.Phase.COPYING, place
        intent.evidence = {"uidvalidity": uidvalidity, "uidnext": uidnext}
        intent.attempts += 1
        intent.next_at = at + DOUBT
        intent.save(update_fields=["phase", "server_folder", "evidence", "attempts", "next_at"])
        # The placement learns its folder here if there was none when the letter was sent.
        Placement.objects.filter(message=intent.message_id, uid=None, server_folder=None).update(
            server_folder=place
        )


def append_answered(lease: Lease, intent: Intent, *, uid: int | None) -> None:
    """The server said OK: it is never uploaded again, whether or not the copy is recognised afterwards."""
    with durable():
        insist(lease.account_id, lease.fence)
        intent.evidence = {**intent.evidence, "ok": True, "uid": uid}
        intent.save(update_fields=["evidence"])


def append_refused(
    lease: Lease, intent: Intent, *, kind: str, words: str, permanent: bool, at: datetime
) -> None:
    """The server said no: later again, or never; the letter itself was sent all the same."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        intent.phase = Intent.Phase.FAILED if permanent else Intent.Phase.PENDING
        intent.error_kind, intent.error_words = kind[:32], clean(words)
        intent.next_at = at + timedelta(minutes=5 * 2 ** min(intent.attempts, 6))
        intent.ended_at = at if permanent else None
        intent.save(update_fields=["phase", "error_kind", "error_words", "next_at", "ended_at"])


def in_doubt_no_more(lease: Lease, intent: Intent, at: datetime) -> None:
    """The folder was read after the doubt and the copy is not there: it may be uploaded again."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        intent.phase, intent.next_at = Intent.Phase.PENDING, at
        intent.save(update_fields=["phase", "next_at"])


def believe(lease: Lease, intent: Intent, at: datetime) -> None:
    """The server took the copy; it is filed, even where it cannot be recognised in the folder."""
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        intent.phase, intent.ended_at = Intent.Phase.OBSERVED, at
        intent.save(update_fields=["phase", "ended_at"])
        Outgoing.objects.filter(message=intent.message_id, filed_at=None).update(filed_at=at)
