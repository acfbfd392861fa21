"""The documents as the tests read them: pages, links, tables, words in code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


def named(page: Path) -> str:
    """The page as a test shows it."""
    return str(page.relative_to(ROOT))


def links(page: Path) -> list[str]:
    """Where the page points inside the repository, without the anchor."""
    found = (link.partition("#")[0] for link in _LINK.findall(page.read_text(encoding="utf-8")))
    return [link for link in found if link and "://" not in link]


def rows(page: Path, head: str) -> Iterator[list[str]]:
    """The cells of each row of the tables whose header row begins with `head`."""
    lines = iter(page.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith(f"| {head} |"):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    break
                yield [cell.strip() for cell in row.strip("|").split(" | ")]


def codes(text: str) -> list[str]:
    """What stands between backticks."""
    return _CODE.findall(text)
