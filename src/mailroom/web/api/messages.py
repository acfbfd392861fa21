"""``/messages``: reading letters and setting marks. GET changes nothing, not even *seen*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema, Status

from mailroom.actions import moving, purging, reading
from mailroom.actions.consequences import Consequence
from mailroom.actions.refusals import invalid, not_allowed
from mailroom.core.headers import decode_words
from mailroom.core.html import safe_html
from mailroom.core.letter import Attachment as LetterAttachment
from mailroom.core.letter import Letter, attachment_bytes, read_letter
from mailroom.core.mime import read_message
from mailroom.core.search import parse_query
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail import lists, rights, search
from mailroom.data.mail.models import Attachment, Folder, Message, Placement
from mailroom.data.mail.visibility import visible_to
from mailroom.data.people.models import Firm
from mailroom.web import access

from .letters import MessageOut, links_of, shown
from .paging import Page, Paging
from .problems import REFUSALS
from .security import caller
from .written import Written

router = Router(tags=["messages"])


class Filters(Paging):
    folder: int | None = None
    account: int | None = None
    contact: int | None = None
    company: int | None = None
    thread: int | None = None
    q: str | None = Field(None, max_length=2000)


class Header(Schema):
    name: str
    value: str


class MessageDetail(MessageOut):
    text: str
    html_safe: str
    held_back: int
    """Remote pictures and the like that html_safe leaves out."""
    headers: list[Header]


class Marks(Written):
    seen: bool | None = None
    flagged: bool | None = None
    folder_id: int | None = None
    """A folder of the same mailbox; Trash deletes."""


class Bulk(Written):
    ids: list[int] = Field(max_length=1000)
    action: Literal["seen", "unseen", "flag", "unflag", "spam", "not_spam", "delete", "move"]
    folder_id: int | None = None
    """Where to, with ``move``."""


class Changed(Schema):
    changed: int


class Link(Schema):
    kind: str
    id: int
    name: str
    reason: str
    field: str
    address: str


class Why(Schema):
    items: list[Link]


class Reader(Schema):
    id: int
    name: str
    reasons: list[str]


class Who(Schema):
    items: list[Reader]


@router.get("/messages", response={200: Page[MessageOut], **REFUSALS}, by_alias=True)
def messages(request: HttpRequest, filters: Query[Filters]) -> dict[str, object]:
    """Letters the caller may read, newest first."""
    if filters.folder is not None:
        access.folder(request, filters.folder)
    found, more = _found(request, filters)
    return {
        "items": shown(found, folder_id=filters.folder),
        "next": str(found[-1].pk) if more and found else None,
    }


@router.post("/messages/bulk", response={200: Changed, **REFUSALS})
def bulk(request: HttpRequest, data: Bulk) -> dict[str, int]:
    """Mark, move or delete many letters; those the caller may not see are left out, not told.

    ``delete`` purges those that lie in Trash already. All or nothing: one that the caller may not move or
    delete refuses the whole.
    """
    if data.action in _MOVING:
        return {"changed": _MOVING[data.action](request, data).letters}
    reach = access.reach(request)
    ids = list(visible_to(reach).filter(pk__in=data.ids).values_list("pk", flat=True))
    if data.action in ("seen", "unseen"):
        return {"changed": reading.mark_seen(reach, ids, seen=data.action == "seen")}
    return {"changed": reading.flag(reach, ids, flagged=data.action == "flag")}


@router.get("/messages/{message_id}", response={200: MessageDetail, **REFUSALS}, by_alias=True)
def message(request: HttpRequest, message_id: int) -> dict[str, object]:
    """One letter with its text and headers."""
    return _detail(access.message(request, message_id))


@router.patch("/messages/{message_id}", response={200: MessageDetail, **REFUSALS}, by_alias=True)
def mark(request: HttpRequest, message_id: int, data: Marks) -> dict[str, object]:
    """Set *seen* or *flagged*, which only the users of the mailbox may; ``folder_id`` moves the letter."""
    found = access.message(request, message_id)
    reach = access.reach(request)
    marks = data.seen is not None or data.flagged is not None or data.folder_id is None
    if marks and found.account_id not in reach.listed_ids:
        raise not_allowed("not_your_mailbox")
    if data.folder_id is not None:
        moving.move(caller(request), [found.pk], _folder(request, data.folder_id))
    if data.seen is not None:
        reading.mark_seen(reach, [found.pk], seen=data.seen)
    if data.flagged is not None:
        reading.flag(reach, [found.pk], flagged=data.flagged)
    return _detail(access.message(request, message_id))


@router.delete("/messages/{message_id}", response={204: None, **REFUSALS})
def delete(request: HttpRequest, message_id: int) -> Status[None]:
    """Into Trash, on the server by the account's policy; from Trash for good, which needs the right."""
    purging.discard(caller(request), [access.message(request, message_id).pk])
    return Status(204, None)


