"""`mailroom search`: what a user would find, and nothing that they may not read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailroom.cli import search as command
from mailroom.cli.search import search_command
from tests.cli.processes import mailroom
from tests.world import World, deliver, letter, make_world


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """Three letters in two mailboxes, and a command that finds its tables made."""
    monkeypatch.setattr("mailroom.cli.users.start", lambda: None)
    world = make_world()
    deliver(world.sales, letter("Łódź: zamówienie regałów", mid="older@x"))
    deliver(world.sales, letter("Offer for shelves", sender="Ann Rossi <ann@rossi.example>"))
    deliver(world.alices, letter("Zamówienie prywatne"))
    return world


def search(*arguments: str) -> Result:
    return CliRunner().invoke(search_command, arguments)


def found(*arguments: str) -> list[dict[str, object]]:
    """The documents of `--json`."""
    done = search(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


def test_each_line_has_the_promised_fields(world: World) -> None:
    (line,) = found("alice@acme.example", "shelves")
    assert list(line) == ["id", "date", "from", "subject", "snippet"]
    assert line["from"] == [{"name": "Ann Rossi", "address": "ann@rossi.example"}]
    assert line["subject"] == "Offer for shelves"
    assert str(line["date"]).endswith("+00:00")


@pytest.mark.parametrize(
    ("who", "subjects"),
    [
        ("alice", {"Łódź: zamówienie regałów", "Zamówienie prywatne"}),
        ("bob", {"Łódź: zamówienie regałów"}),
        ("charlie", set()),
        ("dora", {"Łódź: zamówienie regałów", "Zamówienie prywatne"}),
    ],
)
def test_everybody_finds_what_they_may_read(world: World, who: str, subjects: set[str]) -> None:
    """Case and accents do not matter, who asks does."""
    assert {line["subject"] for line in found(f"{who}@acme.example", "ZAMOWIENIE")} == subjects


def test_the_newest_stand_first_and_the_limit_holds(world: World) -> None:
    everything = found("alice@acme.example", "")
    assert [line["id"] for line in everything] == sorted((line["id"] for line in everything), reverse=True)
    assert found("alice@acme.example", "", "--limit", "1") == everything[:1]


def test_a_query_may_begin_with_a_minus(world: World) -> None:
    found_without = {line["subject"] for line in found("alice@acme.example", "-shelves")}
    assert found_without == {"Łódź: zamówienie regałów", "Zamówienie prywatne"}


def test_without_json_a_letter_is_a_line_for_eyes(world: World) -> None:
    (line,) = search("alice@acme.example", "shelves").output.splitlines()
    assert line.endswith("Ann Rossi  Offer for shelves")


@pytest.mark.parametrize(
    ("who", "query", "sentence"),
    [
        ("nobody", "shelves", "nobody@acme.example is no active user"),
        ("alice", "before:soon", "before:soon cannot be read (not a date; expected YYYY-MM-DD)."),
        ("alice", "word " * 60, "The query cannot be read (too many terms"),
    ],
)
def test_a_question_that_makes_no_sense_is_a_sentence(
    world: World, who: str, query: str, sentence: str
) -> None:
    done = search(f"{who}@acme.example", query)
    assert (done.exit_code, sentence in done.output) == (1, True)


def test_it_runs_as_a_process_on_a_fresh_data_directory(data_dir: Path) -> None:
    done = mailroom("search", "ann@example.com", "shelves", data_dir=data_dir)
    assert (done.returncode, "ann@example.com is no active user" in done.stderr) == (1, True)
    assert command.search_command.name == "search"
