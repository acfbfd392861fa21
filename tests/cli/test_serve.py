"""`mailroom serve` as a process: what is killed comes back, what is stopped is gone in five seconds."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cli.processes import COMMAND, Running, children_of, environment, eventually, mailroom, started

STOP_SECONDS = 5.0


@pytest.fixture
def serve(data_dir: Path) -> Iterator[Running]:
    """A running `serve` that answers."""
    with started([*COMMAND, "serve"], env=environment(data_dir), cwd=data_dir.parent) as running:
        address_of(running)
        yield running


def address_of(running: Running) -> str:
    return running.line("Mailroom is at ").split()[-1]


def is_healthy(running: Running) -> bool:
    with urlopen(f"{address_of(running)}/healthz", timeout=20) as answer:
        return answer.status == 200


def test_the_address_is_printed_once_pages_are_served(serve: Running) -> None:
    assert is_healthy(serve)
    assert len(serve.line("No user yet. The code to set it up: ").split()[-1]) >= 12


def test_a_first_start_keeps_its_files_to_itself(serve: Running, data_dir: Path) -> None:
    serve.line("No user yet.")
    assert data_dir.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in data_dir.iterdir()}
    assert {"secret.key", "vault.keys", "setup-code", "mailroom.db"} <= modes.keys()
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("part", ["web", "engine"])
def test_a_killed_part_is_started_again(serve: Running, part: str) -> None:
    first = eventually(lambda: children_of(serve.pid, word=part))
    os.kill(first[0], signal.SIGKILL)
    second = eventually(lambda: [pid for pid in children_of(serve.pid, word=part) if pid not in first])
    assert len(second) == 1
    assert is_healthy(serve)


def test_sigterm_ends_everything_in_time_with_a_stream_open(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    environ = environment(data_dir, DJANGO_SETTINGS_MODULE="endless")
    environ["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    with (
        started([*COMMAND, "serve"], env=environ, cwd=tmp_path) as running,
        urlopen(f"{address_of(running)}/endless", timeout=20) as stream,
    ):
        assert stream.readline() == b"tick\n"
        parts = children_of(running.pid, word="mailroom.cli")
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        code = running.process.wait(STOP_SECONDS + 5)
        assert (code, time.monotonic() - began < STOP_SECONDS) == (0, True)
        # The stream was ended, not cut: an incomplete one would raise here.
        assert set(stream.read().split()) <= {b"tick"}
        assert parts
        assert all(map(is_gone, parts))
        assert not [line for line in running.lines if "part_killed" in line]


# The settings and urls of a server with one page that never ends by itself.
ENDLESS = """
from mailroom.config.settings import *
ROOT_URLCONF = "endless"

from django.urls import path

async def lines():
    from mailroom.web import stopping
    while not await stopping.pause(0.5):
        yield b"tick\\n"

async def endless(request):
    from django.http import StreamingHttpResponse
    return StreamingHttpResponse(lines(), content_type="text/event-stream")

def healthz(request):
    from mailroom.web import health
    return health.healthz(request)

urlpatterns = [path("endless", endless), path("healthz", healthz)]
"""


def test_parts_do_not_outlive_a_killed_supervisor(serve: Running) -> None:
    web = eventually(lambda: children_of(serve.pid, word="web"))
    serve.process.kill()
    eventually(lambda: is_gone(web[0]), seconds=STOP_SECONDS + 5)


def is_gone(pid: int) -> bool:
    """True if there is no such process; one that nobody has buried yet counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_taken_port_is_a_sentence(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = mailroom("serve", data_dir=data_dir, MAILROOM_BIND=where)
    assert done.returncode == 1
    assert f"The address {where} is taken: stop the other program, or set MAILROOM_BIND" in done.stderr
    assert "Traceback" not in done.stderr
