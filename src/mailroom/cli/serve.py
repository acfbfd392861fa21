"""`mailroom serve`: everything in one command, stopped by one signal."""

from __future__ import annotations

import socket
from collections.abc import Callable

import click


@click.command("serve")
def serve_command() -> None:
    """Everything in one command: migrate, web, engine."""
    from mailroom.cli.start import start_django

    start_django()
    from django.conf import settings

    from mailroom.cli.listening import listen

    listener = listen(settings.MAILROOM_BIND)
    prepare()
    run_parts(listener, announce=greet)


def prepare() -> None:
    """Keys made, tables brought up to date: what must be true before any part starts."""
    from django.conf import settings

    from mailroom.cli.migrating import migrate
    from mailroom.config import keys

    keys.secret_key(settings.MAILROOM_DATA_DIR)
    keys.vault_keys(settings.MAILROOM_DATA_DIR)
    migrate()


def run_parts(listener: socket.socket, *, announce: Callable[[str], None]) -> None:
    """Web and engine until a signal; `announce(address)` once pages answer."""
    from django.conf import settings
    from django.db import connections

    from mailroom.cli.listening import endpoint_of, when_answering
    from mailroom.cli.signals import stop_on_signals
    from mailroom.cli.supervisor import Part, supervise

    endpoint, descriptor = endpoint_of(listener), listener.fileno()
    address = f"http://{endpoint}" if settings.MAILROOM_BIND.port == 0 else settings.MAILROOM_BASE_URL
    # A port left to the system is a number now: the parts must all know it.
    where = {"MAILROOM_BIND": str(endpoint)}
    stop = stop_on_signals()
    connections.close_all()
    when_answering(endpoint, lambda: announce(address))
    supervise(
        [
            Part("web", ("web", "--fd", str(descriptor)), (descriptor,), where),
            Part("engine", ("engine",), environment=where),
        ],
        stop,
    )


def greet(address: str) -> None:
    """The first lines that a person sees: where to go, and the code of the first administrator."""
    from django.db import connections

    from mailroom.actions.people import is_set_up, setup_code

    click.echo(f"Mailroom is at {address}")
    if not is_set_up():
        click.echo(f"No user yet. The code to set it up: {setup_code()}")
    connections.close_all()