@router.get("/messages/{message_id}/raw", response={200: None, **REFUSALS})
def raw(request: HttpRequest, message_id: int) -> HttpResponse:
    """The exact bytes of the server's BODY[]."""
    content = _content(access.message(request, message_id))
    response = HttpResponse(content, content_type="message/rfc822")
    response["Content-Disposition"] = f'attachment; filename="{message_id}.eml"'
    return response


@router.get("/messages/{message_id}/attachments/{index}", response={200: None, **REFUSALS})
def attachment(request: HttpRequest, message_id: int, index: int) -> HttpResponse:
    """The decoded bytes of an attachment; never shown by the browser itself."""
    letter, found = access.attachment(request, message_id, index)
    response = HttpResponse(_decoded(_content(letter), found), content_type="application/octet-stream")
    response["Content-Disposition"] = "attachment"
    return response


@router.get("/messages/{message_id}/why", response={200: Why, **REFUSALS})
def why(request: HttpRequest, message_id: int) -> dict[str, object]:
    """Why the letter lies on each card it lies on."""
    return {"items": links_of([access.message(request, message_id).pk])[message_id]}


@router.get("/messages/{message_id}/who", response={200: Who, **REFUSALS})
def who(request: HttpRequest, message_id: int) -> dict[str, object]:
    """Who can see the letter, and by which relation: listed, group, all_accounts, administrator, card."""
    seen = rights.who_can_see(access.message(request, message_id))
    return {"items": [{"id": user.pk, "name": user.name, "reasons": list(why)} for user, why in seen]}


def _folder(request: HttpRequest, folder_id: int | None) -> Folder:
    """Where to; a folder that the caller may not see does not exist."""
    if folder_id is None:
        raise invalid("folder_id", "required")
    try:
        return access.folder(request, folder_id)
    except Http404:
        raise invalid("folder_id", "unknown_folder") from None


_MOVING: dict[str, Callable[[HttpRequest, Bulk], Consequence]] = {
    "move": lambda request, data: (
        moving.move(caller(request), data.ids, _folder(request, data.folder_id)).consequence
    ),
    "spam": lambda request, data: moving.spam(caller(request), data.ids).consequence,
    "not_spam": lambda request, data: moving.not_spam(caller(request), data.ids).consequence,
    "delete": lambda request, data: purging.discard(caller(request), data.ids),
}


def _found(request: HttpRequest, filters: Filters) -> tuple[list[Message], bool]:
    reach, before, limit = access.reach(request), filters.before(), filters.limit
    within = _within(filters)
    if filters.q is not None:
        answer = search.query(
            reach, parse_query(filters.q), before=before, limit=limit, zone=_zone(request), within=within
        )
        letters = Message.objects.in_bulk(answer.message_ids)
        return [letters[pk] for pk in answer.message_ids if pk in letters], answer.next is not None
    if filters.contact is not None or filters.company is not None:
        found = lists.card_page(
            reach, _addresses(request, filters), before=before, limit=limit + 1, within=within
        )
    else:
        rows = visible_to(reach).exclude(fate=Message.Fate.HIDDEN).filter(within)
        found = list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[: limit + 1])
    return found[:limit], len(found) > limit


def _within(filters: Filters) -> Q:
    within = Q()
    if filters.account is not None:
        within &= Q(account_id=filters.account)
    if filters.thread is not None:
        within &= Q(thread_id=filters.thread)
    if filters.folder is not None:
        there = Placement.objects.filter(
            message=OuterRef("pk"), folder_id=filters.folder, state=Placement.State.LIVE
        )
        within &= Q(Exists(there))
    return within


def _addresses(request: HttpRequest, filters: Filters) -> list[int]:
    """Addresses of the card asked for; of both cards only those they share."""
    owned = []
    if filters.contact is not None:
        owned.append(set(lists.addresses_of(access.person(request, filters.contact))))
    if filters.company is not None:
        owned.append(set(lists.addresses_of(access.company(request, filters.company))))
    return sorted(set.intersection(*owned))


def _zone(request: HttpRequest) -> ZoneInfo:
    firm = Firm.objects.first()
    return ZoneInfo(caller(request).timezone or (firm.timezone if firm else "UTC"))


def _detail(found: Message) -> dict[str, object]:
    content = content_of(found.blob) if found.blob else b""
    letter: Letter | None = read_letter(content) if content else None
    safe = safe_html(letter.html, cid_url=lambda _: None) if letter and letter.html else None
    fields = read_message(content).root.header.fields if content else ()
    return {
        **shown([found])[0],
        "text": letter.text if letter else "",
        "html_safe": safe.html if safe else "",
        "held_back": safe.held_back if safe else 0,
        "headers": [{"name": name, "value": decode_words(value)} for name, value in fields],
    }


def _content(found: Message) -> bytes:
    if found.blob is None:
        raise Http404
    return content_of(found.blob)


def _decoded(content: bytes, found: Attachment) -> bytes:
    return attachment_bytes(
        content,
        LetterAttachment(
            index=found.index,
            filename=found.filename or None,
            content_type=found.content_type,
            size=found.size,
            inline=found.inline,
            content_id=found.content_id or None,
            offset=found.offset,
            length=found.length,
            encoding=found.encoding,
        ),
    )
