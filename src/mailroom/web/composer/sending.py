"""Saving what is written, and handing it over. Scripts get JSON, a plain form gets a page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from mailroom.actions import draft_files, drafts
from mailroom.actions.refusals import Refused
from mailroom.data.outbox.models import Draft, Outgoing
from mailroom.web import access, faults
from mailroom.web.session.entrance import signed_in

from .window import open_window, own_draft

UNDO_SECONDS = 10


@signed_in
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep what is written so far; the answer names the draft."""
    try:
        draft = keep(request)
    except Refused as refused:
        return refusal(request, refused)
    if not wants_json(request):
        return HttpResponseRedirect(reverse("composer:draft", args=[draft.pk]))
    at = formats.time_format(timezone.localtime(draft.changed_at), "H:i")
    return JsonResponse({"id": draft.pk, "saved": gettext("draft saved %(time)s") % {"time": at}})


@signed_in
@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """Hand the letter over; it leaves after ten seconds, in which it can be taken back."""
    user, key = access.viewer(request), request.POST.get("key", "")[:64]
    known = Outgoing.objects.filter(author=user, idempotency_key=key).first() if key else None
    if known:  # the same click arrived twice
        return _gone(request, known)
    try:
        draft = keep(request)
        outgoing = drafts.queue(
            draft=draft, by=user, idempotency_key=key or f"draft-{draft.pk}", hold_seconds=UNDO_SECONDS
        )
    except Refused as refused:
        return refusal(request, refused)
    return _gone(request, outgoing)


def _gone(request: HttpRequest, outgoing: Outgoing) -> HttpResponse:
    if not wants_json(request):
        messages.success(
            request, gettext("The letter leaves in a few seconds. Until then you can take it back.")
        )
        return HttpResponseRedirect(reverse("composer:outbox"))
    return JsonResponse(
        {
            "id": outgoing.pk,
            "words": gettext("Sending…"),
            "seconds": UNDO_SECONDS,
            "undo": reverse("composer:undo", args=[outgoing.pk]),
            "state": reverse("composer:state", args=[outgoing.pk]),
            "undo_words": gettext("Undo"),
        }
    )


@signed_in
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw a draft away."""
    drafts.discard(draft=own_draft(request, pk))
    if wants_json(request):
        return JsonResponse({"words": gettext("Draft discarded.")})
    messages.success(request, gettext("Draft discarded."))
    return HttpResponseRedirect(reverse("composer:drafts"))


def keep(request: HttpRequest) -> Draft:
    """Save the posted form as a draft, new or known. Raises Refused, Http404."""
    user, said = access.viewer(request), request.POST
    known = own_draft(request, int(said["draft"])) if said.get("draft", "").isdigit() else None
    values: dict[str, Any] = {
        "account_id": said.get("account_id", ""),
        "to": [said.get("to", "")],
        "cc": [said.get("cc", "")],
        "bcc": [said.get("bcc", "")],
        "subject": said.get("subject", ""),
        "html": said.get("html", ""),
        "text": "",
        "in_reply_to": said.get("answers", ""),
        "forwards": said.get("forwards", ""),
    }
    draft = drafts.save_draft(by=user, values=values, draft=known)
    if known is None and draft.forwards:
        draft_files.attach_all_of(by=user, draft=draft, message=draft.forwards)
    for upload in request.FILES.getlist("files"):
        draft_files.attach(
            draft=draft,
            filename=upload.name or "file",
            content_type=upload.content_type or "",
            content=upload.read(),
        )
    return draft


def wants_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    """The faults beside their fields; what was written stays in the window."""
    told = [(fault.field.partition(".")[0], faults.sentence(fault)) for fault in refused.faults]
    if wants_json(request):
        items = [{"field": field, "words": words} for field, words in told]
        return JsonResponse({"faults": items}, status=422)
    names = ("to", "cc", "bcc", "subject", "html", "answers", "forwards")
    letter: dict[str, Any] = {name: request.POST.get(name, "") for name in names}
    chosen = request.POST.get("account_id", "")
    letter |= {
        "account_id": int(chosen) if chosen.isdigit() else None,
        "html": drafts.clean_html(letter["html"]),
    }
    if request.POST.get("draft", "").isdigit():
        letter["draft"] = own_draft(request, int(request.POST["draft"]))
        letter["files"] = list(letter["draft"].files.filter(content_id="").order_by("pk"))
    return open_window(request, letter, status=422, faults=told)
