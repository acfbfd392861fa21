"""The search page: letters the viewer may read, newest first, wherever they lie."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mailroom.core.search import QueryError, QueryFault, parse_query
from mailroom.data.mail import search
from mailroom.data.mail.models import Message
from mailroom.web import access
from mailroom.web.inbox.context import companies_of
from mailroom.web.session.entrance import signed_in

PAGE: Final = 50


@require_safe
@signed_in
def results(request: HttpRequest) -> HttpResponse:
    """What the viewer finds, 50 letters a page; without a question, how to ask one."""
    asked = request.GET.get("q", "").strip()
    context: dict[str, Any] = {"q": asked, "module": "mail"}
    status = 200
    if asked:
        try:
            context |= _found(request, asked)
        except QueryError as error:
            context["fault"], status = _words_of(error), 422
    rows = request.headers.get("HX-Target") == "more"
    return render(request, f"search/results.html{'#rows' if rows else ''}", context, status=status)


def _found(request: HttpRequest, asked: str) -> dict[str, Any]:
    found = search.query(
        access.reach(request),
        parse_query(asked),
        before=_before(request),
        limit=PAGE,
        zone=timezone.get_current_timezone(),
    )
    letters = Message.objects.select_related("from_address", "account").in_bulk(found.message_ids)
    rows = [letters[pk] for pk in found.message_ids if pk in letters]
    owners = companies_of(letter.from_address_id for letter in rows)
    return {
        "rows": [(letter, owners.get(letter.from_address_id or 0)) for letter in rows],
        "next": found.next,
    }


def _before(request: HttpRequest) -> int | None:
    written = request.GET.get("before", "")
    if not written:
        return None
    if not written.isascii() or not written.isdigit():
        raise Http404
    return access.possible(int(written[:20]))


def _words_of(error: QueryError) -> str:
    """What is wrong with the question, and a form that would do."""
    wrong = f"{error.field}:{error.value}"
    match error.fault:
        case QueryFault.TOO_LONG | QueryFault.TOO_MANY_TERMS:
            return _("The question is too long.")
        case QueryFault.EMPTY_VALUE:
            return _("%(field)s: needs a word after it.") % {"field": error.field}
        case QueryFault.NOT_A_DATE:
            return _("%(wrong)s is no day. Write it like %(right)s.") % {
                "wrong": wrong,
                "right": error.expected,
            }
        case QueryFault.NOT_A_SIZE:
            return _("%(wrong)s is no size. Write it like %(right)s.") % {
                "wrong": wrong,
                "right": error.expected,
            }
        case QueryFault.NOT_A_STATE | QueryFault.NOT_HAVING:
            return _("%(wrong)s is not known. Write: %(right)s.") % {"wrong": wrong, "right": error.expected}
