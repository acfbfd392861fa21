"""`mailroom serve`: everything in one command, stopped by one signal."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

import click

from mailroom.config.env import Endpoint


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


def run_parts(listener: socket.socket, *, announce: Callable[[str], None], extra: Sequence[str] = ()) -> None:
    """Web, engine and the commands of `extra`, until a signal; `announce(address)` once pages answer."""
    from django.conf import settings
    from django.db import connections

    from mailroom.cli.listening import endpoint_of, when_answering
    from mailroom.cli.signals import stop_on_signals
    from mailroom.cli.supervisor import Part, supervise

    endpoint = endpoint_of(listener)
    address = address_of(endpoint) if settings.MAILROOM_BIND.port == 0 else settings.MAILROOM_BASE_URL
    where = {"MAILROOM_BIND": str(endpoint)}
    stop = stop_on_signals()
    connections.close_all()
    when_answering(endpoint, lambda: announce(address))
    supervise(
        [
            Part("web", ("web", "--fd", str(listener.fileno())), (listener.fileno(),), where),
            Part("engine", ("engine",), environment=where),
            *(Part(name, (name,), environment=where) for name in extra),
        ],
        stop,
    )


def address_of(endpoint: Endpoint) -> str:
    """The address to open in a browser of this machine."""
    return f"http://{endpoint}"


def greet(address: str) -> None:
    """The first lines that a person sees: where to go, and the code of the first administrator."""
    from django.db import connections

    from mailroom.actions.people import is_set_up, setup_code

    click.echo(f"Mailroom is at {address}")
    if not is_set_up():
        click.echo(f"No user yet. The code to set it up: {setup_code()}")
    connections.close_all()
