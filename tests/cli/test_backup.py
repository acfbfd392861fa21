"""`mailroom backup` and `mailroom restore`: all of it in one file while others write, or nothing at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import LazySettings
from django.db import connection

from tests import databases
from tests.cli.processes import ROOT, environment, eventually, mailroom, started

ADDRESSES = ["alice@acme.example", "sales@acme.example"]


@dataclass(frozen=True, slots=True)
class Place:
    """An installation: a data directory, and on PostgreSQL a database of its own."""

    data_dir: Path
    env: dict[str, str]

    def mailroom(self, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        return mailroom(*map(str, arguments), data_dir=self.data_dir, **self.env, **more)

    def python(self, call: str) -> list[str]:
        """The command that calls a function of this file with the tables at hand."""
        return [sys.executable, "-c", f"from tests.cli import test_backup; test_backup.{call}"]

    @property
    def environment(self) -> dict[str, str]:
        env = environment(self.data_dir, **self.env)
        return env | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "MAILROOM_LOG_LEVEL": "warning"}

    def ask(self, call: str) -> Any:
        done = subprocess.run(
            self.python(call),
            env=self.environment,
            cwd=self.data_dir.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def place(folder: Path) -> Place:
    """An empty installation on the database of this run."""
    folder.mkdir(parents=True, exist_ok=True)
    if databases.chosen() == "sqlite":
        return Place(folder / "data", {})
    cluster = urlsplit(os.environ["DATABASE_URL"])
    name = f"backup_{os.getpid()}_{next(NUMBERS)}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    return Place(folder / "data", {"DATABASE_URL": urlunsplit(cluster._replace(path=f"/{name}"))})


NUMBERS = iter(range(1000))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two mailboxes, four letters, one of them waiting to be sent, and an engine that holds a lease."""
    made = place(tmp_path_factory.mktemp("company"))
    made.ask("fill()")
    return made


