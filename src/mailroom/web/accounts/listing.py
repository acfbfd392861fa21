"""The list of mail accounts: how each is doing, when it was last in step, what is unread, how large it is."""

from __future__ import annotations

from typing import Any

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mailroom.actions import accounts as actions
from mailroom.data.mail.models import Folder, Message
from mailroom.web import access
from mailroom.web.session.entrance import signed_in

from .state import shown


@signed_in
def accounts(request: HttpRequest) -> HttpResponse:
    """Every account the viewer reads, configures or assigns."""
    user, reach = access.viewer(request), access.reach(request)
    rows: list[Any] = list(
        actions.listed_for(user, reach.account_ids)
        .order_by("-active", "name_key", "pk")
        .prefetch_related("users")
    )
    unread = _unread(reach.account_ids)
    for row in rows:
        row.shown = shown(row)
        row.unread = unread.get(row.pk) if row.pk in reach.account_ids else None
        row.sendable = row.active and row.pk in reach.listed_ids
    context = {"module": "mail", "accounts": rows, "may_create": actions.may_create(user)}
    part = "#rows" if request.htmx and not request.htmx.boosted else ""  # type: ignore[attr-defined]
    return render(request, f"accounts/list.html{part}", context)


def _unread(account_ids: frozenset[int]) -> dict[int, int]:
    inboxes = Folder.objects.filter(account_id__in=account_ids, role=Folder.Role.INBOX)
    return dict(inboxes.values_list("account_id", "unread"))


@signed_in
def sizes(request: HttpRequest) -> HttpResponse:
    """What each mailbox weighs; asked for once the list stands, since it reads every row."""
    readable = access.reach(request).account_ids
    letters = Message.objects.filter(account_id__in=readable).exclude(fate=Message.Fate.PURGED)
    sums = letters.values_list("account_id").annotate(bytes=Sum("size"))
    return render(request, "accounts/list.html#sizes", {"sizes": list(sums)})
