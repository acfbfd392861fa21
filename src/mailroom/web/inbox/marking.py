"""What the viewer does to letters from the page: marks of a thread, and asking the servers for new mail."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from mailroom.actions import accounts, reading
from mailroom.web import access
from mailroom.web.session.entrance import signed_in


@require_http_methods(["POST", "DELETE"])
@signed_in
def seen(request: HttpRequest, thread_id: int) -> HttpResponse:
    """POST marks the letters of a thread read; DELETE (or POST `unseen`) marks the newest unread again."""
    letters = access.thread(request, thread_id)
    unread = request.method == "DELETE" or "unseen" in request.POST
    marked = letters[-1:] if unread else letters
    reading.mark_seen(access.reach(request), [letter.pk for letter in marked], seen=not unread)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204)
    return HttpResponseRedirect(reverse("inbox:all"))


@require_POST
@signed_in
def fetch(request: HttpRequest) -> HttpResponse:
    """Ask the servers of the viewer's mailboxes for news now (S4-28)."""
    asked = 0
    for account in access.senders(request):
        accounts.request_fetch(by=access.viewer(request), account=account)
        asked += 1
    told = ngettext("Asking %(count)d mailbox…", "Asking %(count)d mailboxes…", asked) % {"count": asked}
    messages.info(request, told)
    if request.headers.get("HX-Request"):
        return _toast(request)
    return HttpResponseRedirect(reverse("inbox:all"))


def _toast(request: HttpRequest) -> HttpResponse:
    return render(request, "partials/toasts.html", {"oob": True})
