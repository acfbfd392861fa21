"""The bar on standard error: numbers, and when it will have ended."""

from __future__ import annotations

import re

import pytest

from mailroom.cli import progress
from mailroom.cli.progress import Bar, bytes_of


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, to be moved by the test."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_it_says_how_far_it_is_and_when_it_ends(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    bar = Bar("archive")
    clock[0] += 30
    bar.show(25, 100, "25 of 100 letters")

    said = capsys.readouterr().err
    assert said.startswith("archive  [######------------------]  25%  25 of 100 letters, ends ")
    assert re.search(r"ends \d\d:\d\d:\d\d\n$", said)


def test_where_nobody_looks_lines_are_few_and_the_last_figures_stand(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    bar = Bar("archive")
    for done in range(1, 101):
        clock[0] += 0.1
        bar.show(done, 100, f"{done} letters")
    bar.close()
    bar.close()

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[-1] == f"archive  [{'#' * 24}] 100%  100 letters"


def test_nothing_to_do_is_all_done(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    Bar("x").show(0, 0, "0 letters")
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 kB"), (5 << 20, "5.0 MB"), (5 << 30, "5.0 GB")],
)
def test_sizes_are_read_by_people(count: int, words: str) -> None:
    assert bytes_of(count) == words
