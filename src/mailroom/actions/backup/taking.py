"""Taking a backup: copies of one moment each, the tables before the bytes, packed under a name of their own.

A row is written after its bytes are durable, so bytes copied later hold all that the rows speak of.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

import mailroom
from mailroom.actions.refusals import clash
from mailroom.data.blobs.models import Blob
from mailroom.data.mail.models import Account, Message
from mailroom.data.people.models import User

from . import tables
from .manifest import Manifest, write

DATABASE, BLOBS = "database.sqlite3", "blobs.sqlite3"
VAULT_KEYS, SECRET_KEY = "keys/vault.keys", "keys/secret.key"
_PAGES = 2048
_CHUNK = 500
_COUNTED = {"accounts": Account, "users": User, "messages": Message, "blobs": Blob}

Tell = Callable[[int, int], None]
"""Hears how many bytes are done, of about how many; it may raise to stop, then nothing is left behind."""


def take(to: Path, *, with_keys: bool, tell: Tell) -> Manifest:
    """Write a backup to ``to``, which must not exist. Others may read and write meanwhile.

    Raises Clash: ``exists``, ``nothing_here``, ``blobs_elsewhere``, ``disk_full``; and OSError.
    """
    if os.path.lexists(to):
        raise clash("exists", "file")
    blobs: Path | None = settings.MAILROOM_BLOBS_PATH
    if blobs is None:
        raise clash("blobs_elsewhere", "file")
    size = _insist_on_tables() + (blobs.stat().st_size if blobs.exists() else 0)
    free = shutil.disk_usage(to.parent).free
    if free < 2 * size:
        raise clash("disk_full", "file", needed=2 * size, free=free)
    with _stage(to) as stage:
        meter = Meter(tell, 2 * size)
        copies = _copies(stage, blobs, meter)
        files = copies.files | (_keys(stage) if with_keys else {})
        manifest = Manifest(
            version=mailroom.__version__,
            made_at=timezone.now().isoformat(),
            database=connection.vendor,
            migrations=copies.migrations,
            members={name: path.stat().st_size for name, path in files.items()},
            counts=copies.counts,
            missing=copies.missing,
            vault_keys=tuple(fingerprint(key) for key in settings.MAILROOM_VAULT_KEYS),
            with_keys=with_keys,
            tables=copies.tables,
            sequences=copies.sequences,
        )
        write(stage / "archive", manifest, files, meter)
        _name(stage / "archive", to)
    return manifest


def fingerprint(key: str) -> str:
    """Tells keys apart without giving them away."""
    return hashlib.sha256(b"mailroom vault key\0" + key.encode()).hexdigest()[:16]


class Meter:
    """Counts bytes for the one who watches."""

    def __init__(self, tell: Tell, total: int) -> None:
        self._tell = tell
        self._total = total
        self._done = 0

    def __call__(self, count: int) -> None:
        self._done += count
        self._tell(self._done, self._total)


@dataclass(frozen=True, slots=True)
class _Copies:
    files: dict[str, Path]
    migrations: tuple[tuple[str, str], ...]
    counts: dict[str, int]
    missing: int
    tables: dict[str, list[str]]
    sequences: list[tuple[str, str, int, bool]]


def _insist_on_tables() -> int:
    """The size of the database; on SQLite looking for tables would make the file."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not Path(name).is_file():
        raise clash("nothing_here", "file")
    if "django_migrations" not in connection.introspection.table_names():
        raise clash("nothing_here", "file")
    return tables.size() if connection.vendor == "postgresql" else Path(name).stat().st_size


