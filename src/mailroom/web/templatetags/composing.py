"""Names of those a draft goes to."""

from __future__ import annotations

from django import template

from mailroom.data.outbox.models import Draft

register = template.Library()


@register.filter
def recipients(draft: Draft) -> str:
    """The first few names or addresses of To, Cc and Bcc."""
    rows = [*draft.to, *draft.cc, *draft.bcc]
    return ", ".join(row["name"] or row["address"] for row in rows[:4])
