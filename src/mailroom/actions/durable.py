"""Commits that must survive a power cut: evidence is on the disk before the step that it is evidence of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def durable() -> Iterator[None]:
    """A transaction whose commit has reached the disk when the block ends.

    SQLite usually runs with synchronous NORMAL, which survives a kill of the process but not of the power.
    Inside another transaction the outermost commit decides, so evidence must not be written there.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                _execute("SET LOCAL synchronous_commit TO ON")
            yield
        return
    _execute("PRAGMA synchronous=FULL")
    try:
        with transaction.atomic():
            yield
    finally:
        _execute("PRAGMA synchronous=NORMAL")


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
