"""``/drafts``: writing a letter and handing it over. By REST there is no time to take it back."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema, Status

from mailroom.actions import draft_files, drafts
from mailroom.data.outbox.models import Draft

from .letters import AddressOut
from .paging import Page, Paging
from .problems import REFUSALS
from .security import caller
from .written import Written

router = Router(tags=["drafts"])


class DraftIn(Written):
    """``to``, ``cc``, ``bcc`` as texts or {name, address}; ``in_reply_to`` an id here or a Message-ID."""

    account_id: int | None = None
    to: list[str | dict[str, str]] | None = None
    cc: list[str | dict[str, str]] | None = None
    bcc: list[str | dict[str, str]] | None = None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    in_reply_to: int | str | None = None
    attachments: list[dict[str, Any]] | None = None
    confidential: bool | None = None


class FileOut(Schema):
    id: int
    filename: str
    content_type: str
    size: int


class DraftOut(Schema):
    id: int
    account_id: int
    to: list[AddressOut]
    cc: list[AddressOut]
    bcc: list[AddressOut]
    subject: str
    html: str
    text: str
    in_reply_to: int | None
    attachments: list[FileOut]
    confidential: bool
    changed_at: datetime


class Queued(Schema):
    id: int


class SendIn(Written):
    idempotency_key: str | None = None
    """Sending twice with the same key sends once."""


@router.get("/drafts", response={200: Page[DraftOut], **REFUSALS})
def list_drafts(request: HttpRequest, paging: Query[Paging]) -> dict[str, object]:
    """The caller's own drafts, newest first."""
    rows = _mine(request)
    before = paging.before()
    found = list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[: paging.limit + 1])
    page = found[: paging.limit]
    return {
        "items": [_shown(one) for one in page],
        "next": str(page[-1].pk) if len(found) > paging.limit else None,
    }


@router.post("/drafts", response={201: DraftOut, **REFUSALS})
def create(request: HttpRequest, data: DraftIn) -> Status[dict[str, Any]]:
    """Begin a letter; half-written addresses are kept, judged is when it is sent."""
    return Status(201, _shown(_save(request, data, None)))


@router.get("/drafts/{draft_id}", response={200: DraftOut, **REFUSALS})
def draft(request: HttpRequest, draft_id: int) -> dict[str, Any]:
    """One draft of the caller."""
    return _shown(_draft(request, draft_id))


@router.patch("/drafts/{draft_id}", response={200: DraftOut, **REFUSALS})
def change(request: HttpRequest, draft_id: int, data: DraftIn) -> dict[str, Any]:
    """Change what is given; ``attachments`` replaces them all."""
    return _shown(_save(request, data, _draft(request, draft_id)))


@router.delete("/drafts/{draft_id}", response={204: None, **REFUSALS})
def discard(request: HttpRequest, draft_id: int) -> Status[None]:
    """Throw it away."""
    drafts.discard(draft=_draft(request, draft_id))
    return Status(204, None)


@router.post("/drafts/{draft_id}/send", response={202: Queued, **REFUSALS})
def send(request: HttpRequest, draft_id: int, data: SendIn | None = None) -> Status[dict[str, int]]:
    """Hand it over; the answer holds the id of the outgoing letter."""
    key = (data and data.idempotency_key) or f"draft-{draft_id}-{uuid.uuid4().hex[:12]}"
    outgoing = drafts.queue(draft=_draft(request, draft_id), by=caller(request), idempotency_key=key)
    return Status(202, {"id": outgoing.pk})


@transaction.atomic
def _save(request: HttpRequest, data: DraftIn, known: Draft | None) -> Draft:
    values = data.model_dump(exclude_unset=True)
    attachments = values.pop("attachments", None)
    saved = drafts.save_draft(by=caller(request), values=values, draft=known)
    if attachments is not None:
        draft_files.set_attachments(by=caller(request), draft=saved, attachments=attachments)
    return saved


def _mine(request: HttpRequest) -> Any:
    return Draft.objects.filter(author=caller(request))


def _draft(request: HttpRequest, draft_id: int) -> Draft:
    found: Draft | None = _mine(request).filter(pk=draft_id).first()
    if found is None:
        raise Http404
    return found


def _shown(found: Draft) -> dict[str, Any]:
    plain = ("account_id", "to", "cc", "bcc", "subject", "html", "text", "confidential", "changed_at")
    return {
        "id": found.pk,
        "in_reply_to": found.answers_id,
        "attachments": list(found.files.order_by("pk")),
        **{name: getattr(found, name) for name in plain},
    }
