"""`mailroom demo` as a process: what it prints is true, nothing leaves it, nothing is left of it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from mailroom.demo.cast import CAST
from mailroom.demo.place import FOREIGN
from mailroom.demo.server import PASSWORD
from tests.cli.processes import COMMAND, Running, children_of, environment, eventually, started
from tests.cli.test_serve import is_gone

START_SECONDS = 120.0
STOP_SECONDS = 5.0


class Visitor:
    """Somebody who has read what the demo printed, and uses the token."""

    def __init__(self, running: Running, *, folder: Path, taken: int = 0) -> None:
        self.running = running
        self.folder = folder
        self.taken = taken
        self.url = running.line("Mailroom is at ", seconds=START_SECONDS).split()[-1]
        self.token = running.line("API token (Ewa Lisowska): ").split()[-1]

    def asks(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer of REST; with a body it is a POST."""
        request = Request(
            f"{self.url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())


@contextmanager
def demo(folder: Path, *options: str, **more: str) -> Iterator[Running]:
    """The command under way, with `folder` for temporary files and a data directory it must not touch."""
    env = environment(folder / "real", TMPDIR=str(folder), **more)
    with started([*COMMAND, "demo", "--no-trickle", *options], env=env, cwd=folder) as running:
        yield running


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A visitor of a demo that wanted a taken port, in a shell that is set up for a real Mailroom."""
    folder = tmp_path_factory.mktemp("demo")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        foreign = {"DATABASE_URL": f"sqlite:///{folder}/real.db", "MAILROOM_BLOBS_URL": "s3://bucket/x"}
        with demo(folder, "--port", str(port), **foreign) as running:
            yield Visitor(running, folder=folder, taken=port)


def test_a_taken_port_is_the_next_free_one(visitor: Visitor) -> None:
    port = int(visitor.url.rpartition(":")[2])
    assert visitor.taken < port <= visitor.taken + 100


def test_a_real_installation_is_not_touched(visitor: Visitor) -> None:
    names = {path.name for path in visitor.folder.iterdir()}
    assert not names & {"real", "real.db", "var"}
    (place,) = visitor.folder.glob("mailroom-demo-*")
    assert (place / "mailroom.db").is_file()


def test_it_names_everybody_with_role_and_sight(visitor: Visitor) -> None:
    lines = visitor.running.lines
    for colleague in CAST.colleagues:
        assert f"  {colleague.address:<36}{colleague.name}, {colleague.role}" in lines
    assert lines.count(f"Password: {PASSWORD}") == 1
    assert "    reads every mailbox" in lines
    assert len(lines) < 25


def test_the_token_opens_the_api_and_all_mailboxes_come_in_step(visitor: Visitor) -> None:
    assert visitor.asks("/me")["role"] == "administrator"

    def in_step() -> list[dict[str, Any]]:
        accounts: list[dict[str, Any]] = visitor.asks("/accounts")["items"]
        return accounts if all(each["status"]["state"] == "live" for each in accounts) else []

    accounts = eventually(in_step, seconds=START_SECONDS)
    assert {each["address"] for each in accounts} == {mailbox.address for mailbox in CAST.mailboxes}
    ledgers = [each["status"]["ledger"] for each in accounts]
    assert all(ledger["on_server"] == ledger["stored"] > 0 for ledger in ledgers)
    assert sum(ledger["stored"] for ledger in ledgers) > 250


def test_what_is_sent_in_the_demo_arrives_in_the_demo_once(visitor: Visitor) -> None:
    by_address = {each["address"]: each["id"] for each in visitor.asks("/accounts")["items"]}
    faktury, oferty = (by_address[f"{name}@{CAST.domain}"] for name in ("faktury", "oferty"))
    letter = {"to": [f"oferty@{CAST.domain}"], "subject": "Tafla probna", "text": "Dzień dobry"}
    draft = visitor.asks("/drafts", {"account_id": faktury, **letter})
    queued = visitor.asks(f"/drafts/{draft['id']}/send", {})
    sent = eventually(
        lambda: (state := visitor.asks(f"/outgoing/{queued['id']}"))["filed_at"] and state, seconds=60
    )
    assert sent["state"] == "sent"

    def found() -> list[int]:
        letters = visitor.asks("/messages?q=subject:tafla")["items"]
        return sorted(each["account_id"] for each in letters)

    eventually(lambda: oferty in found(), seconds=60)
    assert found() == sorted([faktury, oferty])


def test_a_letter_to_the_world_outside_is_refused_by_the_demo(visitor: Visitor) -> None:
    by_address = {each["address"]: each["id"] for each in visitor.asks("/accounts")["items"]}
    draft = visitor.asks(
        "/drafts",
        {
            "account_id": by_address[f"faktury@{CAST.domain}"],
            "to": ["somebody@gmail.com"],
            "subject": "Outside",
            "text": "Hello",
        },
    )
    queued = visitor.asks(f"/drafts/{draft['id']}/send", {})
    ended = eventually(
        lambda: (state := visitor.asks(f"/outgoing/{queued['id']}"))["state"] == "failed" and state,
        seconds=60,
    )
    assert "Nothing leaves the demo" in ended["recipients"][0]["reply"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_of_it_in_time_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with demo(tmp_path, "--port", "0") as running:
        host, port = Visitor(running, folder=tmp_path).url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        parts = children_of(running.pid, word="mailroom.cli")
        began = time.monotonic()
        running.process.send_signal(number)
        code = running.process.wait(STOP_SECONDS + 10)
        assert (code, time.monotonic() - began < STOP_SECONDS) == (0, True)
        connection.close()
    assert len(parts) == 2
    assert all(map(is_gone, parts))
    assert list(tmp_path.iterdir()) == []
    assert not [line for line in running.lines if "Traceback" in line]


@pytest.mark.parametrize(
    "sign", ["mailroom-demo-*", "mailroom-demo-*/mailroom.db", "mailroom-demo-*/vault.keys"]
)
def test_a_signal_while_it_is_being_made_leaves_nothing_either(tmp_path: Path, sign: str) -> None:
    with demo(tmp_path, "--port", "0") as running:
        eventually(lambda: list(tmp_path.glob(sign)), seconds=START_SECONDS)
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(60)
    assert list(tmp_path.iterdir()) == []
    # Whether it had come up by then is chance; that nothing is left is not.
    assert not [line for line in running.lines if line.startswith("Traceback")]


def test_the_place_forgets_the_settings_of_a_real_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own: it changes the environment for good."""
    for name in (*FOREIGN, "MAILROOM_OAUTH_GOOGLE_CLIENT_ID"):
        monkeypatch.setenv(name, "/nowhere")
    code = (
        "import os; from mailroom.demo.place import throw_away_place\n"
        "with throw_away_place() as place:\n"
        "    print(sorted(name for name in os.environ if name.startswith(('MAILROOM', 'DATABASE'))))\n"
        "    (place / 'x').write_text('x')\n"
        "print(place.exists())"
    )
    done = subprocess.run([*COMMAND[:2], "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "False"
    assert not [name for name in (*FOREIGN, "MAILROOM_OAUTH_GOOGLE_CLIENT_ID") if f"'{name}'" in done.stdout]
