"""``/threads/{id}``: a conversation, as far as the caller may see it."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema

from mailroom.web import access

from .letters import MessageOut, shown
from .problems import REFUSALS

router = Router(tags=["threads"])


class ThreadOut(Schema):
    id: int
    messages: list[MessageOut]


@router.get("/threads/{thread_id}", response={200: ThreadOut, **REFUSALS}, by_alias=True)
def thread(request: HttpRequest, thread_id: int) -> dict[str, object]:
    """The letters of a thread, oldest first, copies collapsed."""
    return {"id": thread_id, "messages": shown(access.thread(request, thread_id))}
