"""What of a batch is here already: the same placement, a copy, or the server's copy of our own letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from mailroom.data.mail.models import Message, Placement

from .batch import Arrival


@dataclass(frozen=True, slots=True)
class Known:
    """Letters of the account that a batch may repeat."""

    placed: dict[tuple[int, int, int], int]
    """(server folder, uidvalidity, uid) to message id."""
    by_letter: dict[bytes, int]
    """Letter key to message id."""
    by_email_id: dict[str, int]
    unfiled: dict[tuple[int, int], int]
    """(message, server folder) to a placement that still waits for the server's copy."""

    def message_of(self, arrival: Arrival) -> int | None:
        """The message this is a copy of. Headers alone do not prove it: then only the server's own id."""
        if arrival.email_id and arrival.email_id in self.by_email_id:
            return self.by_email_id[arrival.email_id]
        return self.by_letter.get(arrival.letter.letter_key) if arrival.kept else None


def what_is_known(account_id: int, arrivals: Sequence[Arrival]) -> Known:
    """Look the batch up, in a few queries for all of it."""
    found = Message.objects.filter(
        Q(letter_key__in=[one.letter.letter_key for one in arrivals])
        | Q(email_id__in=[one.email_id for one in arrivals if one.email_id]),
        account_id=account_id,
    ).values_list("pk", "letter_key", "email_id", "body_state")
    by_letter: dict[bytes, int] = {}
    by_email_id: dict[str, int] = {}
    for pk, letter_key, email_id, body_state in found:
        if body_state == Message.BodyState.FULL:
            by_letter[bytes(letter_key)] = pk
        if email_id:
            by_email_id[email_id] = pk
    messages = [*by_letter.values(), *by_email_id.values()]
    return Known(_placed(arrivals), by_letter, by_email_id, _unfiled(messages))


def _placed(arrivals: Sequence[Arrival]) -> dict[tuple[int, int, int], int]:
    uids = [one.uid for one in arrivals if one.uid is not None]
    folders = {one.server_folder_id for one in arrivals if one.uid is not None}
    rows = Placement.objects.filter(server_folder__in=folders, uid__in=uids).values_list(
        "server_folder_id", "uidvalidity", "uid", "message_id"
    )
    return {(folder or 0, validity or 0, uid or 0): message for folder, validity, uid, message in rows}


def _unfiled(message_ids: Sequence[int]) -> dict[tuple[int, int], int]:
    rows = Placement.objects.filter(
        message__in=message_ids, uid=None, server_folder__isnull=False, state=Placement.State.LIVE
    ).values_list("message_id", "server_folder_id", "pk")
    return {(message, folder): pk for message, folder, pk in rows}
