"""Is everything here? The ledger of an account, and the messages that could not be processed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from mailroom.actions.ledger import Ledger, ledger_of
from mailroom.actions.parking import try_again
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Parked
from mailroom.web import access
from mailroom.web.session.entrance import signed_in

from .cures import parked_reason
from .detail import configured, frame

SHOWN = 200
_COLUMNS = (
    ("stored", _("stored here")),
    ("waiting", _("waiting to be fetched")),
    ("filtered", _("left out by a rule")),
    ("before_start", _("older than the start date")),
    ("parked", _("put aside, see below")),
    ("purged", _("purged here, still on the server")),
)


@signed_in
@require_safe
def ledger(request: HttpRequest, pk: int) -> HttpResponse:
    """On the server = stored + waiting + filtered + before the start date + parked + purged; else red."""
    account = access.account(request, pk)
    context = frame(request, account, "ledger")
    found = ledger_of(account)
    rows: list[Any] = list(
        Parked.objects.filter(account=account).select_related("server_folder").order_by("-parked_at")[:SHOWN]
    )
    for row in rows:
        row.why = parked_reason(row.reason)
    context |= {"ledger": found, "columns": columns(found), "parked": rows}
    part = "#ledger" if request.htmx and not request.htmx.boosted else ""  # type: ignore[attr-defined]
    return render(request, f"accounts/ledger.html{part}", context)


def columns(found: Ledger) -> list[tuple[str, int]]:
    """The columns of the ledger in words; empty ones after the first two are left out."""
    figures = found.as_dict()
    return [
        (str(words), figures[name])
        for name, words in _COLUMNS
        if figures[name] or name in ("stored", "waiting")
    ]


@signed_in
@require_POST
def retry(request: HttpRequest, pk: int, parked: int) -> HttpResponse:
    """Try a message again, also one that is too big."""
    account = configured(request, pk)
    row = Parked.objects.filter(account=account, pk=parked).first()
    if row is None:
        raise Http404
    try_again(row, timezone.now())
    messages.success(request, gettext("It is tried again now."))
    return HttpResponseRedirect(reverse("accounts:ledger", args=[pk]))


@signed_in
@require_safe
def download(request: HttpRequest, pk: int, parked: int) -> HttpResponse:
    """The bytes of a message that could not be processed, for those who read the mailbox."""
    account = access.account(request, pk)
    row = Parked.objects.filter(account=account, pk=parked, blob__isnull=False).first()
    if row is None or row.blob is None or account.pk not in access.reach(request).account_ids:
        raise Http404
    response = HttpResponse(content_of(row.blob), content_type="message/rfc822")
    response["Content-Disposition"] = f'attachment; filename="message-{row.uid}.eml"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
