"""Lists: ``{"items": [...], "next": cursor or null}``, by key and not by number, so nothing is skipped."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from ninja import Field, Schema

from mailroom.actions.refusals import invalid

MOST = 200
Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)


class Page(Schema, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = None


class Paging(Schema):
    """Where to go on, and how far."""

    cursor: str | None = Field(None, max_length=500)
    limit: int = Field(50, ge=1, le=MOST)

    def before(self) -> int | None:
        """For lists by date key: the id to go on below."""
        if self.cursor is None:
            return None
        if not (self.cursor.isascii() and self.cursor.isdigit() and len(self.cursor) < 17):
            raise invalid("cursor", "bad_cursor")
        return int(self.cursor)


def by_name(rows: QuerySet[Row], paging: Paging, show: Callable[[Row], Any]) -> dict[str, Any]:
    """A page of rows that have a ``name_key``: alphabetical, alike on both databases."""
    rows = rows.order_by("name_key", "pk")
    if paging.cursor is not None:
        name, pk = _opened(paging.cursor)
        rows = rows.filter(Q(name_key__gt=name) | Q(name_key=name, pk__gt=pk))
    found = list(rows[: paging.limit + 1])
    page = found[: paging.limit]
    more = len(found) > paging.limit
    return {"items": [show(row) for row in page], "next": _sealed(page[-1]) if more else None}


def _sealed(row: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.name_key, row.pk]).encode()).decode()


def _opened(cursor: str) -> tuple[str, int]:
    try:
        name, pk = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError, TypeError):
        raise invalid("cursor", "bad_cursor") from None
    if not (isinstance(name, str) and isinstance(pk, int)) or "\0" in name:
        raise invalid("cursor", "bad_cursor")
    return name, pk
