"""What stands around every screen: modules, the red label, theme and keys; asked for by `base.html`."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template.context import Context

from mailroom.web.session.preferences import keys_on, theme_of

register = template.Library()


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """`light`, `dark` or `auto`, as this browser was told."""
    return theme_of(_request(context))


@register.simple_tag(takes_context=True)
def keys(context: Context) -> str:
    """`on` unless this browser was told to leave single keys alone."""
    return "on" if keys_on(_request(context)) else "off"


@register.simple_tag
def languages() -> list[tuple[str, str]]:
    """The languages of the page, each with its own name for itself."""
    return list(settings.LANGUAGES)


@register.filter
def initials(name: Any) -> str:
    """Two letters for an avatar: `Anna Kowalska` → AK, `sales@acme.example` → SA."""
    words = [word for word in str(name).replace('"', " ").replace("@", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + words[1][0] if len(words) > 1 and "@" not in str(name) else words[0][:2]).upper()


def _request(context: Context) -> HttpRequest:
    request: HttpRequest = context["request"]
    return request
