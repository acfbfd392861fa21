"""Files of a letter being written: uploaded at once, listed with their size, taken out again."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from mailroom.actions import draft_files
from mailroom.actions.refusals import Refused
from mailroom.data.blobs.keeping import content_of
from mailroom.data.outbox.models import Draft
from mailroom.web.session.entrance import signed_in

from .sending import keep, refusal, wants_json
from .window import own_draft


@signed_in
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Save the letter and attach ``files``; the answer is the list, and the draft's id in a header."""
    try:
        draft = keep(request)
    except Refused as refused:
        return refusal(request, refused)
    return _listed(request, draft)


@signed_in
@require_POST
def remove(request: HttpRequest, pk: int, file: int) -> HttpResponse:
    """Take a file out."""
    draft = own_draft(request, pk)
    draft_files.detach(draft=draft, file_id=file)
    return _listed(request, draft)


def _listed(request: HttpRequest, draft: Draft) -> HttpResponse:
    if not (wants_json(request) or request.htmx):  # type: ignore[attr-defined]
        return HttpResponseRedirect(reverse("composer:draft", args=[draft.pk]))
    files = draft.files.filter(content_id="").order_by("pk")
    response = render(request, "composer/window.html#files", {"letter": {"draft": draft, "files": files}})
    response["X-Draft"] = str(draft.pk)
    return response


@signed_in
@require_safe
def picture(request: HttpRequest, pk: int, content_id: str) -> HttpResponse:
    """A picture shown in the text of a draft."""
    file = own_draft(request, pk).files.filter(content_id=content_id).select_related("blob").first()
    if file is None or not file.content_type.startswith("image/") or "svg" in file.content_type:
        raise Http404
    response = HttpResponse(content_of(file.blob), content_type=file.content_type)
    response["X-Content-Type-Options"] = "nosniff"
    return response
