"""How a letter looks in REST: one shape for lists, threads and cards, filled by a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from ninja import Field, Schema

from mailroom.data.contacts.models import Claim
from mailroom.data.mail.models import Attachment, Message, Participant, Placement


class AddressOut(Schema):
    name: str
    address: str


class AttachmentOut(Schema):
    index: int
    filename: str
    content_type: str
    size: int
    inline: bool
    content_id: str


class LinkOut(Schema):
    """A card the letter lies on, and why."""

    kind: str
    id: int
    name: str
    reason: str
    field: str
    address: str


class MessageOut(Schema):
    id: int
    account_id: int
    folder_id: int | None
    thread_id: int
    message_id: str | None
    subject: str
    from_: list[AddressOut] = Field(alias="from")
    to: list[AddressOut]
    cc: list[AddressOut]
    date: datetime
    snippet: str
    seen: bool
    flagged: bool
    answered: bool
    attachments: list[AttachmentOut]
    size: int
    links: list[LinkOut]
    gone_at: datetime | None


def shown(messages: Sequence[Message], *, folder_id: int | None = None) -> list[dict[str, object]]:
    """Letters as REST shows them; with ``folder_id`` flags and folder are those of the placement there."""
    ids = [message.pk for message in messages]
    people, files = _participants(ids), _attachments(ids)
    places, links = _placements(ids, folder_id), links_of(ids)
    return [
        _shown(message, places.get(message.pk), people[message.pk], files[message.pk], links[message.pk])
        for message in messages
    ]


def links_of(message_ids: Sequence[int]) -> dict[int, list[dict[str, object]]]:
    """The cards each letter lies on, one entry for each reason."""
    participants = Participant.objects.filter(message__in=message_ids).select_related("address")
    by_address: dict[int, list[Participant]] = defaultdict(list)
    for participant in participants:
        by_address[participant.address_id].append(participant)
    spam = set(Message.objects.filter(pk__in=message_ids, spam=True).values_list("pk", flat=True))
    links: dict[int, list[dict[str, object]]] = defaultdict(list)
    for claim in (
        Claim.objects.filter(address__in=by_address).select_related("company", "person").order_by("pk")
    ):
        for participant in by_address[claim.address_id]:
            if participant.message_id not in spam:
                links[participant.message_id].append(_link(claim, participant))
    return links


def _link(claim: Claim, participant: Participant) -> dict[str, object]:
    card = claim.person or claim.company
    assert card is not None
    return {
        "kind": "person" if claim.person else "company",
        "id": card.pk,
        "name": card.name,
        "reason": claim.reason,
        "field": participant.field,
        "address": participant.address.email,
    }


def _shown(
    message: Message,
    place: Placement | None,
    people: dict[str, list[dict[str, str]]],
    files: list[Attachment],
    links: list[dict[str, object]],
) -> dict[str, object]:
    return {
        "id": message.pk,
        "account_id": message.account_id,
        "folder_id": place.folder_id if place else None,
        "thread_id": message.thread_id,
        "message_id": message.mid or None,
        "subject": message.subject,
        "from": people["from"],
        "to": people["to"],
        "cc": people["cc"],
        "date": message.sorted_at,
        "snippet": message.snippet,
        "seen": bool(place and place.seen),
        "flagged": bool(place and place.flagged),
        "answered": bool(place and place.answered),
        "attachments": files,
        "size": message.size,
        "links": links,
        "gone_at": message.gone_at,
    }


def _participants(ids: Sequence[int]) -> dict[int, dict[str, list[dict[str, str]]]]:
    found: dict[int, dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    rows = (
        Participant.objects.filter(message__in=ids).select_related("address").order_by("message", "position")
    )
    for row in rows:
        found[row.message_id][row.field].append({"name": row.name, "address": row.address.email})
    return found


def _attachments(ids: Sequence[int]) -> dict[int, list[Attachment]]:
    found: dict[int, list[Attachment]] = defaultdict(list)
    for row in Attachment.objects.filter(message__in=ids).order_by("message", "index"):
        found[row.message_id].append(row)
    return found


def _placements(ids: Sequence[int], folder_id: int | None) -> dict[int, Placement]:
    rows = Placement.objects.filter(message__in=ids, state=Placement.State.LIVE).order_by("-pk")
    if folder_id is not None:
        rows = rows.filter(folder=folder_id)
    return {row.message_id: row for row in rows}
