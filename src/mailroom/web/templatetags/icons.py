"""Icons, drawn into the page: no font, no request; one drawing is made once per process."""

from __future__ import annotations

from functools import cache

from django import template
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """An icon of Lucide by its name; it says nothing to a screen reader, so its control needs words."""
    return _drawn(str(name), int(size))


@cache
def _drawn(name: str, size: int) -> SafeString:
    drawing = str(lucide(name, size=size, aria_hidden="true", focusable="false"))
    drawn: SafeString = mark_safe(drawing.replace("\n", "").replace("  ", ""))  # noqa: S308 - bundled drawings
    return drawn
