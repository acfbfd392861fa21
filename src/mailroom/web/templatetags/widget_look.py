"""How a form's control is drawn: tied to its hint and error for those who listen instead of look."""

from __future__ import annotations

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def described(field: BoundField) -> SafeString:
    """The control with `aria-describedby` on its hint and error, and `aria-invalid` when it was refused."""
    said: dict[str, str | bool] = {"aria-describedby": f"{field.auto_id}_hint {field.auto_id}_error"}
    if field.errors:
        said["aria-invalid"] = "true"
    return field.as_widget(attrs=said)
