"""Reads `texts/*.toml`: who writes what to whom, when and with which enclosures. No bytes are made here.

Fields of a letter: `by` (a key of the cast, `anna@oferty` = Anna from the shared mailbox, or
`Name <address>`), `to`, `cc` (default: the writer of the letter answered, its copies), `text`, `wait`
(hours since the previous letter), `re` (index of the letter answered, default the previous), `fwd`,
`subject`, `lang`, `files` (`name:KB`, `name.ics:@+days`), `flags`, `folder`, `auto`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from mailroom.demo.cast import Language

THREAD_FILES: tuple[Language, ...] = ("pl", "it", "en")


@dataclass(frozen=True, slots=True)
class LetterScript:
    """One letter as it was written down."""

    by: str
    text: str
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    wait: float | None = None
    re: int | None = None
    fwd: bool = False
    subject: str = ""
    lang: Language | None = None
    files: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    folder: str = ""
    auto: bool = False


@dataclass(frozen=True, slots=True)
class ThreadScript:
    """Letters that answer each other; `ago` is the age of the first one, as `12d` or `3h`."""

    id: str
    subject: str
    ago: str
    language: Language
    letters: tuple[LetterScript, ...]

    @property
    def hours_ago(self) -> float:
        """The age of the first letter in hours."""
        return float(self.ago[:-1]) * (24 if self.ago.endswith("d") else 1)


@cache
def threads() -> tuple[ThreadScript, ...]:
    """Every thread of the demo, oldest first."""
    found = [_thread(entry, language) for language in THREAD_FILES for entry in read_toml(language)["thread"]]
    return tuple(sorted(found, key=lambda thread: (-thread.hours_ago, thread.id)))


def read_toml(name: str) -> dict[str, Any]:
    """The content of `texts/<name>.toml`."""
    text = files("mailroom.demo").joinpath("texts", f"{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


def _thread(entry: dict[str, Any], language: Language) -> ThreadScript:
    letters = tuple(_letter(letter) for letter in entry["letter"])
    return ThreadScript(entry["id"], entry["subject"], entry["ago"], language, letters)


def _letter(entry: dict[str, Any]) -> LetterScript:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return LetterScript(**{**fields, "text": entry["text"].strip("\n")})
