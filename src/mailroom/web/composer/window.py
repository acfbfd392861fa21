"""The window in which a letter is written: alone on a page, or floating over another one (``HX-Request``)."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mailroom.actions import replying
from mailroom.actions.replying import Beginning
from mailroom.core.address import Address, format_address
from mailroom.core.letter import Letter
from mailroom.data.mail.models import Account, Message
from mailroom.data.outbox.models import Draft
from mailroom.web import access
from mailroom.web.session.entrance import signed_in


@signed_in
@never_cache
@require_safe
def new(request: HttpRequest) -> HttpResponse:
    """A new letter; ``?to=&subject=&from=`` fill it."""
    wanted = request.GET.get("from", "")
    account = access.senders(request).filter(pk=int(wanted)).first() if _is_id(wanted) else None
    begun = replying.new_letter(
        by=access.viewer(request),
        account=account,
        to=request.GET.get("to", ""),
        subject=request.GET.get("subject", ""),
    )
    return open_window(request, from_beginning(begun))


@signed_in
@never_cache
@require_safe
def reply(request: HttpRequest, message_id: int) -> HttpResponse:
    """An answer to the sender."""
    return _answer(request, message_id, everybody=False)


@signed_in
@never_cache
@require_safe
def reply_all(request: HttpRequest, message_id: int) -> HttpResponse:
    """An answer to everybody who stands in the letter."""
    return _answer(request, message_id, everybody=True)


def _answer(request: HttpRequest, message_id: int, *, everybody: bool) -> HttpResponse:
    message = access.message(request, message_id)
    begun = replying.answer(
        by=access.viewer(request), message=message, everybody=everybody, intro=_wrote(message)
    )
    return open_window(request, from_beginning(begun))


@signed_in
@never_cache
@require_safe
def forward(request: HttpRequest, message_id: int) -> HttpResponse:
    """A letter passed on, with its files."""
    message = access.message(request, message_id)
    begun = replying.forward(by=access.viewer(request), message=message, intro=_header(message))
    return open_window(request, from_beginning(begun))


def _wrote(message: Message) -> Any:
    def intro(letter: Letter) -> str:
        when = timezone.localtime(message.date_at or message.sorted_at)
        return gettext("On %(date)s at %(time)s, %(name)s wrote:") % {
            "date": formats.date_format(when, "DATE_FORMAT"),
            "time": formats.time_format(when, "H:i"),
            "name": _names(letter.from_[:1]),
        }

    return intro


def _header(message: Message) -> Any:
    def intro(letter: Letter) -> str:
        when = timezone.localtime(message.date_at or message.sorted_at)
        lines = [
            gettext("---------- Forwarded letter ----------"),
            gettext("From: %(names)s") % {"names": _names(letter.from_)},
            gettext("Date: %(date)s") % {"date": formats.date_format(when, "DATETIME_FORMAT")},
            gettext("Subject: %(subject)s") % {"subject": letter.subject},
            gettext("To: %(names)s") % {"names": _names(letter.to)},
        ]
        return "\n".join(lines)

    return intro


def _names(addresses: tuple[Address, ...]) -> str:
    return ", ".join(format_address(one) for one in addresses[:20])


@signed_in
@never_cache
@require_safe
def draft(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft of the viewer's, to be written on."""
    return open_window(request, from_draft(own_draft(request, pk)))


@signed_in
@require_safe
def drafts(request: HttpRequest) -> HttpResponse:
    """The viewer's drafts, the last touched first."""
    found = (
        Draft.objects.filter(author=access.viewer(request)).select_related("account").order_by("-changed_at")
    )
    return render(request, "composer/drafts.html", {"module": "mail", "drafts": found[:200]})


def own_draft(request: HttpRequest, pk: int) -> Draft:
    """A draft the viewer writes."""
    found = Draft.objects.filter(pk=pk, author=access.viewer(request)).select_related("account").first()
    if found is None:
        raise Http404
    return found


def from_beginning(begun: Beginning) -> dict[str, Any]:
    """What the window shows of a letter not saved yet."""
    return {
        "account_id": begun.account.pk if begun.account else None,
        "to": _names(begun.to),
        "cc": _names(begun.cc),
        "bcc": "",
        "subject": begun.subject,
        "html": begun.html,
        "answers": begun.answers.pk if begun.answers else "",
        "forwards": begun.forwards.pk if begun.forwards else "",
        "coming": begun.files,
    }


def from_draft(draft: Draft) -> dict[str, Any]:
    """What the window shows of a draft."""
    html = draft.html or "".join(f"<p>{line}</p>" for line in _escaped(draft.text).split("\n"))
    return {
        "draft": draft,
        "account_id": draft.account_id,
        **{name: line_of(getattr(draft, name)) for name in ("to", "cc", "bcc")},
        "subject": draft.subject,
        "html": html,
        "answers": draft.answers_id or "",
        "forwards": draft.forwards_id or "",
        "files": list(draft.files.filter(content_id="").order_by("pk")),
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def line_of(rows: list[dict[str, str]]) -> str:
    """Recipients as one line of text."""
    return ", ".join(f'"{row["name"]}" <{row["address"]}>' if row["name"] else row["address"] for row in rows)


def open_window(
    request: HttpRequest, letter: dict[str, Any], *, status: int = 200, **extra: Any
) -> HttpResponse:
    """The window with a letter in it; without a mailbox to send from, it says so."""
    senders: list[Account] = list(access.senders(request))
    context = {"module": "mail", "letter": letter, "senders": senders, "key": uuid.uuid4().hex, **extra}
    context["floating"] = bool(request.htmx)  # type: ignore[attr-defined]
    part = "#window" if context["floating"] else ""
    return render(request, f"composer/window.html{part}", context, status=status)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16
