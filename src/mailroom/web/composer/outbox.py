"""Letters on their way: what waits, what failed and why, what nobody knows; each with what can be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from mailroom.actions import replying, sending
from mailroom.actions.refusals import Refused
from mailroom.data.mail.models import Access
from mailroom.data.outbox.models import Outgoing
from mailroom.web import access, faults
from mailroom.web.accounts.cures import told
from mailroom.web.session.entrance import signed_in

from .sending import wants_json

CANCELLED = "cancelled"
FAILED_SHOWN = timedelta(days=30)


def visible(request: HttpRequest) -> QuerySet[Outgoing]:
    """Letters the viewer wrote, or that go out from an account that lists them."""
    user = access.viewer(request)
    listed = Access.objects.filter(user=user).values("account")
    mine = Q(author=user) | Q(account__in=listed, confidential=False)
    return Outgoing.objects.filter(mine).select_related("account", "author")


def one(request: HttpRequest, pk: int) -> Outgoing:
    found = visible(request).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@signed_in
@never_cache
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """Everything not sent yet, the newest first."""
    open_states = ("held", "queued", "sending", "failed", "uncertain")
    recent = timezone.now() - FAILED_SHOWN
    found = visible(request).filter(state__in=open_states).exclude(error_kind=CANCELLED)
    found = found.exclude(state="failed", created_at__lt=recent)
    rows: list[Any] = list(
        found.exclude(sent_again__isnull=False).prefetch_related("recipients").order_by("-pk")[:200]
    )
    for row in rows:
        row.told = trouble(row)
    context = {"module": "mail", "rows": rows}
    part = "#rows" if request.htmx and not request.htmx.boosted else ""  # type: ignore[attr-defined]
    return render(request, f"composer/outbox.html{part}", context)


def trouble(outgoing: Outgoing) -> Any:
    """Why it has not gone out, in words; None while nothing is wrong."""
    if not outgoing.error_kind:
        return None
    account = outgoing.account
    return told(
        outgoing.error_kind,
        words=outgoing.error_words,
        host=account.outgoing_host,
        port=account.outgoing_port,
    )


@signed_in
@never_cache
@require_safe
def state(request: HttpRequest, pk: int) -> JsonResponse:
    """How a letter is doing, for the toast."""
    row = one(request, pk)
    why = trouble(row)
    words = {
        "sent": gettext("Sent."),
        "failed": gettext("Not sent."),
        "uncertain": gettext("It is not certain whether the letter went out."),
    }.get(row.state, gettext("Sending…"))
    final = row.state in ("sent", "failed", "uncertain")
    answer = {"state": row.state, "words": f"{words} {why.cause}" if why else words, "final": final}
    return JsonResponse(answer | {"outbox": reverse("composer:outbox"), "outbox_words": gettext("Outbox")})


@signed_in
@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a letter back that has not left: it is a draft again."""
    row = one(request, pk)
    try:
        sending.cancel_outgoing(outgoing=row, by=access.viewer(request))
    except Refused as refused:
        return _refused(request, refused)
    draft = replying.draft_again(by=access.viewer(request), outgoing=row)
    address = reverse("composer:draft", args=[draft.pk])
    if wants_json(request):
        return JsonResponse({"draft": address, "words": gettext("Taken back.")})
    return HttpResponseRedirect(address)


@signed_in
@require_POST
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """A letter that was refused, as a draft to be written on; the failed one leaves the outbox."""
    row = one(request, pk)
    if row.state != "failed" or row.author_id != access.viewer(request).pk:
        raise Http404
    draft = replying.draft_again(by=access.viewer(request), outgoing=row)
    return HttpResponseRedirect(reverse("composer:draft", args=[draft.pk]))


@signed_in
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Try again now."""
    row = one(request, pk)
    try:
        sending.retry_outgoing(outgoing=row, by=access.viewer(request))
    except Refused as refused:
        return _refused(request, refused)
    messages.success(request, gettext("It is tried again now."))
    return HttpResponseRedirect(reverse("composer:outbox"))


@signed_in
@require_POST
def resolve(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what became of a letter nobody is sure of: it went out (``as=sent``), or goes again."""
    row = one(request, pk)
    wanted = request.POST.get("as", "")
    try:
        sending.resolve_outgoing(outgoing=row, by=access.viewer(request), as_=wanted)
    except Refused as refused:
        return _refused(request, refused)
    messages.success(request, gettext("Saved."))
    return HttpResponseRedirect(reverse("composer:outbox"))


def _refused(request: HttpRequest, refused: Refused) -> HttpResponse:
    words = " ".join(faults.sentences(refused))
    if wants_json(request):
        return JsonResponse({"words": words}, status=409)
    messages.error(request, words)
    return HttpResponseRedirect(reverse("composer:outbox"))
