"""Every icon a template asks for exists: a missing one would be an error page."""

from __future__ import annotations

import re
from pathlib import Path

import lucide

import mailroom.web

TEMPLATES = Path(mailroom.web.__file__).parent / "templates"
ASKED = re.compile(r'(?:\bicon |icon=)"([a-z0-9-]+)"')


def test_every_icon_exists() -> None:
    names = {name for path in TEMPLATES.rglob("*.html") for name in ASKED.findall(path.read_text())}
    assert len(names) > 30
    missing = []
    for name in sorted(names):
        try:
            lucide._load_icon(name)
        except lucide.IconDoesNotExist:
            missing.append(name)
    assert missing == []
