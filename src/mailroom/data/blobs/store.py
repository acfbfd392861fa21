"""Where bytes are kept: embedded, a SQLite file of their own beside the database.

Compressed with zstd, committed with synchronous FULL, one transaction per batch: per message a commit
costs several times the work, per batch nearly nothing.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import zstandard
from django.conf import settings

LEVEL = 3
_SCHEMA = "CREATE TABLE IF NOT EXISTS blob (digest BLOB NOT NULL UNIQUE, data BLOB NOT NULL)"


class Missing(KeyError):
    """The row promises bytes that are not there: a damaged or half-restored installation."""


class SqliteBlobs:
    """Content-addressed bytes in one SQLite file; safe for several threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()

    def put(self, items: Iterable[tuple[bytes, bytes]]) -> list[int]:
        """Make (digest, bytes) pairs durable in one commit; returns the stored size of each."""
        compress = zstandard.ZstdCompressor(level=LEVEL).compress
        packed = [(digest, compress(data)) for digest, data in items]
        with self._connection() as connection:
            connection.executemany("INSERT OR IGNORE INTO blob (digest, data) VALUES (?, ?)", packed)
        return [len(data) for _, data in packed]

    def get(self, digest: bytes) -> bytes:
        """The plain bytes. Raises :class:`Missing`."""
        found = self._connection().execute("SELECT data FROM blob WHERE digest = ?", (digest,)).fetchone()
        if found is None:
            raise Missing(digest.hex())
        return zstandard.ZstdDecompressor().decompress(found[0])

    def delete(self, digests: Sequence[bytes]) -> None:
        with self._connection() as connection:
            connection.executemany("DELETE FROM blob WHERE digest = ?", [(digest,) for digest in digests])

    def close(self) -> None:
        """Close the connection of this thread."""
        connection = self._own.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=20)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(_SCHEMA)
            self._own.connection = connection
        return connection


def blobs() -> SqliteBlobs:
    """The store that the settings name."""
    return _opened(settings.MAILROOM_BLOBS_PATH)


@lru_cache(maxsize=4)
def _opened(path: Path) -> SqliteBlobs:
    return SqliteBlobs(path)
