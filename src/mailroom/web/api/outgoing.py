"""``/outgoing/{id}``: what became of a letter that was handed over."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema

from mailroom.actions import sending
from mailroom.data.outbox.models import Outgoing
from mailroom.web import access

from .paging import Page, Paging
from .problems import REFUSALS
from .security import caller
from .written import Written

router = Router(tags=["outgoing"])


class RecipientOut(Schema):
    address: str
    state: str
    reply: str


class OutgoingOut(Schema):
    id: int
    account_id: int
    message_id: str
    subject: str
    state: str
    recipients: list[RecipientOut]
    sent_at: datetime | None
    filed_at: datetime | None
    next_at: datetime | None
    error_kind: str
    error_words: str
    again_of: int | None


class Resolve(Written):
    as_: Literal["sent", "again"] = Field(alias="as")


@router.get("/outgoing", response={200: Page[OutgoingOut], **REFUSALS})
def list_outgoing(request: HttpRequest, paging: Query[Paging], state: str | None = None) -> dict[str, object]:
    """Letters handed over from the caller's mailboxes, newest first."""
    rows = Outgoing.objects.filter(account_id__in=access.reach(request).listed_ids)
    if state is not None:
        rows = rows.filter(state=state)
    before = paging.before()
    found = list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[: paging.limit + 1])
    page = found[: paging.limit]
    return {
        "items": [_shown(one) for one in page],
        "next": str(page[-1].pk) if len(found) > paging.limit else None,
    }


@router.get("/outgoing/{outgoing_id}", response={200: OutgoingOut, **REFUSALS})
def outgoing(request: HttpRequest, outgoing_id: int) -> dict[str, object]:
    """State, and what each recipient's server said."""
    return _shown(_outgoing(request, outgoing_id))


@router.post("/outgoing/{outgoing_id}/cancel", response={200: OutgoingOut, **REFUSALS})
def cancel(request: HttpRequest, outgoing_id: int) -> dict[str, object]:
    """Take it back while it is held or queued."""
    return _shown(sending.cancel_outgoing(by=caller(request), outgoing=_outgoing(request, outgoing_id)))


@router.post("/outgoing/{outgoing_id}/retry", response={200: OutgoingOut, **REFUSALS})
def retry(request: HttpRequest, outgoing_id: int) -> dict[str, object]:
    """Try a queued one now; 409 otherwise."""
    return _shown(sending.retry_outgoing(by=caller(request), outgoing=_outgoing(request, outgoing_id)))


@router.post("/outgoing/{outgoing_id}/resolve", response={200: OutgoingOut, **REFUSALS})
def resolve(request: HttpRequest, outgoing_id: int, data: Resolve) -> dict[str, object]:
    """Say what became of an uncertain one; "again" makes a new letter with the same bytes."""
    found = _outgoing(request, outgoing_id)
    return _shown(sending.resolve_outgoing(by=caller(request), outgoing=found, as_=data.as_))


def _outgoing(request: HttpRequest, outgoing_id: int) -> Outgoing:
    mine = access.reach(request).listed_ids
    found = Outgoing.objects.filter(pk=outgoing_id, account_id__in=mine).first()
    if found is None:
        raise Http404
    return found


def _shown(found: Outgoing) -> dict[str, object]:
    plain = ("account_id", "subject", "state", "sent_at", "filed_at", "next_at", "error_kind", "error_words")
    return {
        "id": found.pk,
        "message_id": found.mid,
        "again_of": found.again_of_id,
        "recipients": [
            {"address": one.email, "state": one.state, "reply": one.reply}
            for one in found.recipients.order_by("pk")
        ],
        **{name: getattr(found, name) for name in plain},
    }
