"""Folding text for comparison: case and accents away, the same on index and query, on either database.

FTS5's own folding leaves Polish ł, and đ ø ß, as they are, so folding is done here and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile("[\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
# A stroke is no accent to Unicode, and people type the letter without it.
_PLAIN = {"l": "ł", "d": "đð", "o": "ø", "h": "ħ", "t": "ŧ", "i": "ı", "n": "ŋ", "k": "ĸ", "'": "ʼ’‘"}
_DOUBLE = {"ss": "ß", "ae": "æ", "oe": "œ", "th": "þ"}
_LETTERS = str.maketrans({odd: plain for plain, odds in (_PLAIN | _DOUBLE).items() for odd in odds})


def fold(text: str) -> str:
    """``Żółć ŁÓDŹ Straße`` becomes ``zolc lodz strasse``; folding twice changes nothing."""
    if text.isascii():
        return text.lower()
    # Taken apart first: some compatibility forms hide a capital that casefold alone does not see.
    return _MARKS.sub("", unicodedata.normalize("NFKD", text).casefold()).translate(_LETTERS)
