"""The column of the date key."""

from __future__ import annotations

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class DateKeyField(models.BigIntegerField):  # type: ignore[type-arg]
    """A primary key chosen by us (:mod:`mailroom.core.datekey`).

    On SQLite only a column declared ``integer`` is the rowid itself; ``bigint`` would get an index of its
    own beside the table, and every read by id would take two steps.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)

    def rel_db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return models.BigIntegerField().db_type(connection)
