"""The two parts of `serve`, each also a command of its own for several machines."""

from __future__ import annotations

import signal
import socket
from types import FrameType
from typing import Any, Final

import click

# An answer under way has this long to end; a stream leaves at once (see `mailroom.web.stopping`).
DRAIN_SECONDS: Final = 3

_lifeline = click.option("--lifeline", type=int, hidden=True)


@click.command("web")
@click.option("--fd", type=int, hidden=True)
@_lifeline
def web_command(fd: int | None, lifeline: int | None) -> None:
    """The web server alone."""
    from mailroom.cli.start import start_django

    start_django()
    from django.conf import settings

    from mailroom.cli.listening import listen
    from mailroom.cli.signals import follow

    listener = socket.socket(fileno=fd) if fd is not None else listen(settings.MAILROOM_BIND)
    # Before uvicorn listens to signals, and when it raises them again after its own clean end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    follow(lifeline)
    make_server().run(sockets=[listener])


@click.command("engine")
@_lifeline
def engine_command(lifeline: int | None) -> None:
    """The engine alone: sync, push, sending, jobs."""
    from mailroom.cli.signals import stop_on_signals
    from mailroom.cli.start import start_django

    stop = stop_on_signals(lifeline)
    start_django()
    from mailroom.engine.loop import run

    run(stop)


def make_server() -> Any:
    """A uvicorn server of our application that tells its streams to end before it waits for them."""
    import uvicorn

    from mailroom.config.asgi import application
    from mailroom.web.stopping import STOPPING

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            STOPPING.set()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        application,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return Server(config)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
