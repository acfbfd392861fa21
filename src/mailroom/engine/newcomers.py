"""New UIDs of letters known already: moved here, copied, or the server's copy of a letter sent.

Recognised by their headers, before a body is fetched; what is not recognised is fetched as new mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from django.db.models import Q
from django.utils import timezone

from mailroom.actions import recognising, sending, sent_copies, syncing
from mailroom.actions.placing import Sight
from mailroom.core.sync.identity import Arrival, adopt
from mailroom.core.sync.state import Fetched
from mailroom.core.sync.steps import Relink
from mailroom.data.mail.models import Message, Placement

from .deliver import keep_copy
from .job import Job
from .looking import Visit
from .renumbering import arrival_of

FEW = 500
"""Above this, with nobody missing, no headers are asked for: equal letters are recognised when stored."""

_REFERENCE = re.compile(
    rb"^X-Mailroom-Ref:[ \t]*([0-9A-Za-z-]{8,36})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)


def recognise(job: Job, visit: Visit) -> dict[int, int]:
    """Link what is known; ``visit.todo`` keeps the rest. Returns the sizes that were learned on the way."""
    if not visit.todo or not _worth_asking(job, len(visit.todo)):
        return {}
    sizes: dict[int, int] = {}
    uids = list(visit.todo)
    for start in range(0, len(uids), FEW):
        job.check()
        chunk = list(job.session.fetch_headers(uids[start : start + FEW]))
        sizes |= {one.uid: one.size for one in chunk if one.size is not None}
        relinks = _relinks(visit, chunk)
        if relinks:
            _write(job, visit, relinks, chunk)
    return sizes


def _worth_asking(job: Job, count: int) -> bool:
    if not Message.objects.filter(account=job.account).exists():
        return False
    # Vanished, or moved by us and waiting for its new number.
    homeless = ~Q(state=Placement.State.LIVE) | Q(uid=None, server_folder__isnull=False)
    return count <= FEW or Placement.objects.filter(homeless, account=job.account).exists()


def _relinks(visit: Visit, chunk: Sequence[Fetched]) -> list[Relink]:
    own = _own_copies(visit, chunk)
    taken = {relink.uid for relink in own}
    arrivals = [arrival_of(message) for message in chunk if message.uid not in taken]
    return own + list(_adopted(visit, arrivals))


def _own_copies(visit: Visit, chunk: Sequence[Fetched]) -> list[Relink]:
    """Letters sent from here, by the reference in their header: servers rewrite Message-IDs."""
    references: dict[int, str] = {}
    for message in chunk:
        found = _REFERENCE.search(message.header or b"")
        if found:
            references[message.uid] = found[1].decode("ascii")
    if not references:
        return []
    _believe_what_was_seen(visit, references.values())
    waiting = sent_copies.waiting_copies(visit.folder, references.values())
    relinks = []
    for uid, reference in sorted(references.items()):
        # Each waiting placement is given to one UID; a second copy is recognised like any other letter.
        message_id, placement_id = waiting.pop(reference, (None, None))
        if message_id is not None:
            relinks.append(Relink(uid, message_id, placement_id))
    return relinks


def _believe_what_was_seen(visit: Visit, references: Iterable[str]) -> None:
    """A letter in doubt lies in the server's Sent folder: the submission server took it and filed it."""
    if visit.folder.role != "sent":
        return
    for outgoing in sending.seen_in_sent(visit.folder.account_id, references, timezone.now()):
        keep_copy(outgoing)


def _adopted(visit: Visit, arrivals: Sequence[Arrival]) -> Iterable[Relink]:
    candidates = recognising.candidates(
        visit.folder,
        mids=[arrival.identity.message_id or "" for arrival in arrivals],
        email_ids=[arrival.identity.email_id or "" for arrival in arrivals],
    )
    return adopt(arrivals, candidates).relinks if candidates else ()


def _write(job: Job, visit: Visit, relinks: Sequence[Relink], chunk: Sequence[Fetched]) -> None:
    linked = {relink.uid for relink in relinks}
    sights = {message.uid: Sight(message.flags, message.modseq) for message in chunk if message.uid in linked}
    visit.folder.refresh_from_db()
    counters = {"waiting": max(0, visit.folder.waiting - len(linked))}
    syncing.apply(job.lease, visit.folder, relinks, timezone.now(), sights=sights, counters=counters)
    visit.todo = [uid for uid in visit.todo if uid not in linked]
