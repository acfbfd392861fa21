"""Where the demo lives: a temporary folder, and an environment that knows no other. Imports no settings."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
# Settings of a real installation that must not reach the demo, with their `_FILE` forms.
FOREIGN: Final = (
    "DATABASE_URL",
    "MAILROOM_BLOBS_URL",
    "MAILROOM_CA_FILE",
    "MAILROOM_SECRET_KEY",
    "MAILROOM_SECRET_KEY_FILE",
    "MAILROOM_VAULT_KEYS",
    "MAILROOM_VAULT_KEYS_FILE",
)


@contextmanager
def throw_away_place() -> Iterator[Path]:
    """A data directory that is removed in the end, and an environment that knows no other place."""
    with tempfile.TemporaryDirectory(prefix="mailroom-demo-", ignore_cleanup_errors=True) as folder:
        for name in [*FOREIGN, *(name for name in os.environ if name.startswith("MAILROOM_OAUTH_"))]:
            os.environ.pop(name, None)
        os.environ["MAILROOM_DATA_DIR"] = folder
        # Its mail server listens on loopback, where mail servers are refused unless named.
        os.environ["MAILROOM_ALLOW_HOSTS"] = LOOPBACK
        os.environ.setdefault("MAILROOM_LOG_LEVEL", "warning")
        yield Path(folder)
