"""UIDVALIDITY changed: every letter is recognised under its new number, nothing is fetched twice."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from mailroom.actions import recognising, syncing
from mailroom.actions.placing import Sight
from mailroom.core.letter import read_header
from mailroom.core.sync.identity import Arrival, Identity
from mailroom.core.sync.plan import Policy
from mailroom.core.sync.rekey import rekey
from mailroom.core.sync.state import Fetched, LocalFolder, Selected
from mailroom.core.sync.steps import Fetch, Rekey
from mailroom.data.mail.models import ServerFolder

from .job import Job
from .window import in_window


def renumber(job: Job, folder: ServerFolder, local: LocalFolder, selected: Selected, step: Rekey) -> str:
    """Match the old numbering with the new one, in one transaction; returns what is wrong, or nothing.

    What is unknown under its new number is left to the next look, which finds it as new mail.
    """
    if not step.stable:
        return "no_stable_uids"
    arrivals = [arrival_of(message) for message in job.session.fetch_headers(job.session.search())]
    if len(arrivals) < selected.exists:
        return "torn"
    known = recognising.identities(item.placement_id for item in local.placements.values())
    policy = Policy(
        in_window=in_window(job, [arrival.uid for arrival in arrivals]),
        witnessed=job.witnesses.testimony(folder.pk, timezone.now()),
    )
    decided = rekey(local, selected, arrivals, known, policy)
    at = timezone.now()
    if decided.hold is not None:
        job.witnesses.remember(folder.pk, frozenset(decided.hold.uids), at)
        syncing.apply(job.lease, folder, decided.steps, at)
        return "held"
    job.witnesses.forget(folder.pk)
    sights = {arrival.uid: Sight(arrival.flags) for arrival in arrivals}
    steps = [one for one in decided.steps if not isinstance(one, Fetch)]
    with transaction.atomic():
        syncing.void_numbers(folder)
        syncing.apply(
            job.lease, folder, steps, at, local=local, sights=sights, uidvalidity=selected.uidvalidity
        )
    return ""


def arrival_of(message: Fetched) -> Arrival:
    """A UID with what its headers say."""
    letter = read_header(message.header or b"")
    identity = Identity(
        email_id=message.email_id,
        message_id=letter.message_id,
        size=message.size,
        internaldate=message.internaldate,
        header_digest=letter.header_digest.hex(),
    )
    return Arrival(message.uid, identity, message.flags)
