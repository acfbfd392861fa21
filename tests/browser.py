"""A real Chromium, and our real application under uvicorn on a free port, for journeys.

A test that asks for `live` or `page` works on a real database (no transaction around it), since the
server reads it from threads of its own. Screenshots go to `tests/shots/`.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test.utils import override_settings
from playwright.sync_api import Browser, Page, sync_playwright

SHOTS: Final = Path(__file__).resolve().parent / "shots"
START_SECONDS: Final = 20.0
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Live:
    """A running server; `url` has no trailing slash."""

    def __init__(self) -> None:
        from mailroom.cli.parts import make_server
        from mailroom.web.stopping import STOPPING

        self._stopping = STOPPING
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server: Any = make_server()
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="live", daemon=True
        )

    def start(self) -> None:
        """Serve, and return once requests are accepted."""
        self._stopping.clear()
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the live server did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """End streams, drain, and close the database connections of the request threads."""
        self._stopping.set()
        self._server.should_exit = True
        self._thread.join(10)
        self._stopping.clear()
        self._listener.close()
        assert not self._thread.is_alive(), "the live server did not stop"
        close_lanes()


def close_lanes() -> None:
    """The kept threads of the application keep their connections: a test database could not be dropped."""
    from django.db import connections

    from mailroom.config.asgi import application

    for lane in application.lanes:
        lane.thread.submit(connections.close_all).result(5)


@pytest.fixture
def live(transactional_db: None) -> Iterator[Live]:
    """Our application under uvicorn; what the test writes to the database, the server sees."""
    server = Live()
    server.start()
    with override_settings(MAILROOM_BASE_URL=server.url, CSRF_TRUSTED_ORIGINS=[server.url]):
        yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    # Playwright's sync API keeps an event loop on this thread, and Django refuses the ORM near one.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise ImproperlyConfigured("Chromium is missing: install the package chromium, or use ./run test.")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, live: Live) -> Iterator[Page]:
    """A fresh window on the live server, 1440 x 900; what the page throws fails the test at its end."""
    context = browser.new_context(base_url=live.url, viewport={"width": 1440, "height": 900}, locale="en-GB")
    window = context.new_page()
    thrown: list[str] = []
    window.on("pageerror", lambda error: thrown.append(str(error)))
    window.on("console", lambda line: thrown.append(line.text) if is_refusal(line.text) else None)
    yield window
    context.close()
    assert thrown == [], f"the page threw: {thrown}"


def is_refusal(line: str) -> bool:
    """True if the console tells of something our own security policy stopped."""
    return "Content Security Policy" in line


def take_shot(page: Page, name: str, *, full: bool = False) -> Path:
    """A screenshot `tests/shots/<name>.png`, for people to look at."""
    SHOTS.mkdir(exist_ok=True)
    path = SHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=full)
    return path
