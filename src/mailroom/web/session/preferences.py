"""What a browser was told about theme and keys (cookies), and a user about language (row and cookie)."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from mailroom.data.people.models import User

THEMES: Final = ("auto", "light", "dark")
THEME_COOKIE: Final = "mailroom_theme"
KEYS_COOKIE: Final = "mailroom_keys"
YEAR_SECONDS: Final = 365 * 24 * 3600


def theme_of(request: HttpRequest) -> str:
    """`light`, `dark`, or `auto` = what the system says."""
    chosen = request.COOKIES.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


def keys_on(request: HttpRequest) -> bool:
    """Whether single keys act (WCAG 2.1.4: they can be switched off)."""
    return request.COOKIES.get(KEYS_COOKIE) != "off"


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Remember `theme`, `keys`, `language`; whichever are sent. For visitors it sets nothing but cookies."""
    response = HttpResponseRedirect(_back(request))
    if request.POST.get("theme") in THEMES:
        remember(response, THEME_COOKIE, request.POST["theme"])
    if request.POST.get("keys") in {"on", "off"}:
        remember(response, KEYS_COOKIE, request.POST["keys"])
    if request.POST.get("language") in dict(settings.LANGUAGES):
        if isinstance(request.user, User):
            User.objects.filter(pk=request.user.pk).update(language=request.POST["language"])
        remember(response, settings.LANGUAGE_COOKIE_NAME, request.POST["language"])
    return response


def remember(response: HttpResponse, name: str, value: str) -> None:
    """Set a cookie for a year; scripts of ours may read it, other sites never send it."""
    response.set_cookie(
        name, value, max_age=YEAR_SECONDS, secure=settings.SESSION_COOKIE_SECURE, samesite="Lax"
    )


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse("inbox:all")
