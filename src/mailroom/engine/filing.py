"""Copies of sent letters, uploaded to the server's Sent folder: evidence first, then APPEND, then a look.

APPEND cannot be repeated blindly: after a doubt the folder is read before anything is uploaded again.
"""

from __future__ import annotations

import logging

from django.utils import timezone

from mailroom.actions import folders, sent_copies
from mailroom.core.sync.state import SEEN
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Intent, ServerFolder
from mailroom.data.outbox.models import Outgoing
from mailroom.wire.failures import Failure, Kind

from .job import Job

logger = logging.getLogger(__name__)

NEW_NAME = b"Sent"
"""Made where a server has no folder for sent mail at all."""

_NO_ANSWER = frozenset({Kind.CONNECTION_LOST, Kind.TIMEOUT, Kind.PROTOCOL})


def file_copies(job: Job) -> ServerFolder | None:
    """Upload what is due; returns the folder to be looked at again, None when nothing was uploaded.

    Called after the folders have been looked at: a copy that the server filed by itself is known by now.
    """
    due = sent_copies.live_appends(job.account.pk).filter(next_at__lte=timezone.now()).order_by("pk")
    intents = list(due.select_related("message__blob"))
    if not intents:
        return None
    sent = _sent_folder(job)
    if sent is None:
        return None
    uploaded = [intent for intent in intents if _file(job, intent, sent)]
    return sent if uploaded and sent.subscribed else None


def settle_unrecognised(job: Job) -> None:
    """After that look: what the server took is filed, even if its copy looks like ours no more."""
    for intent in sent_copies.live_appends(job.account.pk).filter(phase=Intent.Phase.COPYING):
        if intent.evidence.get("ok"):
            sent_copies.believe(job.lease, intent, timezone.now())


def _sent_folder(job: Job) -> ServerFolder | None:
    found = _known(job)
    if found is None:
        job.session.create_folder(NEW_NAME)
        folders.apply_listing(job.lease, job.session.list_folders(with_status=False), timezone.now())
        found = _known(job)
    return found


def _known(job: Job) -> ServerFolder | None:
    return ServerFolder.objects.filter(
        account=job.account, role="sent", selectable=True, missing_since=None
    ).first()


def _file(job: Job, intent: Intent, sent: ServerFolder) -> bool:
    """Upload one copy; True when the folder has to be looked at."""
    job.check()
    if intent.evidence.get("ok"):
        return True
    if intent.phase == Intent.Phase.COPYING:
        # Uploaded perhaps, and no answer came. This pass has read the folder since: it is not there.
        sent_copies.in_doubt_no_more(job.lease, intent, timezone.now())
    raw = content_of(intent.message.blob) if intent.message.blob else b""
    status = job.session.status(bytes(sent.raw_name))
    sent_copies.about_to_append(
        job.lease,
        intent,
        sent,
        uidvalidity=status.uidvalidity or 0,
        uidnext=status.uidnext or 0,
        at=timezone.now(),
    )
    sent_at = Outgoing.objects.filter(message=intent.message_id).values_list("sent_at", flat=True).first()
    try:
        uid = job.session.append(bytes(sent.raw_name), raw, flags=[SEEN], internaldate=sent_at)
    except Failure as refused:
        if refused.kind in _NO_ANSWER:
            raise
        sent_copies.append_refused(
            job.lease,
            intent,
            kind=str(refused.kind),
            words=refused.words,
            permanent=refused.permanent,
            at=timezone.now(),
        )
        return False
    sent_copies.append_answered(job.lease, intent, uid=uid)
    return True
