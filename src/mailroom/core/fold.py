"""Folding text for comparison: case and accents away, the same on index and query, on either database.

FTS5's own folding leaves Polish ł, and đ ø ß, as they are, so folding is done here and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]+")
_WHOLE = str.maketrans(
    {"ł": "l", "đ": "d", "ð": "d", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ı": "i"}
)


def fold(text: str) -> str:
    """``Żółć ŁÓDŹ Straße`` becomes ``zolc lodz strasse``."""
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).translate(_WHOLE)
