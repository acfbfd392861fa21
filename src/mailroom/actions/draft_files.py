"""Files of a draft: from the computer, from a letter, or written into a REST call. Kept as blobs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Sum

from mailroom.core.letter import attachment_bytes, read_letter
from mailroom.data.blobs.keeping import content_of, make_durable, rows_of
from mailroom.data.mail.models import Message
from mailroom.data.mail.visibility import may_read, reach_of
from mailroom.data.outbox.models import Draft, DraftFile
from mailroom.data.people.models import User

from .drafts import MAX_LETTER
from .refusals import Fault, Invalid, invalid

MAX_FILES = 100


def attach(
    *, draft: Draft, filename: str, content_type: str, content: bytes, content_id: str = ""
) -> DraftFile:
    """Attach bytes. ``content_id`` is set when the text shows it as a picture. Raises Invalid."""
    name = _file_name(filename)
    known = draft.files.aggregate(bytes=Sum("size", default=0))["bytes"]
    # Base64 adds a third.
    if (known + len(content)) * 4 // 3 > MAX_LETTER:
        raise invalid("attachments", "too_big", limit=MAX_LETTER * 3 // 4 // 1024 // 1024)
    if draft.files.count() >= MAX_FILES:
        raise invalid("attachments", "out_of_range", lowest=0, highest=MAX_FILES)
    kept = make_durable([content])
    with transaction.atomic():
        return DraftFile.objects.create(
            draft=draft,
            filename=name,
            content_type=_safe_type(content_type),
            size=len(content),
            blob_id=rows_of(kept)[kept[0].digest],
            content_id=content_id,
        )


def attach_from_letter(*, by: User, draft: Draft, message_id: int, index: int) -> DraftFile:
    """Attach a file of a letter the user may read. Raises Invalid."""
    letter = may_read(reach_of(by), message_id)
    found = letter.attachments.filter(index=index).first() if letter else None
    if letter is None or letter.blob is None or found is None:
        raise invalid("attachments", "unknown_file")
    raw = content_of(letter.blob)
    part = next((one for one in read_letter(raw).attachments if one.index == index), None)
    if part is None:
        raise invalid("attachments", "unknown_file")
    return attach(
        draft=draft,
        filename=found.filename or "file",
        content_type=found.content_type,
        content=attachment_bytes(raw, part),
    )


def attach_all_of(*, by: User, draft: Draft, message: Message) -> None:
    """Everything a letter carries, for passing it on."""
    for index in message.attachments.filter(inline=False).order_by("index").values_list("index", flat=True):
        attach_from_letter(by=by, draft=draft, message_id=message.pk, index=index)


@transaction.atomic
def set_attachments(*, by: User, draft: Draft, attachments: Sequence[Mapping[str, Any]]) -> None:
    """Make these the files of the draft, as REST writes them. Raises Invalid, and changes nothing then."""
    if not isinstance(attachments, (list, tuple)):
        raise invalid("attachments", "not_a_list")
    draft.files.all().delete()
    for position, one in enumerate(attachments):
        try:
            _attach_written(by, draft, one)
        except Invalid as refused:
            place = f"attachments.{position}"
            raise Invalid([Fault(place, fault.key, fault.about) for fault in refused.faults]) from None


def _attach_written(by: User, draft: Draft, one: Mapping[str, Any]) -> None:
    if not isinstance(one, Mapping):
        raise invalid("attachments", "unknown_file")
    if "message_id" in one:
        numbers = str(one.get("message_id")), str(one.get("index", 0))
        if not all(text.isascii() and text.isdigit() and len(text) < 17 for text in numbers):
            raise invalid("attachments", "unknown_file")
        attach_from_letter(by=by, draft=draft, message_id=int(numbers[0]), index=int(numbers[1]))
        return
    try:
        content = base64.b64decode(str(one.get("content_base64") or ""), validate=True)
    except (binascii.Error, ValueError):
        raise invalid("attachments", "bad_base64") from None
    attach(
        draft=draft,
        filename=str(one.get("filename") or "file"),
        content_type=str(one.get("content_type") or ""),
        content=content,
    )


@transaction.atomic
def detach(*, draft: Draft, file_id: int) -> None:
    """Take a file out of the draft."""
    draft.files.filter(pk=file_id).delete()


def _file_name(filename: str) -> str:
    if any(character in filename for character in "\r\n\0"):
        raise invalid("attachments", "line_break")
    return filename.replace("\\", "/").rpartition("/")[2].strip()[:255] or "file"


def _safe_type(content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    return (
        kind if kind.isascii() and kind.isprintable() and 0 < len(kind) < 128 else "application/octet-stream"
    )
