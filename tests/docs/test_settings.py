"""The settings in the README are those that the program reads, with the defaults that it has."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mailroom.config import env, keys
from tests.docs.pages import PAGES, ROOT, codes, named, rows

README = ROOT / "README.md"
SETTINGS = ROOT / "src" / "mailroom" / "config" / "settings.py"
CLIENTS = {
    f"MAILROOM_OAUTH_{name}_{part}": "x"
    for name in ("GOOGLE", "MICROSOFT", "OIDC")
    for part in ("CLIENT_ID", "CLIENT_SECRET")
} | {"MAILROOM_OAUTH_OIDC_ISSUER": "https://id.example.com"}


class Watched(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Reads all settings in a given environment; answers what was asked for, and the settings."""

    def reading(values: dict[str, str]) -> tuple[set[str], dict[str, Any]]:
        watched = Watched(values)
        monkeypatch.setattr(env, "os", SimpleNamespace(environ=watched))
        settings = runpy.run_path(str(SETTINGS))
        keys.secret_key(tmp_path)
        keys.vault_keys(tmp_path)
        return watched.asked, settings

    return reading


def documented() -> set[str]:
    """The names in the first column of the README's table."""
    return {name for cells in rows(README, "variable") for name in codes(cells[0])}


def test_the_table_names_what_is_read_and_nothing_else(read: Any) -> None:
    asked, _ = read(CLIENTS)
    files = {name for name in asked if name.endswith("_FILE") and name.removesuffix("_FILE") in asked}
    assert documented() == asked - files
    assert "MAILROOM_SECRET_KEY_FILE" in files


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_names_no_variable_that_nothing_reads(page: Path) -> None:
    named_here = set(re.findall(r"\b(?:MAILROOM_[A-Z_]+|DATABASE_URL)\b", page.read_text(encoding="utf-8")))
    known = documented() | {f"{name}_FILE" for name in documented()}
    assert named_here - known == set()


def test_the_defaults_are_those_of_the_table(read: Any) -> None:
    _, settings = read({})
    defaults = {codes(cells[0])[0]: codes(cells[2]) for cells in rows(README, "variable") if codes(cells[2])}
    data_dir = settings["MAILROOM_DATA_DIR"]
    actual = {
        "MAILROOM_DATA_DIR": str(data_dir.relative_to(Path.cwd())),
        "MAILROOM_BIND": str(settings["MAILROOM_BIND"]),
        "MAILROOM_BASE_URL": settings["MAILROOM_BASE_URL"].partition("//")[0] + "//",
        "MAILROOM_BLOBS_URL": str(settings["MAILROOM_BLOBS_PATH"].relative_to(data_dir)),
        "MAILROOM_LOG_LEVEL": settings["LOGGING"]["root"]["level"].lower(),
        "MAILROOM_LOG_FORMAT": "text",
    }
    assert {name: [value] for name, value in actual.items()} == defaults
    assert settings["DATABASES"]["default"]["NAME"].parent == data_dir
    assert settings["MAILROOM_ALLOW_HOSTS"] == ()
    assert settings["MAILROOM_OAUTH"] == {}
