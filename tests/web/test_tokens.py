"""The colours: every pair that text is written in keeps 4.5 : 1 by day and by night (WCAG AA)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

import mailroom

TOKENS: Final = Path(mailroom.__file__).parent / "web/static/mailroom/css/tokens.css"
PAIRS: Final = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("bg", "surface", "surface-2")),
    *((ink, "accent-soft") for ink in ("ink", "ink-2", "accent")),
    ("accent-ink", "accent"),
    ("accent", "surface"),
    ("accent", "bg"),
    ("accent-ink", "bad"),
    *((name, f"{name}-soft") for name in ("good", "warn", "bad")),
    *((name, "surface") for name in ("good", "warn", "bad")),
]


def colours() -> dict[str, tuple[str, str]]:
    found = re.findall(r"--([\w-]+):\s*light-dark\((#\w{6}),\s*(#\w{6})\)", TOKENS.read_text())
    return {name: (day, night) for name, day, night in found}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("ink", "ground"), PAIRS)
@pytest.mark.parametrize("time", ["day", "night"])
def test_text_can_be_read(ink: str, ground: str, time: str) -> None:
    known, at = colours(), ("day", "night").index(time)
    assert contrast(known[ink][at], known[ground][at]) >= 4.5


@pytest.mark.parametrize("ground", ["surface", "bg"])
def test_the_outline_of_a_field_can_be_seen(ground: str) -> None:
    known = colours()
    for at in (0, 1):
        assert contrast(known["edge"][at], known[ground][at]) >= 3
