"""`mailroom backup FILE` and `mailroom restore FILE`: everything in one file, and back again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mailroom.cli.progress import Bar, bytes_of

if TYPE_CHECKING:
    from mailroom.actions.backup import Manifest, Restored

REFUSALS: Final = {
    "exists": "{file} exists already: a backup overwrites nothing, name another file.",
    "nothing_here": "There is nothing to back up in {data_dir}: no start has made its tables yet.",
    "blobs_elsewhere": "The letters lie on S3, which this command cannot copy.",
    "disk_full": "{needed} are needed and {free} are free: make room, or name another disk.",
    "not_empty": "{data_dir} is not empty ({there}): restore into a new data directory.",
    "database_not_empty": "The database holds tables with something in them: name a new one in DATABASE_URL.",
    "other_database": "The backup was made on {made_on} and this installation runs on {here}: set"
    " DATABASE_URL to the same kind.",
    "newer": "The backup was made by Mailroom {version}, which is newer: update first.",
}


class Stopped(Exception):
    """A signal asked for the end."""


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--with-keys", is_flag=True, help="The keys too: whoever has the file has the passwords.")
def backup_command(file: Path, with_keys: bool) -> None:
    """Write everything except keys into one file (tar, zstd), while Mailroom runs.

    Users, cards, letters with their bytes, settings. Without the keys the mailbox passwords in it are
    sealed: keep the keys elsewhere, or be asked for the passwords after a restore.
    """
    from mailroom.cli.signals import stop_on_signals
    from mailroom.cli.start import start_django

    stop = stop_on_signals()
    start_django()
    from mailroom.actions import backup

    to = file.absolute()
    manifest: Manifest = _run(
        lambda tell: backup.take(to, with_keys=with_keys, tell=tell),
        to,
        stop,
        "Stopped; nothing was written.",
    )
    click.echo(f"{_counted(manifest)} in {file} ({bytes_of(to.stat().st_size)}).")
    if manifest.missing:
        click.echo(f"{manifest.missing} letters have no bytes in it: purged meanwhile, or lost.", err=True)
    if not with_keys:
        click.echo(f"The keys are not in it ({', '.join(manifest.vault_keys)}): keep them elsewhere.")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore_command(file: Path) -> None:
    """Put a backup into an empty installation, and name the accounts whose passwords are missing.

    Keys may be put into the data directory, or into the environment, before.
    """
    from mailroom.cli.signals import stop_on_signals
    from mailroom.cli.start import start_django

    stop = stop_on_signals()
    start_django()
    from mailroom.actions import backup

    restored: Restored = _run(
        lambda tell: backup.restore(file, tell=tell), file, stop, "Stopped; nothing was restored."
    )
    manifest = restored.manifest
    click.echo(f"{_counted(manifest)} restored, as of {manifest.made_at[:16].replace('T', ' ')} UTC.")
    if manifest.missing:
        click.echo(f"{manifest.missing} letters have no bytes in this backup.")
    if restored.doubtful:
        click.echo(
            f"Waiting to be sent when it was made: {restored.doubtful} letters. They may have gone out since:"
            " none is sent by itself, say for each whether it went."
        )
    if restored.locked:
        click.echo("No key here opens the passwords of these accounts; enter them again:")
        for address in restored.locked:
            click.echo(f"  {address}")


def _run(work: Callable[[Any], Any], file: Path, stop: threading.Event, stopped: str) -> Any:
    """The work with a bar; what it refuses as a sentence."""
    from django.conf import settings
    from django.db import DatabaseError

    from mailroom.actions.backup import Damaged
    from mailroom.actions.refusals import Refused

    bar = Bar(file.name)

    def tell(done: int, total: int) -> None:
        if stop.is_set():
            raise Stopped
        bar.show(done, total, f"{bytes_of(done)} of about {bytes_of(total)}")

    try:
        return work(tell)
    except Refused as refusal:
        about = {
            name: bytes_of(value) if isinstance(value, int) else value
            for name, value in refusal.faults[0].about.items()
        }
        sentence = REFUSALS[refusal.faults[0].key]
        raise click.ClickException(
            sentence.format(file=file, data_dir=settings.MAILROOM_DATA_DIR, **about)
        ) from None
    except Damaged as damage:
        raise click.ClickException(f"{file} is no whole backup ({damage}).") from None
    except Stopped:
        raise click.ClickException(stopped) from None
    except (OSError, DatabaseError) as failure:
        raise click.ClickException(f"It failed, and left nothing behind: {failure}") from None
    finally:
        bar.close()


def _counted(manifest: Manifest) -> str:
    counts = manifest.counts
    return f"{counts['messages']} letters of {counts['accounts']} accounts and {counts['users']} users"
