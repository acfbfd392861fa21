"""`mailroom import` and `mailroom export`: letters from files into local folders, and out again."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mailroom.cli.progress import Bar, bytes_of

if TYPE_CHECKING:
    from mailroom.actions.transfer import Selection, Source, Summary, Written
    from mailroom.data.people.models import User

REASONS: Final = {
    "too_big": "longer than 50 MB",
    "empty": "holds no bytes",
    "unreadable": "cannot be read",
    "purged": "was purged here for good",
    "not_stored": "could not be stored; the log says why",
}
REFUSALS: Final = {
    "exists": "{path} exists already: name a new file or an empty folder.",
    "no_such_account": "{email} reads no account {account}.",
    "no_such_folder": "{email} reads no folder {folder} of that account.",
}
_TOLD = 20


class Stopped(Exception):
    """A signal asked for the end."""


@click.command("import")
@click.argument("account_id", type=int)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--folder", help="The local folder; without it the name of the file or folder.")
@click.option("--json", "as_json", is_flag=True, help="A summary as one JSON document.")
def import_command(account_id: int, path: Path, folder: str | None, as_json: bool) -> None:
    """Take an mbox, a Maildir, an .eml or a folder of these into a local folder of an account.

    The bytes of each letter are kept exactly. What the account holds already is not doubled, so a run
    that was stopped is run again. Letters without a note of their own (Status, X-Mozilla-Status, the name
    in a Maildir) count as read. Exit code 0 only if every letter is in the account.
    """
    from mailroom.cli.signals import stop_on_signals
    from mailroom.cli.users import start

    stop = stop_on_signals()
    start()
    _insist_on_account(account_id)
    source = _source(path)
    name = folder or source.name
    began = time.monotonic()
    summary, why = _take_in(account_id, source, name, stop)
    document = _document(account_id, name, source, summary, seconds=time.monotonic() - began, stopped=why)
    click.echo(json.dumps(document, ensure_ascii=False) if as_json else _sentence(document))
    for refusal in summary.refused[:_TOLD]:
        click.echo(f"not taken: {_place(refusal.file, refusal.number)} {REASONS[refusal.reason]}", err=True)
    if len(summary.refused) > _TOLD:
        click.echo(f"not taken: {len(summary.refused) - _TOLD} more; --json names them all", err=True)
    if why:
        click.echo(f"{why} What is in stays in; run it again for the rest.", err=True)
    sys.exit(1 if why or summary.refused else 0)


def _take_in(account_id: int, source: Source, name: str, stop: threading.Event) -> tuple[Summary, str]:
    """The summary, and why it ended early (a sentence) if it did."""
    from mailroom.actions.transfer import Summary, take_in
    from mailroom.actions.transfer.importing import StoreFailed

    summary = Summary()
    bar = Bar(name)

    def tell(done: int, present: Summary) -> None:
        nonlocal summary
        summary = present
        words = f"{present.found} letters, {bytes_of(done)} of {bytes_of(source.size)}"
        bar.show(done, source.size, words)
        if stop.is_set():
            raise Stopped

    try:
        summary = take_in(account_id=account_id, source=source, folder_name=name, tell=tell)
    except Stopped:
        return summary, "Stopped."
    except StoreFailed as failure:
        return summary, f"The store does not take letters now ({failure})."
    finally:
        bar.close()
    return summary, ""


def _insist_on_account(account_id: int) -> None:
    from mailroom.data.mail.models import Account

    if not Account.objects.filter(pk=account_id).exists():
        raise click.ClickException(f"There is no account {account_id}.")


def _source(path: Path) -> Source:
    from mailroom.actions.transfer import find
    from mailroom.wire.imap import names

    try:
        return find(path, read_name=names.decode)
    except OSError as failure:
        raise click.ClickException(f"{path} cannot be read ({failure.strerror}).") from None


def _document(
    account_id: int, name: str, source: Source, summary: Summary, *, seconds: float, stopped: str
) -> dict[str, Any]:
    return {
        "account": account_id,
        "folder": name,
        "found": summary.found,
        "taken": summary.taken,
        "known": summary.known,
        "removed": summary.removed,
        "refused": [
            {"file": each.file, "number": each.number, "reason": each.reason} for each in summary.refused
        ],
        "ignored": len(source.ignored),
        "complete": not stopped and not summary.refused,
        "seconds": round(seconds, 3),
    }


def _sentence(document: dict[str, Any]) -> str:
    said = f"{document['taken']} of {document['found']} letters taken into {document['folder']}"
    said += f", {document['known']} were here already"
    if document["removed"]:
        said += f", {document['removed']} had been deleted in the file"
    if document["refused"]:
        said += f", {len(document['refused'])} not taken"
    if document["ignored"]:
        said += f"; {document['ignored']} files hold no letters"
    return said + "."


def _place(file: str, number: int) -> str:
    return f"{file}, letter {number}," if number else file


# A query may begin with a minus: only whole words are options here.
@click.command("export", context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("email", metavar="USER_EMAIL")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--account", "account_id", type=int, help="A whole account, folder by folder.")
@click.option("--folder", help="One folder of the account: its number or name.")
@click.option("--query", help="What `mailroom search` finds; with --account or --folder in there only.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["mbox", "maildir", "eml"]),
    default="mbox",
    show_default=True,
    help="The flags of letters are kept by maildir only.",
)
@click.option("--json", "as_json", is_flag=True, help="A summary as one JSON document.")
def export_command(
    email: str,
    path: Path,
    account_id: int | None,
    folder: str | None,
    query: str | None,
    form: str,
    as_json: bool,
) -> None:
    """Write letters that a user may read to an mbox, a Maildir or .eml files; never others.

    A whole account becomes a folder of mboxes, one folder or a search a single mbox. The bytes are those
    that came in. Exit code 0 only if every letter asked for was written.
    """
    from mailroom.cli.search import _user
    from mailroom.cli.signals import stop_on_signals
    from mailroom.cli.users import start

    if account_id is None and query is None:
        raise click.UsageError("name what to export: --account, --query or both")
    stop = stop_on_signals()
    start()
    user = _user(email)
    selection = _selection(user, account_id, folder, query)
    names = {"email": email, "path": path, "account": account_id, "folder": folder}
    written = _write_out(user, selection, path.resolve(), form, stop, names)
    document = {"total": written.total, "written": written.written, "without_bytes": written.without_bytes}
    words = f"{written.written} of {written.total} letters written to {path}."
    click.echo(json.dumps({**document, "path": str(path)}, ensure_ascii=False) if as_json else words)
    if written.without_bytes:
        click.echo(f"{written.without_bytes} letters have no bytes here (headers only, or lost).", err=True)
    sys.exit(1 if written.without_bytes else 0)


def _write_out(
    user: User, selection: Selection, path: Path, form: str, stop: threading.Event, names: dict[str, Any]
) -> Written:
    from mailroom.actions.refusals import Refused
    from mailroom.actions.transfer import Format, write_out
    from mailroom.data.mail.visibility import reach_of
    from mailroom.wire.imap.names import encode

    bar = Bar(path.name)

    def tell(written: Written) -> None:
        done = written.written + written.without_bytes
        bar.show(done, written.total, f"{done} of {written.total} letters")
        if stop.is_set():
            raise Stopped

    try:
        reach = reach_of(user)
        return write_out(
            reach=reach, selection=selection, to=path, form=Format(form), encode=encode, tell=tell
        )
    except Refused as refusal:
        raise click.ClickException(REFUSALS[refusal.faults[0].key].format(**names)) from None
    except Stopped:
        raise click.ClickException("Stopped; nothing was written.") from None
    except OSError as failure:
        raise click.ClickException(f"{path} cannot be written ({failure.strerror}).") from None
    finally:
        bar.close()


def _selection(user: User, account_id: int | None, folder: str | None, query: str | None) -> Selection:
    from mailroom.actions.transfer import Selection
    from mailroom.cli.search import _words_of, _zone
    from mailroom.core.search import QueryError, parse_query

    try:
        tree = parse_query(query) if query is not None else None
    except QueryError as error:
        raise click.ClickException(_words_of(error)) from None
    folder_id = _folder(account_id, folder) if folder is not None else None
    return Selection(account_id, folder_id, tree, _zone(user))


def _folder(account_id: int | None, folder: str) -> int:
    """By number, else by name; -1, which no folder has, if there is none."""
    from mailroom.core.fold import fold
    from mailroom.data.mail.models import Folder

    if account_id is None:
        raise click.UsageError("--folder needs --account")
    rows = Folder.objects.filter(account_id=account_id)
    if folder.isdigit():
        return rows.filter(pk=int(folder)).values_list("pk", flat=True).first() or -1
    named = list(rows.filter(name_key=fold(folder)).values_list("pk", flat=True))
    if len(named) > 1:
        numbers = ", ".join(str(pk) for pk in named)
        raise click.ClickException(f"Several folders have that name: say which by its number ({numbers}).")
    return named[0] if named else -1
