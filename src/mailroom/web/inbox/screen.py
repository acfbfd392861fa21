"""The mail screen as a whole, and each of its panes alone when htmx or our own script asks for one.

A GET changes nothing here, not even *seen*: what was shown is marked by a POST of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from mailroom.core.datekey import date_key
from mailroom.data.mail import lists
from mailroom.data.mail.lists import Line
from mailroom.data.mail.models import Account, Folder, Message, ThreadRow
from mailroom.web import access
from mailroom.web.session.entrance import signed_in

from . import events
from .context import companies_of, side_of
from .filing import filing_of
from .navigation import Navigation, navigation
from .rows import rows_html
from .threads import conversation, leaf_of

PAGE: Final = 50
LOOKED_COOKIE: Final = "mailroom_looked"  # milliseconds since the epoch
LOOKED_SECONDS: Final = 90 * 24 * 3600
FRAGMENTS: Final = frozenset({"nav", "list", "rows", "thread"})


@dataclass(frozen=True, slots=True)
class Place:
    """Which list is shown, and how: it lies in the address, so every link can keep it."""

    folder: Folder | None
    """None = the inbox of all."""
    unread_only: bool
    before: int | None

    @property
    def path(self) -> str:
        """The address of the list."""
        if self.folder is None:
            return reverse("inbox:all")
        return reverse("inbox:folder", args=[self.folder.pk])

    @property
    def keep(self) -> str:
        """What a link to a thread in this list carries along, beginning with `&`."""
        return "&unread=1" if self.unread_only else ""

    @property
    def address(self) -> str:
        """The list from its top."""
        return f"{self.path}?unread=1" if self.unread_only else self.path

    def after(self, line: Line) -> str:
        """The address of what comes below a line."""
        unread = {"unread": 1} if self.unread_only else {}
        return f"{self.path}?{urlencode({**unread, 'before': line.message_id})}"


@require_safe
@signed_in
def screen(request: HttpRequest, folder_id: int | None = None, thread_id: int | None = None) -> HttpResponse:
    """The list of a folder, or of every inbox; `?thread=` opens one beside it."""
    folder = access.folder(request, folder_id) if folder_id is not None else None
    place = Place(folder, request.GET.get("unread") == "1", _number(request, "before"))
    opened = thread_id if thread_id is not None else _number(request, "thread")
    wanted = request.headers.get("HX-Target", "") if request.headers.get("HX-Request") else ""
    context: dict[str, Any] = {"module": "mail", "place": place, "opened": opened}
    if not wanted:
        # Read before the list, so that nothing can fall between the page and its stream of news.
        context["news"] = events.newest()
    if wanted != "thread":
        context["nav"] = navigation(request)
    if wanted not in {"thread", "nav"}:
        context |= _listed(request, place, context["nav"], opened)
    if wanted not in {"rows", "list", "nav"} and opened is not None:
        shown = conversation(request, opened, opened=_number(request, "message"))
        context |= {"shown": shown, "side": side_of(request, shown)}
        context["filing"] = filing_of(request, opened, folder)
    return _answer(request, wanted, context)


@require_safe
@signed_in
def message(request: HttpRequest, message_id: int) -> HttpResponse:
    """A letter by its number: its thread, with the letter standing open."""
    letter = access.message(request, message_id)
    thread = reverse("inbox:thread", args=[letter.thread_id])
    return HttpResponseRedirect(f"{thread}?message={letter.pk}#m{letter.pk}")


@require_safe
@signed_in
def letter(request: HttpRequest, message_id: int) -> HttpResponse:
    """What a folded letter holds, fetched when it is opened."""
    leaf = leaf_of(request, message_id)
    return render(request, "inbox/screen.html#letter", {"leaf": leaf})


@require_safe
@signed_in
def looked(request: HttpRequest) -> HttpResponse:
    """Whether mail arrived since the viewer last looked: `1` or nothing (S5-29: the red "New")."""
    at = _last_look(request)
    return HttpResponse("1" if at is not None and _news_since(request, at) else "", content_type="text/plain")


def _listed(request: HttpRequest, place: Place, nav: Navigation, opened: int | None) -> dict[str, Any]:
    folders = [place.folder] if place.folder else list(nav.inbox)
    ids = [folder.pk for folder in folders]
    lines = lists.folder_page(
        access.reach(request), ids, before=place.before, limit=PAGE, unread_only=place.unread_only
    )
    owners = companies_of(line.from_address_id for line in lines if not line.outgoing)
    rows = rows_html(
        [(line, owners.get(line.from_address_id or 0)) for line in lines],
        path=place.path,
        keep=place.keep,
        opened=opened,
    )
    more = place.after(lines[-1]) if lines and _goes_on(ids, lines) else ""
    return {"rows": rows, "more": more, "total": sum(folder.total for folder in folders)}


def _goes_on(folder_ids: list[int], lines: list[Line]) -> bool:
    """A short page may be short because letters in it are not for this viewer: only the rows know the end."""
    below = ThreadRow.objects.filter(folder__in=folder_ids, newest__lt=lines[-1].message_id)
    return len(lines) == PAGE or below.exists()


def _answer(request: HttpRequest, wanted: str, context: dict[str, Any]) -> HttpResponse:
    fragment = f"#{wanted}" if wanted in FRAGMENTS else ""
    response = render(request, f"inbox/screen.html{fragment}", context)
    if wanted == "list":
        # The counts beside it belong to the same moment.
        response.content += render(request, "inbox/screen.html#nav", context).content
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    response["Cache-Control"] = "private, no-cache"
    if wanted != "thread":
        remember_look(response)
    return response


def remember_look(response: HttpResponse) -> None:
    """The viewer has the list before their eyes: what is there now is no news."""
    response.set_cookie(
        LOOKED_COOKIE,
        str(int(timezone.now().timestamp() * 1000)),
        max_age=LOOKED_SECONDS,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def _last_look(request: HttpRequest) -> datetime | None:
    written = request.COOKIES.get(LOOKED_COOKIE, "")
    if not written.isascii() or not written.isdigit() or len(written) > 14:
        return None
    return datetime.fromtimestamp(int(written) / 1000, timezone.get_current_timezone())


def _news_since(request: HttpRequest, at: datetime) -> bool:
    """Unread letters stored since, in inboxes that list the viewer and notify; never sent, spam, backfill."""
    reach = access.reach(request)
    accounts = Account.objects.filter(pk__in=reach.listed_ids, notify=True)
    rows = ThreadRow.objects.filter(
        folder__role=Folder.Role.INBOX,
        folder__account__in=accounts,
        unread__gt=0,
        newest__gt=date_key(at, 0) - _DAY,
    )
    newest = list(rows.order_by("-newest").values_list("newest", flat=True)[:PAGE])
    return Message.objects.filter(pk__in=newest, stored_at__gt=at, outgoing=False).exists()


def _number(request: HttpRequest, name: str) -> int | None:
    """A date key or id in the address; nonsense is no page."""
    written = request.GET.get(name)
    if written is None:
        return None
    if not written.isascii() or not written.isdigit():
        raise Http404
    return access.possible(int(written[:20]))


_DAY: Final = (24 * 3600) << 20
