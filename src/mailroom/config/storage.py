"""Where data lies: the settings of both databases and of the blobs, from their addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import dj_database_url

from mailroom.config.env import SettingRefused

# WAL lets readers go on while one writes. NORMAL survives a kill of the process; rows that are evidence
# (an intent's phase, the dot, a DELE) raise it to FULL around their own commit.
SQLITE_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA cache_size=-65536",
    "PRAGMA mmap_size=1073741824",
    "PRAGMA temp_store=MEMORY",
    # 16 MB of log before it is folded in: the same pages of an index change in every batch.
    "PRAGMA wal_autocheckpoint=4000",
)
BUSY_SECONDS: Final = 20
KEEP_CONNECTION_SECONDS: Final = 600


def database_settings(url: str, *, data_dir: Path) -> dict[str, Any]:
    """Django's settings of the one database; an empty `url` is SQLite in the data directory."""
    scheme = urlsplit(url).scheme if url else "sqlite"
    if scheme == "sqlite":
        return _sqlite(_sqlite_path("DATABASE_URL", url, default=data_dir / "mailroom.db"))
    if scheme in {"postgres", "postgresql"}:
        return _postgres(url)
    raise SettingRefused(
        "DATABASE_URL has an unknown kind: write sqlite:///path or postgres://user@host/name."
    )


def blobs_path(url: str, *, data_dir: Path) -> Path:
    """The SQLite file of the message bytes."""
    scheme = urlsplit(url).scheme if url else "sqlite"
    if scheme == "sqlite":
        return _sqlite_path("MAILROOM_BLOBS_URL", url, default=data_dir / "blobs.db")
    if scheme == "s3":
        raise SettingRefused(
            "MAILROOM_BLOBS_URL names S3, which this version cannot use yet: remove it, or write sqlite:///path."
        )
    raise SettingRefused("MAILROOM_BLOBS_URL has an unknown kind: write sqlite:///path.")


def _sqlite_path(name: str, url: str, *, default: Path) -> Path:
    """`sqlite:///x.db` is relative to the working directory, `sqlite:////x.db` absolute."""
    if not url:
        return default
    parts = urlsplit(url)
    path = unquote(parts.path)[1:]
    if parts.netloc or not path or path == ":memory:":
        raise SettingRefused(f"{name} is {url!r}: write sqlite:/// and the path of a file.")
    return Path(path).resolve()


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": KEEP_CONNECTION_SECONDS,
        "OPTIONS": {
            # A DEFERRED transaction that turns writer fails at once with "database is locked".
            "transaction_mode": "IMMEDIATE",
            "timeout": BUSY_SECONDS,
            "init_command": ";".join(SQLITE_PRAGMAS),
        },
    }


def _postgres(url: str) -> dict[str, Any]:
    try:
        settings = dict(
            dj_database_url.parse(url, conn_max_age=KEEP_CONNECTION_SECONDS, conn_health_checks=True)
        )
    except ValueError as failure:
        raise SettingRefused(
            f"DATABASE_URL cannot be read ({failure}): write postgres://user:password@host/name."
        ) from None
    if not settings.get("NAME"):
        raise SettingRefused("DATABASE_URL names no database: write postgres://user:password@host/name.")
    return settings
