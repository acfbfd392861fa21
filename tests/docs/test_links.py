"""Every relative link in the documents leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, links, named


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_of_the_page_leads_to_a_file(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_every_page_under_docs_is_linked_from_another() -> None:
    linked = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert [named(page) for page in PAGES if page not in linked and page.name != "README.md"] == []


def test_every_link_is_written_without_a_leading_slash() -> None:
    assert [link for page in PAGES for link in links(page) if link.startswith("/")] == []