def _copies(stage: Path, blobs: Path, meter: Meter) -> _Copies:
    if connection.vendor == "postgresql":
        with tables.one_moment():
            columns = tables.columns()
            files = tables.copy_out(columns, stage, meter) | _blobs(stage, blobs, meter)
            with connection.cursor() as cursor:
                cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
                migrations = tuple((app, name) for app, name in cursor.fetchall())
            counts = {name: model._default_manager.count() for name, model in _COUNTED.items()}
            rows = Blob.objects.values_list("digest", flat=True).iterator(chunk_size=_CHUNK)
            missing = _missing((bytes(digest) for digest in rows), files.get(BLOBS))
            return _Copies(files, migrations, counts, missing, columns, tables.sequences(columns))
    copy_sqlite(Path(connection.settings_dict["NAME"]), stage / "database", meter)
    files = {DATABASE: stage / "database"} | _blobs(stage, blobs, meter)
    with closing(sqlite3.connect(stage / "database")) as copy:
        migrations = tuple(copy.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall())
        counts = {
            name: int(copy.execute(f"SELECT count(*) FROM {model._meta.db_table}").fetchone()[0])
            for name, model in _COUNTED.items()
        }
        digests = copy.execute(f"SELECT digest FROM {Blob._meta.db_table}")
        missing = _missing((digest for (digest,) in digests), files.get(BLOBS))
    return _Copies(files, migrations, counts, missing, {}, [])


def _blobs(stage: Path, blobs: Path, meter: Meter) -> dict[str, Path]:
    if not blobs.exists():
        return {}
    copy_sqlite(blobs, stage / "blobs", meter)
    return {BLOBS: stage / "blobs"}


def copy_sqlite(source: Path, target: Path, meter: Callable[[int], None]) -> None:
    """Copy a database that others write to, as it is at this moment (SQLite's online backup).

    The read transaction holds the moment: without it every write by others would begin the copy anew.
    """
    with (
        closing(sqlite3.connect(source, timeout=60, isolation_level=None)) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as writer,
    ):
        page = int(reader.execute("PRAGMA page_size").fetchone()[0])
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        left: int | None = None

        def progress(_status: int, remaining: int, total: int) -> None:
            nonlocal left
            meter(((total if left is None else left) - remaining) * page)
            left = remaining

        writer.execute("PRAGMA synchronous=OFF")
        reader.backup(writer, pages=_PAGES, progress=progress, sleep=0)
        reader.execute("ROLLBACK")
        # One file that stands alone: without a log beside it.
        writer.execute("PRAGMA journal_mode=DELETE")


def _missing(digests: Iterable[bytes], blobs: Path | None) -> int:
    """How many rows have no bytes in the copy."""
    if blobs is None:
        return sum(1 for _ in digests)
    missing, rest = 0, iter(digests)
    with closing(sqlite3.connect(blobs)) as copy:
        while chunk := list(islice(rest, _CHUNK)):
            marks = ",".join("?" * len(chunk))
            found = copy.execute(f"SELECT count(*) FROM blob WHERE digest IN ({marks})", chunk).fetchone()[0]
            missing += len(chunk) - int(found)
    return missing


def _keys(stage: Path) -> dict[str, Path]:
    (stage / "vault").write_text("\n".join(settings.MAILROOM_VAULT_KEYS) + "\n", encoding="ascii")
    (stage / "secret").write_text(f"{settings.SECRET_KEY}\n", encoding="utf-8")
    return {VAULT_KEYS: stage / "vault", SECRET_KEY: stage / "secret"}


@contextmanager
def _stage(to: Path) -> Iterator[Path]:
    """A folder beside the file, gone afterwards; those of backups that were killed go now."""
    prefix = f".{to.name}."
    for left in to.parent.glob(f".{_literal(to.name)}.*.part"):
        _sweep(left)
    stage = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=to.parent))
    lock = os.open(stage / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.close(lock)


def _sweep(left: Path) -> None:
    with suppress(OSError):
        lock = os.open(left / "lock", os.O_WRONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(lock)


def _literal(name: str) -> str:
    return "".join(f"[{one}]" if one in "*?[" else one for one in name)


def _name(draft: Path, to: Path) -> None:
    """The last step: a whole file, under a name that nobody took meanwhile."""
    draft.chmod(0o600)
    try:
        os.link(draft, to)
    except FileExistsError:
        raise clash("exists", "file") from None
    except OSError:
        # No hard links there (a USB stick, a share).
        draft.rename(to)
    folder = os.open(to.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
