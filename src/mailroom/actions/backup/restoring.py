"""A backup back into an empty installation; the database comes last, so half a restore is an empty one.

What a backup says about letters to be sent is old: they may have gone out since. Nothing of it is sent by
itself; a person says for each whether it went.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import Q
from django.utils import timezone

from mailroom.actions.refusals import clash
from mailroom.core.delivery import State
from mailroom.data.mail.models import Account, News
from mailroom.data.outbox.models import Outgoing
from mailroom.data.people.models import User
from mailroom.data.vault.sealing import Sealed

from . import tables
from .manifest import Damaged, Manifest, opened
from .taking import BLOBS, DATABASE, SECRET_KEY, VAULT_KEYS, Meter, Tell

VAULT_KEYS_FILE, SECRET_KEY_FILE = "vault.keys", "secret.key"
STAGE = ".restoring"
_HARMLESS = frozenset({VAULT_KEYS_FILE, SECRET_KEY_FILE, STAGE, "migrate.lock", "setup-code"})
"""What an installation that holds nothing yet may hold; the keys are often put back by hand."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What is here now, and what people have to do."""

    manifest: Manifest
    locked: tuple[str, ...]
    """Addresses of the accounts whose password no key here opens."""
    doubtful: int
    """Letters that waited to be sent: nobody knows whether they went since."""


def restore(file: Path, *, tell: Tell) -> Restored:
    """Restore into this installation, which must be empty; stopped by ``tell`` it is empty again.

    Raises Damaged, OSError, or Clash: ``not_empty`` (with what is there), ``database_not_empty``,
    ``other_database``, ``newer``, ``blobs_elsewhere``, ``disk_full``.
    """
    with opened(file) as (manifest, unpack):
        _insist_that_it_fits(manifest)
        _insist_on_emptiness()
        with _stage(manifest) as stage:
            meter = Meter(tell, sum(manifest.members.values()) + _rows(manifest))
            files = unpack(stage, meter)
            if manifest.database == "postgresql":
                locked, doubtful = _into_postgres(manifest, files, meter)
            else:
                locked, doubtful = _into_sqlite(files)
    return Restored(manifest, locked, doubtful)


def _rows(manifest: Manifest) -> int:
    """Bytes that pass a second time, into PostgreSQL's tables."""
    return sum(size for name, size in manifest.members.items() if name.startswith(tables.PREFIX))


# --- before ------------------------------------------------------------------------------------------


def _insist_that_it_fits(manifest: Manifest) -> None:
    if manifest.database != connection.vendor:
        raise clash("other_database", "file", made_on=manifest.database, here=connection.vendor)
    known = set(MigrationLoader(None).disk_migrations or ())
    if not {(app, name) for app, name in manifest.migrations} <= known:
        raise clash("newer", "file", version=manifest.version)
    if settings.MAILROOM_BLOBS_PATH is None:
        raise clash("blobs_elsewhere", "file")


def _insist_on_emptiness() -> None:
    data_dir: Path = settings.MAILROOM_DATA_DIR
    present = [each for each in sorted(data_dir.iterdir()) if each.name not in _HARMLESS]
    wanted = [Path(settings.MAILROOM_BLOBS_PATH)]
    if connection.vendor == "sqlite":
        wanted.append(Path(connection.settings_dict["NAME"]))
    present += [each for each in wanted if each.exists() and each not in present]
    if present:
        raise clash("not_empty", "file", there=", ".join(str(each) for each in present[:5]))
    if connection.vendor == "postgresql":
        _insist_on_an_empty_database()


def _insist_on_an_empty_database() -> None:
    there = connection.introspection.table_names()
    if not there:
        return
    if User._meta.db_table not in there or _pending() or User.objects.exists() or Account.objects.exists():
        raise clash("database_not_empty", "file")


def _pending() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def _stage(manifest: Manifest) -> Iterator[Path]:
    """A folder in the data directory; what an interrupted restore left in it goes first."""
    data_dir: Path = settings.MAILROOM_DATA_DIR
    stage = data_dir / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    needed, free = sum(manifest.members.values()), shutil.disk_usage(data_dir).free
    if free < needed:
        raise clash("disk_full", "file", needed=needed, free=free)
    stage.mkdir(mode=0o700)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


# --- into place --------------------------------------------------------------------------------------


