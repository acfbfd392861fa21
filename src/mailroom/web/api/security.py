"""Who calls: a bearer token, issued by ``mailroom token``."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from mailroom.actions.people import user_of_token
from mailroom.data.people.models import User


class Bearer(HttpBearer):
    """``Authorization: Bearer <token>``; the views then read through the same getters as the page."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        user = user_of_token(token)
        if user is not None:
            request.user = user
        return user


def caller(request: HttpRequest) -> User:
    """The user whose token was shown."""
    assert isinstance(request.user, User)
    return request.user
