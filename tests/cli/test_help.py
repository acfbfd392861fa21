"""The command line before anything is set up."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mailroom.cli import COMMANDS
from tests.cli.processes import COMMAND, ROOT, environment, mailroom


def test_help_lists_the_commands_and_makes_nothing(data_dir: Path) -> None:
    done = mailroom("--help", data_dir=data_dir)
    assert done.returncode == 0
    assert all(
        f"  {name} " in done.stdout for name in ("serve", "web", "engine", "createuser", "token", "check")
    )
    assert not data_dir.exists()


def test_help_never_loads_django(data_dir: Path) -> None:
    look = "import sys; from mailroom.cli import main\n"
    look += "try: main(['--help'])\nfinally: print('django' in sys.modules)"
    done = subprocess.run(
        [COMMAND[0], "-c", look], env=environment(data_dir), capture_output=True, text=True, check=False
    )
    assert done.stdout.rstrip().endswith("False")


def test_run_help_needs_no_home_and_no_environment() -> None:
    done = subprocess.run(
        [ROOT / "run", "--help"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 0
    assert "./run test" in done.stdout


def test_the_scripts_are_valid_for_a_plain_shell() -> None:
    for script in (ROOT / "run", ROOT / ".ci" / "run"):
        assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
        assert script.stat().st_mode & 0o111


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_is_offered_only_if_it_is_there(name: str, data_dir: Path) -> None:
    path = ROOT / "src" / (COMMANDS[name][0].split(":")[0].replace(".", "/") + ".py")
    done = mailroom(name, "--help", data_dir=data_dir)
    expected = 0 if path.exists() else 2
    assert done.returncode == expected, done.stderr


def test_a_refused_setting_is_one_sentence_and_no_trace(data_dir: Path) -> None:
    done = mailroom("token", "ann@example.com", data_dir=data_dir, MAILROOM_BIND="8025")
    assert done.returncode == 1
    assert done.stderr.startswith("mailroom: MAILROOM_BIND is '8025': write an address and a port")
    assert "Traceback" not in done.stderr
