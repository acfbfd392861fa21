"""Tables brought up to date by one process at a time, of all that start together."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Any number, the same for all machines on one PostgreSQL: "mailroom" read as bytes, cut to 63 bits.
ADVISORY_LOCK: Final = int.from_bytes(b"mailroom", "big") & (2**63 - 1)


def migrate() -> None:
    """Apply what is missing; nothing is written when nothing is."""
    from django.core.management import call_command

    with _alone():
        if pending():
            call_command("migrate", verbosity=0, interactive=False)


def pending() -> list[str]:
    """The names of the migrations that this program has and the database has not."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


@contextmanager
def _alone() -> Iterator[None]:
    """A file lock keeps apart the processes of this machine, an advisory lock those of several."""
    from django.conf import settings
    from django.db import connection

    handle = os.open(settings.MAILROOM_DATA_DIR / "migrate.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if connection.vendor != "postgresql":
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
    finally:
        os.close(handle)
