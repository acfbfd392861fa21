"""The commands in the documents are those of the program and of `run`."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from mailroom.cli import COMMANDS, program
from tests.docs.pages import PAGES, ROOT, codes, named, rows

RUNNING = ROOT / "docs" / "running.md"


def offered() -> set[str]:
    """The commands that exist."""
    with click.Context(program) as context:
        return set(program.list_commands(context))  # type: ignore[attr-defined]


def words_of_run() -> set[str]:
    """What `run` understands by itself: the patterns of its last `case`."""
    script = (ROOT / "run").read_text(encoding="utf-8").rpartition("\ncase ")[2]
    return set(re.findall(r"^([a-z]+)\)$", script, re.MULTILINE)) | {"--help", "--version"}


def test_the_table_of_commands_is_complete_and_true() -> None:
    table = [codes(cells[0])[0] for cells in rows(RUNNING, "command")]
    assert sorted(table) == sorted(f"mailroom {name}" for name in offered())


@pytest.mark.parametrize("name", sorted(offered()))
def test_every_option_that_the_table_names_exists(name: str) -> None:
    (text,) = [cells[1] for cells in rows(RUNNING, "command") if codes(cells[0]) == [f"mailroom {name}"]]
    with click.Context(program) as context:
        command = program.get_command(context, name)  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", text)) <= options


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_names_no_command_that_does_not_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    asked = set(re.findall(r"`mailroom ([a-z]+)", text))
    run = set(re.findall(r"[./]/?run ([a-z-]+)", text))
    assert asked - offered() == set()
    assert run - offered() - words_of_run() == set()


def test_the_help_speaks_of_every_command() -> None:
    assert offered() <= COMMANDS.keys()
    assert all(sentence.endswith(".") for _, sentence in COMMANDS.values())
