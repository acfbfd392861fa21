"""Folding text for comparison: case and accents away, the same on index and query, on either database.

FTS5's own folding leaves Polish ł, and đ ø ß, as they are, so folding is done here and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_MARKS = re.compile("[\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
# A stroke is no accent to Unicode, and people type the letter without it.
_PLAIN = {"l": "ł", "d": "đð", "o": "ø", "h": "ħ", "t": "ŧ", "i": "ı", "n": "ŋ", "k": "ĸ", "'": "ʼ’‘"}
_DOUBLE = {"ss": "ß", "ae": "æ", "oe": "œ", "th": "þ"}
_LETTERS = str.maketrans({odd: plain for plain, odds in (_PLAIN | _DOUBLE).items() for odd in odds})
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_NOT_ALONE = re.compile("[^\x00-\u02ff\u2000-\u206f\u20ac\u2122]")
"""Scripts with marks of their own, where a letter may fold differently beside another one."""


def fold(text: str) -> str:
    """``Żółć ŁÓDŹ Straße`` becomes ``zolc lodz strasse``; folding twice changes nothing."""
    if text.isascii():
        return text.lower()
    if _NOT_ALONE.search(text):
        return fold_any(text)
    # A text has thousands of letters and a dozen odd ones: each of those is replaced throughout.
    for letter in set(_BEYOND_ASCII.findall(text)):
        text = text.replace(letter, _folded(letter))
    return text.lower()


def fold_any(text: str) -> str:
    """The rule itself, for any text; :func:`fold` knows a shorter way to the same answer."""
    # Taken apart first: some compatibility forms hide a capital that casefold alone does not see.
    return _MARKS.sub("", unicodedata.normalize("NFKD", text).casefold()).translate(_LETTERS)


@cache
def _folded(letter: str) -> str:
    return fold_any(letter)
