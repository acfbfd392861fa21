"""Figures and times as people say them."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import formats, timezone
from django.utils.translation import gettext, ngettext

register = template.Library()


@register.filter
def ago(at: datetime | None) -> str:
    """`4 s ago`, `12 min ago`, `3 h ago`, then the date: one unit, the reader's language."""
    if at is None:
        return ""
    seconds = max(0, int((timezone.now() - at).total_seconds()))
    if seconds < 60:
        return gettext("%(n)s s ago") % {"n": seconds}
    if seconds < 3600:
        return gettext("%(n)s min ago") % {"n": seconds // 60}
    if seconds < 24 * 3600:
        return gettext("%(n)s h ago") % {"n": seconds // 3600}
    days = seconds // (24 * 3600)
    if days < 7:
        return ngettext("%(n)s day ago", "%(n)s days ago", days) % {"n": days}
    return formats.date_format(timezone.localtime(at), "j M Y")
