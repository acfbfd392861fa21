"""Rows in bulk, below the ORM, on either database: the models' tables and columns, none of their objects.

The ORM's ``bulk_create`` costs seven times as much per row as the statement it ends in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model


def insert(
    model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, ignore: bool = False
) -> None:
    """Insert rows given as column values; ``ignore`` leaves those that break a unique constraint."""
    _run(_insert(model, columns) + (" ON CONFLICT DO NOTHING" if ignore else ""), rows)


def upsert(
    model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, unique: Sequence[str]
) -> None:
    """Insert rows, or overwrite the row that has the same values in ``unique``."""
    quote = connection.ops.quote_name
    changed = ", ".join(f"{quote(c)} = excluded.{quote(c)}" for c in columns if c not in unique)
    target = ", ".join(quote(c) for c in unique)
    _run(f"{_insert(model, columns)} ON CONFLICT ({target}) DO UPDATE SET {changed}", rows)


def json_value(value: Any) -> Any:
    """A value for a JSON column, as the driver of this database takes it."""
    text = json.dumps(value, ensure_ascii=False)
    if connection.vendor == "postgresql":
        from psycopg.types.json import Jsonb

        return Jsonb(value)
    return text


def moment(value: Any) -> Any:
    """An aware datetime as the driver of this database takes it."""
    return connection.ops.adapt_datetimefield_value(value)


def _insert(model: type[Model], columns: Sequence[str]) -> str:
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})"


def _run(statement: str, rows: Iterable[Sequence[Any]]) -> None:
    values = [tuple(row) for row in rows]
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(statement, values)
