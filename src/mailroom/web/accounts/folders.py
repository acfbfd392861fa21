"""The folders of the server: which are kept in step, where their mail is shown, how far each is."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from mailroom.actions import folders as actions
from mailroom.actions.refusals import Refused
from mailroom.data.mail.models import Account, Folder, Placement, ServerFolder
from mailroom.web import access, faults
from mailroom.web.session.entrance import signed_in

from .cures import told
from .detail import configured, frame


@signed_in
def folders(request: HttpRequest, pk: int) -> HttpResponse:
    """Subscribed folders, and with ``?show=others`` those that are not."""
    account = access.account(request, pk)
    context = frame(request, account, "folders")
    rows = list(_rows(account))
    others = request.GET.get("show") == "others"
    context |= {
        "subscribed": [row for row in rows if row.subscribed],
        "others": [row for row in rows if not row.subscribed],
        "show_others": others,
        "offered": list(Folder.objects.filter(account=account).order_by("name_key", "pk")),
    }
    context["rows"] = context["others"] if others else context["subscribed"]
    return render(request, "accounts/folders.html", context)


def _rows(account: Account) -> list[Any]:
    stored = Count(
        "placements", filter=Q(placements__state=Placement.State.LIVE, placements__uid__isnull=False)
    )
    found = ServerFolder.objects.filter(account=account, selectable=True).select_related("folder")
    rows: list[Any] = list(found.annotate(stored=stored).order_by("pk"))
    for row in rows:
        row.expected = max(0, row.on_server - row.before_start - row.filtered)
        row.in_step = row.counted_at is not None and not row.waiting and not row.error_kind
        row.trouble = told(row.held_reason or row.error_kind, words=row.error_words) if _wrong(row) else None
    return sorted(rows, key=lambda row: (_ORDER.get(row.role, 9), row.name.casefold()))


_ORDER = {"inbox": 0, "sent": 1, "drafts": 2, "spam": 3, "trash": 4, "archive": 5}


def _wrong(row: ServerFolder) -> bool:
    return bool(row.held_reason or row.error_kind)


@signed_in
@require_POST
def change(request: HttpRequest, pk: int, folder: int) -> HttpResponse:
    """Subscribe or not (``subscribed=1|0``), or show it elsewhere (``folder=`` id, empty = own name)."""
    account = configured(request, pk)
    row = ServerFolder.objects.filter(account=account, pk=folder).first()
    if row is None:
        raise Http404
    try:
        if "subscribed" in request.POST:
            subscribed = request.POST["subscribed"] == "1"
            actions.subscribe(by=access.viewer(request), server_folder=row, subscribed=subscribed)
        elif "folder" in request.POST:
            chosen = request.POST["folder"]
            folder_id = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 16 else None
            actions.map_to(by=access.viewer(request), server_folder=row, folder_id=folder_id)
        messages.success(request, gettext("Saved."))
    except Refused as refused:
        for words in faults.sentences(refused):
            messages.error(request, words)
    back = "?show=others" if request.POST.get("from") == "others" else ""
    return HttpResponseRedirect(reverse("accounts:folders", args=[pk]) + back)
