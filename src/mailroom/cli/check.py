"""`mailroom check`: is this installation sound? One line each, and exit code 1 on a fault.

It changes nothing: what does not exist yet is said, not made.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from mailroom.config.env import SettingRefused


class Fault(Exception):
    """Something is wrong; the message says what, and what to do."""


@click.command("check")
def check_command() -> None:
    """Settings, database, blobs, keys, servers: one line each; exit code 1 on a fault."""
    faults = 0
    for name, look in CHECKS:
        try:
            click.echo(f"ok     {name}: {look()}")
        except (Fault, SettingRefused) as fault:
            faults += 1
            click.echo(f"FAULT  {name}: {fault}")
            if name == "settings":
                break
    raise SystemExit(1 if faults else 0)


def check_settings() -> str:
    """The environment is understood, and the data directory is nobody else's."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailroom.config.settings")
    import django
    from django.conf import settings

    django.setup(set_prefix=False)
    data_dir: Path = settings.MAILROOM_DATA_DIR
    if not data_dir.is_dir():
        raise Fault(f"the data directory {data_dir} does not exist yet: `mailroom serve` makes it.")
    if stat.S_IMODE(data_dir.stat().st_mode) & 0o077:
        raise Fault(f"others can look into {data_dir}: chmod 700 {data_dir}")
    return f"data in {data_dir}, address {settings.MAILROOM_BASE_URL}"


def check_database() -> str:
    """It answers, and its tables are those of this program."""
    from django.db import DatabaseError, connection

    from mailroom.cli.migrating import pending

    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not Path(name).is_file():
        raise Fault(f"{name} does not exist yet: `mailroom serve` makes it.")
    try:
        waiting = pending()
    except DatabaseError as failure:
        raise Fault(
            f"it does not answer ({str(failure).strip()}): correct DATABASE_URL or start it."
        ) from None
    if waiting:
        raise Fault(
            f"{len(waiting)} migrations wait: `mailroom serve` or `mailroom manage migrate` applies them."
        )
    version = ".".join(map(str, connection.get_database_version()))
    return f"{connection.display_name} {version}, tables up to date"


def check_blobs() -> str:
    """The bytes of the letters can be read."""
    from django.conf import settings

    path: Path = settings.MAILROOM_BLOBS_PATH
    if not path.exists():
        return f"{path} will be made with the first letter"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as blobs:
            count = blobs.execute("SELECT count(*) FROM blob").fetchone()[0]
    except sqlite3.Error as failure:
        raise Fault(f"{path} cannot be read ({failure}): restore it from a backup.") from None
    return f"{count} in {path}"


def check_keys() -> str:
    """They are there, whole and nobody else's, and open what they sealed."""
    from django.conf import settings

    from mailroom.config import keys
    from mailroom.config.env import env_secret

    for variable, name in (
        ("MAILROOM_SECRET_KEY", keys.SECRET_KEY_FILE),
        ("MAILROOM_VAULT_KEYS", keys.VAULT_KEYS_FILE),
    ):
        path: Path = settings.MAILROOM_DATA_DIR / name
        if env_secret(variable):
            continue
        if not path.is_file():
            raise Fault(
                f"{path} does not exist: put it back, or let `mailroom serve` make one if this is new."
            )
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Fault(f"others can read {path}: chmod 600 {path}")
    keys.secret_key(settings.MAILROOM_DATA_DIR)
    count = len(keys.vault_keys(settings.MAILROOM_DATA_DIR))
    return f"a session key and {count} for credentials"


def check_servers() -> str:
    """What the last pass of each active mailbox met; nothing is dialled here, the engine does that."""
    from mailroom.data.mail.models import Account

    active = Account.objects.filter(active=True)
    troubled = list(active.exclude(error_kind="").order_by("pk"))
    if troubled:
        told = "; ".join(
            f"{each.email} at {each.incoming_host}: {each.error_kind}"
            + (f" ({each.error_words})" if each.error_words else "")
            for each in troubled
        )
        raise Fault(f"{len(troubled)} of {active.count()} mailboxes need attention: {told}")
    return f"{active.count()} active mailboxes, none in trouble"


CHECKS: Final[tuple[tuple[str, Callable[[], str]], ...]] = (
    ("settings", check_settings),
    ("database", check_database),
    ("blobs", check_blobs),
    ("keys", check_keys),
    ("servers", check_servers),
)
