"""The search page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mailroom.web.session.entrance import signed_in


@signed_in
def results(request: HttpRequest) -> HttpResponse:
    """What the viewer finds; nothing but the field without a question."""
    return render(request, "search/results.html", {"q": request.GET.get("q", ""), "module": "mail"})
