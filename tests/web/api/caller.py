"""A caller of the API: a Django client with a token."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from mailroom.actions.people import issue_token
from mailroom.data.people.models import User


class Caller:
    """``call("GET", "/messages")`` as one user; answers (status, document)."""

    def __init__(self, user: User | None) -> None:
        token = f"Bearer {issue_token(user)}" if user else None
        self.client = Client(headers={"authorization": token} if token else {})

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        response = self.client.generic(
            method,
            f"/api/v1{path}",
            data=b"" if body is None else _json(body),
            content_type="application/json",
            query_params=query,
        )
        kind = response.headers.get("content-type", "")
        document = response.json() if "json" in kind and response.content else response.content
        return response.status_code, document


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()
