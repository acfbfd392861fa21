"""By what a letter is recognised under another number: read from the rows, judged by the core."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from mailroom.core.sync.identity import Candidate, Identity
from mailroom.data.mail.models import Message, Placement, ServerFolder

_CHUNK = 500


def identities(placement_ids: Iterable[int]) -> dict[int, Identity]:
    """By which other sights of these letters can be recognised, by placement."""
    found: dict[int, Identity] = {}
    ids = list(placement_ids)
    for start in range(0, len(ids), _CHUNK):
        chunk = Placement.objects.filter(pk__in=ids[start : start + _CHUNK])
        for pk, *facts in chunk.values_list("pk", *(f"message__{name}" for name in _IDENTITY)):
            found[pk] = _identity(*facts)
    return found


_IDENTITY = ("email_id", "blob__digest", "mid", "size", "internal_at", "header_digest")


def _identity(
    email_id: str, digest: bytes | None, mid: str, size: int, internal_at: datetime | None, headers: bytes
) -> Identity:
    return Identity(
        email_id=email_id or None,
        raw_sha256=bytes(digest).hex() if digest else None,
        message_id=mid or None,
        size=size,
        internaldate=internal_at,
        header_digest=bytes(headers).hex() or None,
    )


def candidates(folder: ServerFolder, *, mids: Iterable[str], email_ids: Iterable[str]) -> list[Candidate]:
    """Letters of the account that new UIDs of ``folder`` could be, homeless placements and settled letters.

    Homeless: unlinked anywhere, or ours without a UID yet in this folder (a sent copy to be adopted).
    """
    found: list[Candidate] = []
    by_mid, by_email_id = sorted({mid for mid in mids if mid}), sorted({one for one in email_ids if one})
    for start in range(0, max(len(by_mid), len(by_email_id)), _CHUNK):
        either = Q(mid__in=by_mid[start : start + _CHUNK])
        if by_email_id[start : start + _CHUNK]:
            either |= Q(email_id__in=by_email_id[start : start + _CHUNK])
        found += _candidates_among(folder, Message.objects.filter(either, account=folder.account_id))
    return found


def _candidates_among(folder: ServerFolder, messages: QuerySet[Message]) -> list[Candidate]:
    identity = {pk: _identity(*facts) for pk, *facts in messages.values_list("pk", *_IDENTITY)}
    found, settled = [], set()
    placed = Placement.objects.filter(message__in=list(identity)).values_list(
        "pk", "message_id", "server_folder_id", "uid", "state"
    )
    for pk, message_id, server_folder_id, uid, state in placed:
        ours_here = uid is None and server_folder_id == folder.pk
        if state != Placement.State.LIVE or ours_here:
            found.append(Candidate(message_id, identity[message_id], pk, uid or 0))
        elif uid is not None:
            settled.add(message_id)
    return found + [Candidate(message_id, identity[message_id]) for message_id in sorted(settled)]
