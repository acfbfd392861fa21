"""Users and tokens by command, on a fresh data directory."""

from __future__ import annotations

from pathlib import Path

from tests.cli.processes import mailroom


def test_a_user_and_a_token_are_made_on_a_fresh_data_directory(data_dir: Path) -> None:
    made = mailroom(
        "createuser", "Ann@Example.com", "--role", "director", "--name", "Ann", "--password-stdin",
        data_dir=data_dir, text="correct horse\nsecond line\n",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "ann@example.com is director now" in made.stdout
    first, second = (mailroom("token", "ann@example.com", data_dir=data_dir) for _ in range(2))
    assert first.returncode == second.returncode == 0
    tokens = [done.stdout.splitlines()[-1] for done in (first, second)]
    assert len(set(tokens)) == 2
    assert all(len(token) > 30 and " " not in token for token in tokens)


def test_refusals_are_sentences(data_dir: Path) -> None:
    short = mailroom(
        "createuser",
        "ann@example.com",
        "--role",
        "employee",
        "--password-stdin",
        data_dir=data_dir,
        text="x\n",
    )
    assert (short.returncode, "at least 8 characters" in short.stderr) == (1, True)
    nobody = mailroom("token", "ann@example.com", data_dir=data_dir)
    assert (nobody.returncode, "is no active user" in nobody.stderr) == (1, True)
    role = mailroom("createuser", "ann@example.com", "--role", "king", data_dir=data_dir)
    assert role.returncode == 2


def test_check_says_one_line_each_and_fails_on_a_fault(data_dir: Path) -> None:
    fresh = mailroom("check", data_dir=data_dir)
    assert (fresh.returncode, fresh.stdout.startswith("FAULT  settings: the data directory")) == (1, True)
    assert not data_dir.exists()
    mailroom("createuser", "ann@example.com", "--role", "employee", data_dir=data_dir)
    sound = mailroom("check", data_dir=data_dir)
    assert sound.returncode == 0, sound.stdout
    assert [line.split(":")[0] for line in sound.stdout.splitlines()] == [
        "ok     settings", "ok     database", "ok     blobs", "ok     keys",
        "ok     servers",
    ]  # fmt: skip
    (data_dir / "vault.keys").chmod(0o644)
    open_to_all = mailroom("check", data_dir=data_dir)
    assert (open_to_all.returncode, "chmod 600" in open_to_all.stdout) == (1, True)
