"""The names of a Maildir: flags stand in the name of a file, the place in the tree in that of a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mailroom.core.sync.state import ANSWERED, DRAFT, FLAGGED, SEEN, Flags

FORWARDED = "$Forwarded"
_FLAGS = {"D": DRAFT, "F": FLAGGED, "P": FORWARDED, "R": ANSWERED, "S": SEEN}
"""T, "to be expunged", is left out: a letter that is taken in is not to go again."""

# Windows allows no colon in a name: programs there write ! or ; instead.
_INFO = re.compile(r"[:;!]2,([A-Za-z]*)")
_KEYWORD_LINE = re.compile(r"(\d{1,2}) (\S{1,30})")


def flags_of(name: str, keywords: Mapping[str, str]) -> Flags:
    """The flags in the name of a file; ``keywords`` says what each small letter means in this folder."""
    found = _INFO.findall(name)
    letters = found[-1] if found else ""
    return frozenset(_FLAGS[one] for one in letters if one in _FLAGS) | frozenset(
        keywords[one] for one in letters if one in keywords
    )


def name_of(unique: str, flags: Flags) -> str:
    """The name of a file in ``cur``; keywords have no place in it."""
    letters = "".join(letter for letter, flag in sorted(_FLAGS.items()) if flag in flags)
    return f"{unique}:2,{letters}"


def keywords_of(text: str) -> dict[str, str]:
    """What `dovecot-keywords` of a folder says: small letter to keyword."""
    lines = [_KEYWORD_LINE.fullmatch(line.strip()) for line in text.splitlines()]
    return {chr(ord("a") + int(line[1])): line[2] for line in lines if line and int(line[1]) < 26}


def path_of(name: str) -> tuple[str, ...]:
    """The folder path behind a Maildir++ name: ``.Clients.Rossi`` is Rossi below Clients, still encoded."""
    return tuple(part for part in name.removeprefix(".").split(".") if part)


def folder_name(encoded_path: tuple[str, ...]) -> str:
    """The Maildir++ name of a folder path, its parts in modified UTF-7; the root is empty."""
    return "".join("." + part.replace(".", "&AC4-").replace("/", "&AC8-") for part in encoded_path)
