"""`mailroom import` and `mailroom export`, as people run them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailroom.cli.transfer import export_command, import_command
from mailroom.core.mbox import written
from mailroom.data.mail.models import Folder, Message
from tests.cli.processes import mailroom
from tests.world import World, deliver, letter, make_world

AT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """A firm, and commands that find their tables made and leave the signals alone."""
    monkeypatch.setattr("mailroom.cli.users.start", lambda: None)
    monkeypatch.setattr("mailroom.cli.signals.STOP_SIGNALS", ())
    return make_world()


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    path = tmp_path / "archive.mbox"
    entries = [written(letter(f"Letter {n}", mid=f"{n}@x"), sender="", at=AT) for n in range(3)]
    path.write_bytes(b"".join(entries))
    return path


def import_(*arguments: object) -> Result:
    return CliRunner().invoke(import_command, [str(each) for each in arguments])


def export(*arguments: object) -> Result:
    return CliRunner().invoke(export_command, [str(each) for each in arguments])


def test_an_import_says_what_became_of_each_letter(world: World, mbox: Path) -> None:
    done = import_(world.sales.pk, mbox, "--json")

    document: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == 0
    assert document.pop("seconds") >= 0
    assert document == {
        "account": world.sales.pk,
        "folder": "archive",
        "found": 3,
        "taken": 3,
        "known": 0,
        "removed": 0,
        "refused": [],
        "ignored": 0,
        "complete": True,
    }
    assert Folder.objects.get(account=world.sales, local=True).total == 3


def test_running_it_again_is_a_success_that_adds_nothing(world: World, mbox: Path) -> None:
    import_(world.sales.pk, mbox, "--folder", "Old mail")
    again = import_(world.sales.pk, mbox, "--folder", "Old mail")

    assert (again.exit_code, again.stdout) == (
        0,
        "0 of 3 letters taken into Old mail, 3 were here already.\n",
    )
    assert Message.objects.count() == 3


def test_one_letter_left_out_is_named_and_the_exit_code_says_so(world: World, mbox: Path) -> None:
    mbox.write_bytes(mbox.read_bytes() + b"From a@x Mon Nov  2 08:00:00 2026\n\n")

    done = import_(world.sales.pk, mbox)

    assert done.exit_code == 1
    assert done.stderr.endswith("not taken: archive.mbox, letter 4, holds no bytes\n")
    assert done.stdout == "3 of 4 letters taken into archive, 0 were here already, 1 not taken.\n"


def test_the_bar_shows_numbers_on_standard_error(world: World, mbox: Path) -> None:
    done = import_(world.sales.pk, mbox, "--json")

    assert "100%  3 letters, " in done.stderr
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("account", ["0", "99"])
def test_an_account_that_does_not_exist_is_a_sentence(world: World, mbox: Path, account: str) -> None:
    done = import_(account, mbox)
    assert (done.exit_code, done.stderr) == (1, f"Error: There is no account {account}.\n")


def test_an_export_comes_back_by_an_import(world: World, tmp_path: Path) -> None:
    deliver(world.sales, letter("One"), letter("Two"))

    out = export("alice@acme.example", tmp_path / "out", "--account", world.sales.pk, "--format", "maildir")

    assert (out.exit_code, out.stdout) == (0, f"2 of 2 letters written to {tmp_path / 'out'}.\n")
    back = import_(world.alices.pk, tmp_path / "out", "--json")
    assert json.loads(back.stdout)["taken"] == 2


def test_a_folder_is_named_by_number_or_name(world: World, tmp_path: Path) -> None:
    deliver(world.sales, letter("One"))
    inbox = Folder.objects.get(account=world.sales, role="inbox")
    for number, name in enumerate((inbox.pk, inbox.name, inbox.name.upper())):
        done = export(
            "bob@acme.example",
            tmp_path / str(number),
            "--account",
            world.sales.pk,
            "--folder",
            name,
            "--json",
        )
        assert json.loads(done.stdout)["written"] == 1, done.output


@pytest.mark.parametrize(
    ("who", "options", "code", "sentence"),
    [
        ("charlie", ("--account", "SALES"), 1, "charlie@acme.example reads no account "),
        ("bob", ("--account", "SALES", "--folder", "Nowhere"), 1, "reads no folder Nowhere of that account."),
        ("bob", ("--query", "before:soon"), 1, "before:soon cannot be read"),
        ("bob", ("--query", "x", "--folder", "Inbox"), 2, "--folder needs --account"),
        ("bob", (), 2, "name what to export"),
        ("nobody", ("--query", "x"), 1, "nobody@acme.example is no active user"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(
    world: World, tmp_path: Path, who: str, options: tuple[str, ...], code: int, sentence: str
) -> None:
    asked = [str(world.sales.pk) if each == "SALES" else each for each in options]

    done = export(f"{who}@acme.example", tmp_path / "out", *asked)

    assert (done.exit_code, sentence in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_taken_is_left_alone(world: World, mbox: Path) -> None:
    before = mbox.read_bytes()
    done = export("alice@acme.example", mbox, "--query", "")
    assert (done.exit_code, "exists already" in done.stderr) == (1, True)
    assert mbox.read_bytes() == before


def test_it_runs_as_a_process_on_a_fresh_data_directory(data_dir: Path, mbox: Path) -> None:
    done = mailroom("import", "1", str(mbox), data_dir=data_dir)
    assert (done.returncode, done.stderr) == (1, "Error: There is no account 1.\n")
