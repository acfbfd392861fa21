"""`mailroom sync`: one full pass of accounts in the foreground, beside a running engine or alone."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

WAIT_FOR_LEASE = 900.0
"""Seconds to wait for a pass that the engine has begun."""


@dataclass(frozen=True, slots=True)
class _Report:
    """One account after its pass, as `--json` prints it."""

    id: int
    state: str
    stored: int
    range_total: int
    parked: int
    seconds: float
    in_step: bool
    words: str

    def as_json(self) -> dict[str, Any]:
        names = ("id", "state", "stored", "range_total", "parked", "seconds")
        return {name: getattr(self, name) for name in names}


@click.command("sync")
@click.argument("account_ids", metavar="[ACCOUNT_ID …]", nargs=-1, type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON document per account, in the order given.")
def sync_command(account_ids: tuple[int, ...], as_json: bool) -> None:
    """One full pass of the given accounts (or all active ones); exit 0 only if each is in step."""
    from mailroom.cli.signals import stop_on_signals
    from mailroom.cli.start import start_django

    stop = stop_on_signals()
    start_django()
    accounts = _accounts(account_ids)
    reports = []
    for pk, name in accounts:
        report = _sync(pk, name, stop)
        reports.append(report)
        click.echo(json.dumps(report.as_json()) if as_json else _sentence(name, report))
        if stop.is_set():
            break
    sys.exit(0 if len(reports) == len(accounts) and all(report.in_step for report in reports) else 1)


def _accounts(account_ids: tuple[int, ...]) -> list[tuple[int, str]]:
    from mailroom.data.mail.models import Account

    active = dict(Account.objects.filter(active=True).order_by("pk").values_list("pk", "email"))
    unknown = [pk for pk in account_ids if pk not in active]
    if unknown:
        raise click.ClickException(f"no active account {', '.join(str(pk) for pk in unknown)}")
    return [(pk, active[pk]) for pk in dict.fromkeys(account_ids or active)]


def _sync(pk: int, name: str, stop: threading.Event) -> _Report:
    """Claim the account (waiting for the engine's own pass if it must), pass over it, look at the row."""
    from mailroom.actions.ledger import ledger_of
    from mailroom.data.mail.models import Account

    began = time.monotonic()
    with _bar(pk, name):
        result = _pass(pk, stop)
    account = Account.objects.get(pk=pk)
    ledger = result.ledger if result else ledger_of(pk)
    return _Report(
        id=pk,
        state=account.state,
        stored=ledger.stored,
        range_total=ledger.in_range,
        parked=ledger.parked,
        seconds=round(time.monotonic() - began, 3),
        in_step=bool(result and result.in_step),
        words=account.error_words or account.error_kind,
    )


def _pass(pk: int, stop: threading.Event) -> Any:
    from django.utils import timezone

    from mailroom.actions.leases import claim
    from mailroom.engine.loop import free_dead_leases, owner_name
    from mailroom.engine.passes import pass_over

    free_dead_leases()
    ends_at = time.monotonic() + WAIT_FOR_LEASE
    while not stop.is_set() and time.monotonic() < ends_at:
        lease = claim(pk, owner_name("sync"), timezone.now())
        if lease is not None:
            return pass_over(lease, stop=stop)
        stop.wait(0.2)
    return None


class _bar:
    """A progress bar on stderr, fed from the account's row by a thread of its own."""

    def __init__(self, pk: int, name: str) -> None:
        self._pk = pk
        self._name = name
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join(5)

    def _run(self) -> None:
        from django.db import connection

        try:
            with click.progressbar(length=1, label=self._name, file=sys.stderr, show_pos=True) as bar:
                while not self._done.wait(0.5):
                    self._show(bar.update, bar)
        finally:
            connection.close()

    def _show(self, update: Callable[[int], None], bar: Any) -> None:
        from mailroom.data.mail.models import Account

        row = Account.objects.filter(pk=self._pk).values_list("progress_stored", "progress_total").first()
        if row and row[1]:
            bar.length = row[1]
            update(max(0, row[0] - bar.pos))


def _sentence(name: str, report: _Report) -> str:
    if report.in_step:
        return f"{name}: in step, {report.stored} of {report.range_total} letters, {report.parked} parked"
    why = f": {report.words}" if report.words else ""
    return f"{name}: not in step ({report.state}){why}"