def _put_keys(files: Mapping[str, Path]) -> None:
    """Keys of the backup, if it holds any, before those that are here; all of them open passwords."""
    data_dir: Path = settings.MAILROOM_DATA_DIR
    if VAULT_KEYS in files:
        here = data_dir / VAULT_KEYS_FILE
        known = here.read_text(encoding="ascii").replace(",", " ").split() if here.exists() else []
        keys = dict.fromkeys([*files[VAULT_KEYS].read_text(encoding="ascii").split(), *known])
        _write_whole(here, "\n".join(keys) + "\n")
    if SECRET_KEY in files and not (data_dir / SECRET_KEY_FILE).exists():
        _write_whole(data_dir / SECRET_KEY_FILE, files[SECRET_KEY].read_text(encoding="utf-8"))


def _write_whole(path: Path, text: str) -> None:
    draft = settings.MAILROOM_DATA_DIR / STAGE / f"{path.name}.draft"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _into_sqlite(files: Mapping[str, Path]) -> tuple[tuple[str, ...], int]:
    """Made ready where nothing looks for it, then named."""
    if DATABASE not in files:
        raise Damaged(f"no {DATABASE}")
    final = Path(connection.settings_dict["NAME"])
    connection.close()
    connection.settings_dict["NAME"] = files[DATABASE]
    try:
        call_command("migrate", verbosity=0, interactive=False)
        _put_keys(files)
        with transaction.atomic():
            settled = _settle(timezone.now())
    finally:
        # The last one to close takes the log into the file.
        connection.close()
        connection.settings_dict["NAME"] = final
    _put_blobs(files)
    final.parent.mkdir(parents=True, exist_ok=True)
    _move(files[DATABASE], final)
    return settled


def _into_postgres(
    manifest: Manifest, files: Mapping[str, Path], meter: Meter
) -> tuple[tuple[str, ...], int]:
    """Tables, rows and all in one transaction."""
    blobs: Path = settings.MAILROOM_BLOBS_PATH
    try:
        with transaction.atomic():
            _make_tables(manifest)
            if any(tables.PREFIX + table not in files for table in manifest.tables):
                raise Damaged("a table is missing")
            tables.copy_in(manifest, files, meter)
            call_command("migrate", verbosity=0, interactive=False)
            _put_keys(files)
            settled = _settle(timezone.now())
            _put_blobs(files)
    except BaseException:
        blobs.unlink(missing_ok=True)
        raise
    return settled


def _make_tables(manifest: Manifest) -> None:
    """The tables as they were when the backup was made; newer ones follow after the rows are in."""
    executor = MigrationExecutor(connection)
    applied, graph = set(manifest.migrations), executor.loader.graph
    last = [
        key
        for key in manifest.migrations
        if key in graph.nodes
        and not any(child.key in applied and child.key[0] == key[0] for child in graph.node_map[key].children)
    ]
    executor.migrate(last)


def _put_blobs(files: Mapping[str, Path]) -> None:
    if BLOBS in files:
        final = Path(settings.MAILROOM_BLOBS_PATH)
        final.parent.mkdir(parents=True, exist_ok=True)
        _move(files[BLOBS], final)


def _move(source: Path, final: Path) -> None:
    """Also to another disk, where it appears under its name only when it is whole."""
    draft = final.with_name(f".{final.name}.restoring")
    shutil.move(source, draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.chmod(0o600)
    draft.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# --- what is old in it -------------------------------------------------------------------------------


def _settle(at: datetime) -> tuple[tuple[str, ...], int]:
    """Claims of processes that are gone are taken off; sending waits for people."""
    News.objects.all().delete()
    Account.objects.update(lease_owner="", lease_until=None)
    late = Q(state=State.HELD) & (Q(next_at__lte=at) | Q(next_at=None))
    doubtful = Outgoing.objects.filter(Q(state__in=[State.QUEUED, State.SENDING]) | late).update(
        state=State.UNCERTAIN, phase="", next_at=None, lease_owner="", lease_until=None
    )
    return _lock(at), doubtful


def _lock(at: datetime) -> tuple[str, ...]:
    """Accounts whose password cannot be opened ask a person for it, once, instead of failing by and by."""
    locked = []
    for account in Account.objects.select_related("secret").order_by("email", "pk"):
        try:
            account.secret.reveal()
        except Sealed:
            locked.append(account)
    Account.objects.filter(pk__in=[each.pk for each in locked], active=True).update(
        state=Account.State.NEEDS_PERSON,
        error_kind="keys_lost",
        error_cure="keys_lost",
        error_words="",
        error_at=at,
        next_at=None,
        wanted_at=None,
    )
    return tuple(each.email for each in locked)
