"""Letters on their way out: claimed, recorded step by step, filed once; what is in doubt is never sent again.

``sent_at`` and ``filed_at`` are two facts: a copy that cannot be filed never sends a letter again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef

from mailroom.data.mail.models import Account, Intent, Placement, ServerFolder
from mailroom.data.outbox.models import Outgoing

# ------------------------------------------------------------------ the copy in Sent


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
    filed = list(
        Outgoing.objects.filter(Exists(seen), account=account_id, filed_at=None, message__isnull=False)
    )
    if not filed:
        return 0
    messages = [outgoing.message_id for outgoing in filed]
    appends = Intent.objects.filter(
        account=account_id, kind=Intent.Kind.APPEND, message__in=messages, phase__in=Intent.LIVE
    )
    if appends.filter(phase=Intent.Phase.PENDING, attempts=0).exists():
        Account.objects.filter(pk=account_id, server_saves_sent=None).update(server_saves_sent=True)
    appends.update(phase=Intent.Phase.OBSERVED, ended_at=at)
    Outgoing.objects.filter(pk__in=[outgoing.pk for outgoing in filed]).update(filed_at=at)
    return len(filed)
