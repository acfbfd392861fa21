"""Mailroom's settings for a test run: the same, in a throw-away place, with cheap password hashes."""

from tests import databases

databases.prepare()

from mailroom.config.settings import *  # noqa: E402, F403
from mailroom.config.settings import DATABASES, MAILROOM_DATA_DIR  # noqa: E402

if databases.chosen() == "sqlite":
    # A file, not memory: threads and other processes of a test see the same database, in real WAL.
    DATABASES["default"]["TEST"] = {"NAME": MAILROOM_DATA_DIR / "test.db"}
MAILROOM_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ACCOUNT_RATE_LIMITS = False
