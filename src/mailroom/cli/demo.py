"""`mailroom demo`: the demo company served like a real one until a signal; then all is gone."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

import click

from mailroom.cli.supervisor import Part, supervise
from mailroom.config.env import Endpoint, SettingRefused, env_endpoint

PORTS_TRIED: Final = 100
MAKE_TABLES: Final = (
    "from mailroom.cli.start import start_django; start_django(); "
    "from mailroom.demo.tables import make_tables; make_tables()"
)


class Stopped(Exception):
    """A signal came before the demo was ready."""


@click.command("demo")
@click.option("--port", type=click.IntRange(0, 65535), help="Of the page; 0 = any free one.")
@click.option("--no-trickle", is_flag=True, help="No new mail arrives by itself, and nobody answers.")
def demo_command(port: int | None, no_trickle: bool) -> None:
    """A throw-away company with people and mail; nothing leaves the machine."""
    from mailroom.cli.signals import stop_on_signals

    stop = stop_on_signals()
    wanted = env_endpoint("MAILROOM_BIND", "127.0.0.1:8025")
    with listen_near(wanted if port is None else wanted._replace(port=port)) as listener:
        try:
            run_demo(listener, stop, news=not no_trickle)
        except Stopped:
            click.echo("Stopped.", err=True)


def listen_near(endpoint: Endpoint) -> socket.socket:
    """A listening socket on the endpoint, or on the next free port after it."""
    from mailroom.cli.listening import listen

    last = endpoint.port if endpoint.port == 0 else min(endpoint.port + PORTS_TRIED, 65535)
    for port in range(endpoint.port, last):
        try:
            return listen(endpoint._replace(port=port))
        except (SettingRefused, OSError) as refusal:
            # A sentence for people in front, and the failure that it speaks of behind.
            cause = refusal if isinstance(refusal, OSError) else refusal.__context__
            if not isinstance(cause, OSError) or cause.errno != errno.EADDRINUSE:
                raise
    return listen(endpoint._replace(port=last))


def run_demo(listener: socket.socket, stop: Event, *, news: bool) -> None:
    """Make everything, as much of it as possible at once; serve until `stop`; then nothing is left."""
    from mailroom.cli.listening import endpoint_of, when_answering
    from mailroom.cli.start import start_django
    from mailroom.demo.place import throw_away_place

    endpoint = endpoint_of(listener)
    with throw_away_place() as place:
        os.environ["MAILROOM_BIND"] = str(endpoint)
        tables = start_tables()
        try:
            start_django()
            from django.conf import settings

            from mailroom.demo.command import DemoHouse, words_of_welcome

            wait_for(tables, stop)
            with closing(DemoHouse()) as house, serving_pages(listener, stop):
                house.fill_mailboxes()
                seeded = house.move_in()
                if news:
                    house.let_news_in()
                words = words_of_welcome(settings.MAILROOM_BASE_URL, seeded, place)
                when_answering(endpoint, lambda: click.echo(words))
                supervise([Part("engine", ("engine",))], stop)
        finally:
            end(tables)


def start_tables() -> subprocess.Popen[bytes]:
    """A process of its own makes the tables while this one learns what it needs."""
    return subprocess.Popen(  # noqa: S603 (our own program, our own words)
        [sys.executable, "-P", "-c", MAKE_TABLES],
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )


def wait_for(tables: subprocess.Popen[bytes], stop: Event) -> None:
    """Until the tables stand; a signal ends the wait."""
    while tables.poll() is None:
        stop.wait(0.02)
        if stop.is_set():
            raise Stopped
    if tables.returncode:
        raise click.ClickException("The tables of the demo could not be made.")


def end(process: subprocess.Popen[bytes]) -> None:
    """Gone when this returns."""
    if process.poll() is None:
        process.terminate()
    process.wait()


@contextmanager
def serving_pages(listener: socket.socket, stop: Event) -> Iterator[None]:
    """The web server, starting while the cast moves in; leaving sets `stop` and waits for its end."""
    descriptor = listener.fileno()
    web = Part("web", ("web", "--fd", str(descriptor)), (descriptor,))
    keeper = Thread(target=supervise, args=([web], stop), name="pages")
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()
