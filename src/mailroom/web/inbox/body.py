"""What a letter brings along: its HTML in a frame of its own, its files, the pictures inside it.

Everything here is foreign. It is answered with a policy of its own under which nothing runs and nothing
loads that the reader did not ask for.
"""

from __future__ import annotations

import re
from typing import Final

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from mailroom.core.mime import decode_transfer
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Attachment, Message
from mailroom.web import access
from mailroom.web.session.entrance import signed_in

from .letters import html_with_pictures, reading_of

FRAME_POLICY: Final = (
    "default-src 'none'; img-src {pictures}; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
FILE_POLICY: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"
PICTURES: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif", "image/x-icon"}
)
# Types a browser hands to another program; whatever is not here travels as plain bytes.
FILE_TYPES: Final = PICTURES | {
    "application/pdf",
    "application/zip",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/pkcs7-signature",
    "application/pkcs7-mime",
    "audio/mpeg",
    "audio/ogg",
    "text/calendar",
    "text/csv",
    "text/plain",
    "text/vcard",
    "video/mp4",
}
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]+')
_ENDINGS: Final = {
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/plain": ".txt",
    "text/html": ".html",
}


@require_safe
@signed_in
def body(request: HttpRequest, message_id: int) -> HttpResponse:
    """The sanitised HTML of a letter as a document of its own; `?pictures=1` lets remote ones load."""
    letter = access.message(request, message_id)
    reading = reading_of(letter)
    if reading is None or reading.html is None:
        raise Http404
    remote = request.GET.get("pictures") == "1"
    html = html_with_pictures(letter) if remote else reading.html
    response = render(
        request,
        "inbox/body.html",
        {"letter_html": mark_safe(html), "own_colours": reading.own_colours},  # noqa: S308 - sanitised last
    )
    pictures = "'self' data: https:; upgrade-insecure-requests" if remote else "'self' data:"
    response["Content-Security-Policy"] = FRAME_POLICY.format(pictures=pictures)
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, max-age=300"
    return response


@require_safe
@signed_in
def attachment(request: HttpRequest, message_id: int, index: int) -> HttpResponse:
    """A file of a letter, to be kept, never shown by the browser as a page."""
    letter, file = access.attachment(request, message_id, index)
    kind = file.content_type if file.content_type in FILE_TYPES else "application/octet-stream"
    response = _file(_bytes(letter, file), kind)
    disposition = content_disposition_header(as_attachment=True, filename=safe_name(file))
    response["Content-Disposition"] = disposition or "attachment"
    return response


@require_safe
@signed_in
def picture(request: HttpRequest, message_id: int, content_id: str) -> HttpResponse:
    """A picture that the letter's HTML shows by its Content-ID."""
    letter = access.message(request, message_id)
    named = Q(content_id=content_id) | Q(content_id=f"<{content_id}>")
    file = Attachment.objects.filter(named, message=letter).order_by("index").first()
    if file is None or file.content_type not in PICTURES:
        raise Http404
    return _file(_bytes(letter, file), file.content_type)


def safe_name(file: Attachment) -> str:
    """A name that every system can write and that hides nothing; made up where the letter gives none."""
    name = _NOT_IN_NAMES.sub("_", file.filename).strip(" .")
    return name[-200:] or f"attachment-{file.index + 1}{_ENDINGS.get(file.content_type, '')}"


def _bytes(letter: Message, file: Attachment) -> bytes:
    if letter.blob is None:
        raise Http404
    raw = content_of(letter.blob)
    return decode_transfer(raw[file.offset : file.offset + file.length], file.encoding)


def _file(content: bytes, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Security-Policy"] = FILE_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, max-age=3600"
    return response