@pytest.fixture(scope="module")
def backup(company: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup without keys."""
    file = tmp_path_factory.mktemp("backup") / "monday.tar.zst"
    done = company.mailroom("backup", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 letters of 2 accounts and 4 users in ")
    assert "The keys are not in it" in done.stdout
    return file


# --- run inside the installations ------------------------------------------------------------------------


def start() -> None:
    from mailroom.cli.serve import prepare
    from mailroom.cli.start import start_django

    start_django()
    prepare()


def fill() -> None:
    start()
    from django.utils import timezone

    from mailroom.actions import drafts
    from mailroom.actions.leases import claim
    from mailroom.data.outbox.models import Draft
    from tests.world import deliver, letter, make_world

    world = make_world()
    deliver(
        world.sales, letter("Łódź: zamówienie"), letter("Offer", files=[("a.bin", "a/b", b"\0\xff" * 900)])
    )
    deliver(world.alices, letter("Prywatnie"))
    draft = Draft.objects.create(
        account=world.sales, author=world.alice, to=[{"name": "", "address": "a@x.example"}], subject="Wait"
    )
    drafts.queue(draft=draft, by=world.alice, idempotency_key="one")
    claim(world.sales.pk, "an engine", timezone.now())
    print(json.dumps("filled"))


def write_on() -> None:
    """Letters arrive until somebody ends this process."""
    start()
    from mailroom.data.mail.models import Account
    from tests.world import deliver, letter

    account = Account.objects.get(email="alice@acme.example")
    for number in range(100_000):
        content = os.urandom(30_000)
        raw = letter(f"Number {number}", mid=f"{number}@busy", files=[("a.bin", "a/b", content)])
        # A folder of its own: this process counts UIDs from 1 again.
        deliver(account, raw, role="sent")
        print(f"stored {number}", flush=True)


def tell() -> None:
    """What is here, read the way the program reads it."""
    from mailroom.cli.start import start_django

    start_django()
    import hashlib

    from mailroom.cli.migrating import pending
    from mailroom.cli.search import find
    from mailroom.data.blobs import keeping
    from mailroom.data.blobs.models import Blob
    from mailroom.data.mail.models import Account, Message
    from mailroom.data.outbox.models import Outgoing
    from mailroom.data.people.models import User

    whole = [
        hashlib.sha256(keeping.content_of(blob)).digest() == bytes(blob.digest) for blob in Blob.objects.all()
    ]
    connection.check_constraints()
    said = {
        "letters": sorted(Message.objects.values_list("subject", flat=True)),
        "blobs": len(whole),
        "whole": all(whole),
        "found": [each.subject for each in find(User.objects.get(email=ADDRESSES[0]), "lodz", limit=9)],
        "accounts": {each.email: [each.state, each.error_kind] for each in Account.objects.all()},
        "leases": sorted(Account.objects.values_list("lease_owner", flat=True)),
        "outgoing": sorted(Outgoing.objects.values_list("state", flat=True)),
        "password": User.objects.get(email=ADDRESSES[0]).check_password("correct horse"),
        "pending": pending(),
        "next_user": User.objects.create(email="new@acme.example", name="New").pk,
    }
    print(json.dumps(said))


# --- there and back --------------------------------------------------------------------------------------


def test_a_backup_comes_back_whole_and_names_the_passwords_to_be_entered(
    company: Place, backup: Path, tmp_path: Path
) -> None:
    there = place(tmp_path)

    done = there.mailroom("restore", backup)

    assert done.returncode == 0, done.stderr
    assert "No key here opens the passwords of these accounts" in done.stdout
    assert [line.strip() for line in done.stdout.splitlines()[-2:]] == ADDRESSES
    assert "Waiting to be sent when it was made: 1 letters." in done.stdout
    said = there.ask("tell()")
    assert said.pop("next_user") > 4
    assert said == {
        "letters": ["Offer", "Prywatnie", "Łódź: zamówienie"],
        "blobs": 4,
        "whole": True,
        "found": ["Łódź: zamówienie"],
        "accounts": {address: ["needs_person", "keys_lost"] for address in ADDRESSES},
        "leases": ["", ""],
        "outgoing": ["uncertain"],
        "password": True,
        "pending": [],
    }
    modes = {path.name: path.stat().st_mode & 0o777 for path in there.data_dir.iterdir() if path.is_file()}
    assert set(modes.values()) == {0o600}


def test_with_the_keys_in_it_nobody_is_asked(company: Place, tmp_path: Path) -> None:
    file, there = tmp_path / "with-keys.tar.zst", place(tmp_path / "there")
    assert company.mailroom("backup", file, "--with-keys").returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600

    done = there.mailroom("restore", file)

    assert (done.returncode, "No key here" in done.stdout) == (0, False), done.stderr
    assert set(map(tuple, there.ask("tell()")["accounts"].values())) == {("live", "")}
    for name in ("secret.key", "vault.keys"):
        assert (there.data_dir / name).read_text() == (company.data_dir / name).read_text()


def test_keys_that_were_kept_apart_open_the_passwords(company: Place, backup: Path, tmp_path: Path) -> None:
    there = place(tmp_path)
    there.data_dir.mkdir(mode=0o700)
    shutil.copy(company.data_dir / "vault.keys", there.data_dir)

    done = there.mailroom("restore", backup)

    assert (done.returncode, "No key here" in done.stdout) == (0, False), done.stderr


def test_a_backup_is_of_one_moment_while_letters_arrive(tmp_path: Path) -> None:
    busy, there, file = place(tmp_path / "busy"), place(tmp_path / "there"), tmp_path / "busy.tar.zst"
    busy.ask("fill()")
    with started(busy.python("write_on()"), env=busy.environment, cwd=tmp_path) as writer:
        writer.line("stored 30")
        before = len(writer.lines)

        done = busy.mailroom("backup", file)

        after = len(writer.lines)
        eventually(lambda: len(writer.lines) > after)
        assert writer.process.poll() is None
    assert done.returncode == 0, done.stderr
    assert after > before

    assert there.mailroom("restore", file).returncode == 0

    said = there.ask("tell()")
    numbers = {int(each.split()[1]) for each in said["letters"] if each.startswith("Number ")}
    assert numbers == set(range(len(numbers)))
    assert before - 1 <= len(numbers) <= after + 1
    assert (said["whole"], said["blobs"]) == (True, 4 + len(numbers))


# --- what is refused -------------------------------------------------------------------------------------


def test_a_restore_into_what_is_in_use_changes_nothing(company: Place, backup: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in company.data_dir.iterdir()}

    done = company.mailroom("restore", backup)

    assert done.returncode == 1
    assert f"{company.data_dir} is not empty (" in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in company.data_dir.iterdir()} == before


def test_a_database_that_is_in_use_is_not_overwritten(
    company: Place, backup: Path, tmp_path: Path, databases_kind: str
) -> None:
    env = company.env or {"DATABASE_URL": f"sqlite:///{company.data_dir / 'mailroom.db'}"}
    elsewhere = Place(tmp_path / "data", env)

    done = elsewhere.mailroom("restore", backup)

    said = "is not empty (" if databases_kind == "sqlite" else "The database holds tables"
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "data" / "blobs.db").exists()


@pytest.mark.parametrize("damage", ["cut", "changed", "other", "empty"])
def test_a_damaged_backup_is_refused_whole(backup: Path, tmp_path: Path, damage: str) -> None:
    content = backup.read_bytes()
    middle = len(content) // 2
    broken = tmp_path / "broken.tar.zst"
    broken.write_bytes(
        {
            "cut": content[:middle],
            "changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "other": b"Dear all,\n" * 100,
            "empty": b"",
        }[damage]
    )
    there = place(tmp_path / "there")

    done = there.mailroom("restore", broken)

    assert (done.returncode, f"{broken} is no whole backup (" in done.stderr) == (1, True), done.stderr
    assert list(there.data_dir.iterdir()) == []


def test_a_file_that_exists_is_not_overwritten(company: Place, backup: Path) -> None:
    before = backup.read_bytes()
    done = company.mailroom("backup", backup)
    assert (done.returncode, "exists already" in done.stderr) == (1, True)
    assert backup.read_bytes() == before


def test_where_nothing_is_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    done = place(tmp_path).mailroom("backup", tmp_path / "x.tar.zst")
    assert (done.returncode, "There is nothing to back up" in done.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


# --- stopped at each step --------------------------------------------------------------------------------


class Stop(Exception):
    """The test pulls the plug."""


def stopping_after(steps: int) -> Callable[[int, int], None]:
    left = iter(range(steps))

    def tell(_done: int, _total: int) -> None:
        if next(left, None) is None:
            raise Stop

    return tell


@pytest.fixture
def world(transactional_db: None) -> None:
    from tests.world import deliver, letter, make_world

    made = make_world()
    deliver(made.sales, *(letter(f"Letter {number}") for number in range(5)))


def test_a_backup_stopped_at_any_step_leaves_nothing(world: None, tmp_path: Path) -> None:
    from mailroom.actions import backup

    file = tmp_path / "b.tar.zst"
    for steps in range(1000):
        try:
            backup.take(file, with_keys=True, tell=stopping_after(steps))
            break
        except Stop:
            assert list(tmp_path.iterdir()) == []
    assert steps > 5
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar.zst"]


def test_what_a_killed_backup_left_is_swept_and_that_of_a_running_one_is_not(
    world: None, tmp_path: Path
) -> None:
    from mailroom.actions import backup

    for name in (".b.dead.part", ".b.live.part", ".other.dead.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
    with (tmp_path / ".b.live.part" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        backup.take(tmp_path / "b", with_keys=False, tell=lambda done, total: None)

    assert {path.name for path in tmp_path.iterdir()} == {"b", ".b.live.part", ".other.dead.part"}


def test_the_copy_is_of_the_moment_it_began_although_every_step_meets_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailroom.actions.backup import taking

    monkeypatch.setattr(taking, "_PAGES", 2)
    source = tmp_path / "source"
    with closing(sqlite3.connect(source, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE t (x BLOB)")
        other.executemany("INSERT INTO t VALUES (?)", [(bytes(3000),)] * 40)
        steps = 0

        def write(_bytes: int) -> None:
            nonlocal steps
            steps += 1
            other.execute("INSERT INTO t VALUES (randomblob(3000))")

        taking.copy_sqlite(source, tmp_path / "copy", write)
        assert other.execute("SELECT count(*) FROM t").fetchone() == (40 + steps,)
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("SELECT count(*) FROM t").fetchone() == (40,)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert steps > 10
    assert not list(tmp_path.glob("copy-*"))


def test_a_restore_stopped_anywhere_leaves_an_empty_installation(
    world: None, tmp_path: Path, settings: LazySettings
) -> None:
    """On PostgreSQL one transaction holds it all; on SQLite the database gets its name last."""
    from mailroom.actions import backup

    file, data, empty = tmp_path / "b", tmp_path / "data", place(tmp_path / "empty")
    backup.take(file, with_keys=True, tell=lambda done, total: None)
    settings.MAILROOM_DATA_DIR, settings.MAILROOM_BLOBS_PATH = data, data / "blobs.db"
    data.mkdir()
    with another_database(empty, data):
        for share in (0.0, 0.3, 0.6, 0.9):
            with pytest.raises(Stop):
                backup.restore(file, tell=stopping_at(share))
            assert list(data.iterdir()) == []
        (data / ".restoring").mkdir()
        (data / ".restoring" / "0").write_text("of one that was killed")

        restored = backup.restore(file, tell=lambda done, total: None)

    assert restored.manifest.counts["messages"] == 5
    names = {"blobs.db", "secret.key", "vault.keys"} | ({"mailroom.db"} if not empty.env else set())
    assert {path.name for path in data.iterdir()} - {"mailroom.db-wal", "mailroom.db-shm"} == names


def stopping_at(share: float) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        if done >= share * total:
            raise Stop

    return tell


@contextmanager
def another_database(empty: Place, data: Path) -> Iterator[None]:
    """This process works on a database that holds nothing."""
    present, url = connection.settings_dict["NAME"], empty.env.get("DATABASE_URL")
    connection.close()
    connection.settings_dict["NAME"] = urlsplit(url).path[1:] if url else data / "mailroom.db"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = present


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"database": "oracle"}, "other_database"),
        ({"migrations": (("mail", "9999_later"),)}, "newer"),
    ],
)
def test_a_backup_that_does_not_fit_is_refused(
    world: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], key: str
) -> None:
    from dataclasses import replace

    from mailroom.actions import backup
    from mailroom.actions.backup import taking
    from mailroom.actions.backup.manifest import Manifest, write
    from mailroom.actions.refusals import Clash

    def write_changed(target: Path, manifest: Manifest, files: Any, read: Any) -> None:
        write(target, replace(manifest, **changes), files, read)

    monkeypatch.setattr(taking, "write", write_changed)
    backup.take(tmp_path / "b", with_keys=False, tell=lambda done, total: None)

    with pytest.raises(Clash) as refused:
        backup.restore(tmp_path / "b", tell=lambda done, total: None)
    assert refused.value.faults[0].key == key


def test_the_names_of_the_keys_are_those_of_the_settings() -> None:
    from mailroom.actions.backup import restoring
    from mailroom.config import keys

    assert (restoring.VAULT_KEYS_FILE, restoring.SECRET_KEY_FILE) == (
        keys.VAULT_KEYS_FILE,
        keys.SECRET_KEY_FILE,
    )


def test_every_refusal_has_a_sentence() -> None:
    import re

    from mailroom.cli.backup import REFUSALS

    folder = ROOT / "src/mailroom/actions/backup"
    raised = {key for file in folder.glob("*.py") for key in re.findall(r'clash\("(\w+)"', file.read_text())}
    assert raised == REFUSALS.keys()
