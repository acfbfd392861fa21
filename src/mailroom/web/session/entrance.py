"""The way in: every view stands behind :func:`signed_in`, which leads to set-up, or to sign-in, or on."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation

from mailroom.data.people.models import Firm, User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
"""A view; its first argument is taken by place."""


def signed_in(view: View[P]) -> View[P]:
    """A view for users only, in their own language and time zone.

    While nobody exists yet, every address leads to the set-up page. A fragment asked for by htmx after the
    session ended gets 401, so that the page as a whole can go to sign-in.
    """
    if iscoroutinefunction(view):
        raise TypeError("signed_in is for plain views")

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return _way_in(request)
        language = language_of(user)
        with timezone.override(zone_of(user)), translation.override(language):
            response = view(request, *args, **kwargs)
        response.headers.setdefault("Content-Language", language)
        return response

    return guarded


def before_sign_in(view: View[P]) -> View[P]:
    """A view for visitors, which makes sense only once there is a user: till then, the set-up page."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if is_first_start():
            return HttpResponseRedirect(reverse("session:setup"))
        return view(request, *args, **kwargs)

    return guarded


def is_first_start() -> bool:
    """True while there is no user at all."""
    return not User.objects.exists()


def language_of(user: User) -> str:
    """What the user chose, on whatever browser; else what this browser asks for."""
    return user.language if user.language in dict(settings.LANGUAGES) else translation.get_language()


def zone_of(user: User) -> zoneinfo.ZoneInfo:
    """The user's time zone, else the firm's, else UTC; a name that means nothing is passed over."""
    for name in (user.timezone, Firm.objects.values_list("timezone", flat=True).first() or ""):
        if name:
            try:
                return zoneinfo.ZoneInfo(name)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError):
                continue
    return zoneinfo.ZoneInfo("UTC")


def _way_in(request: HttpRequest) -> HttpResponse:
    if is_first_start():
        return HttpResponseRedirect(reverse("session:setup"))
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401)
    return redirect_to_login(request.get_full_path(), reverse("account_login"))
