"""Folding: the short ways give what the rule gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.fold import fold, fold_any

PAGES = ("cp1250", "cp1252", "latin-1", "iso8859-2")


def letters_of(page: str) -> str:
    return "".join(bytes([byte]).decode(page, "ignore") for byte in range(256))


@pytest.mark.parametrize("page", PAGES)
def test_every_letter_of_a_code_page_folds_as_the_rule_says(page: str) -> None:
    for letter in letters_of(page):
        assert fold(letter) == fold_any(letter), ascii(letter)


@given(
    st.text(
        st.sampled_from(letters_of("cp1250") + letters_of("cp1252"))
        | st.characters(max_codepoint=0x2122)
        | st.characters()
    )
)
def test_a_text_folds_as_the_rule_says_whatever_it_mixes(text: str) -> None:
    assert fold(text) == fold_any(text)


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
