"""Reading for the store takes a shorter way, and stores the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailroom.core.letter import Letter, read_letter
from tests.corpus import messages


@pytest.mark.corpus
def test_what_is_stored_is_the_same_as_what_is_read(corpus: Path) -> None:
    seen = 0
    for path, raw in messages(corpus, *FOLDERS):
        assert stored(read_letter(raw, brief=True)) == stored(read_letter(raw)), path
        seen += 1
    assert seen > 1000


FOLDERS = ("spamassassin-public", "business", "stalwart-mail-parser", "mikel-mail", "sisimai")


def stored(letter: Letter) -> Letter:
    html = None if letter.html is None else ""
    return replace(letter, new_text="", quoted=False, signature=None, html=html, charset=None)
