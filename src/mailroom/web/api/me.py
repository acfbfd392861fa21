"""``/me``: who the token speaks for."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema

from mailroom.data.mail.models import Access

from .problems import REFUSALS
from .security import caller

router = Router(tags=["me"])


class Me(Schema):
    id: int
    email: str
    name: str
    role: str
    groups: list[int]
    rights: list[str]
    language: str
    timezone: str
    default_account: int | None


@router.get("/me", response={200: Me, **REFUSALS})
def me(request: HttpRequest) -> dict[str, object]:
    """The user of this token."""
    user = caller(request)
    default = Access.objects.filter(user=user).order_by("-is_default", "pk").first()
    return {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "groups": list(user.mail_groups.values_list("pk", flat=True)),
        "rights": [
            right for right in ("can_purge", "can_read_all", "can_read_confidential") if getattr(user, right)
        ],
        "language": user.language,
        "timezone": user.timezone,
        "default_account": default.account_id if default else None,
    }
