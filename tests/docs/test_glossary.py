"""The words of the glossary are names in the code."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

import pytest
from django.apps import apps

import mailroom.actions
import mailroom.core
from tests.docs.pages import ROOT, codes, rows

GLOSSARY = ROOT / "docs" / "glossary.md"
WORDS = list(rows(GLOSSARY, "word"))


def classes() -> set[str]:
    """Models, and the classes of the core, the actions and the rule of reading."""
    found = {model.__name__ for model in apps.get_models()}
    for package in (mailroom.core, mailroom.actions):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            found |= {name for name, _ in inspect.getmembers(import_module(module.name), inspect.isclass)}
    return found | {"Reach"}


def test_every_word_is_the_name_of_a_class() -> None:
    words = {word for cells in WORDS for word in codes(cells[0])}
    assert words
    assert words - classes() == set()


def test_every_model_of_ours_has_its_word() -> None:
    ours = {model.__name__ for model in apps.get_models() if model.__module__.startswith("mailroom.")}
    left_out = {"ApiToken", "CompanyDomain", "DraftFile", "LetterText", "ThreadKey"}
    words = {word for cells in WORDS for word in codes(cells[0])}
    missing = sorted(ours - words - left_out)
    assert missing == [], "give these their line in docs/glossary.md"


@pytest.mark.parametrize("where", [codes(cells[2])[0] for cells in WORDS if len(cells) == 3])
def test_what_is_no_class_is_where_it_is_said_to_be(where: str) -> None:
    names = where.split(".")
    for cut in range(len(names) - 1, 0, -1):
        try:
            found = import_module(".".join(names[:cut]))
        except ModuleNotFoundError:
            continue
        for name in names[cut:]:
            found = getattr(found, name)
        return
    pytest.fail(f"{where} does not exist")


def test_the_words_stand_in_the_order_of_the_alphabet() -> None:
    words = [codes(cells[0])[0] for cells in WORDS if len(cells) == 2]
    assert words == sorted(words)
