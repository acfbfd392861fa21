"""The mail screen as a whole, and its fragments."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mailroom.web.session.entrance import signed_in


@signed_in
def screen(request: HttpRequest) -> HttpResponse:
    """The inbox of all mailboxes the viewer reads."""
    return render(request, "inbox/screen.html", {"module": "mail"})
