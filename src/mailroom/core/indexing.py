"""What of a letter is searchable, folded: the text the index is shown, word for word."""

from __future__ import annotations

import json
from dataclasses import replace

import zstandard

from mailroom.core.address import Address
from mailroom.core.fold import fold
from mailroom.core.letter import Letter

COLUMNS = ("subject", "sender", "recipient", "copy", "body", "file")
"""Names and addresses of the sender, of To and Bcc, of Cc; names of attachments."""
MAX_CHARACTERS = 200_000
"""Of each column; a longer letter is found by its beginning."""


def index_text(letter: Letter) -> tuple[str, ...]:
    """The folded columns of a letter, in the order of :data:`COLUMNS`."""
    if letter.folded:
        return letter.folded
    texts = (
        letter.subject,
        _written(*letter.from_, *letter.sender),
        _written(*letter.to, *letter.bcc),
        _written(*letter.cc),
        letter.text,
        " ".join(one.filename for one in letter.attachments if one.filename),
    )
    return tuple(fold(text[:MAX_CHARACTERS]) for text in texts)


def prepared(letter: Letter) -> Letter:
    """The letter ready to be stored: folded already, and without the bodies that its bytes hold anyway.

    Folding costs as much as the rest of a store, and this form crosses a pipe in half the size.
    """
    html, folded = None if letter.html is None else "", index_text(letter)
    return replace(letter, folded=folded, packed=packed(folded), text="", new_text="", html=html)


def packed(folded: tuple[str, ...]) -> bytes:
    """The columns as they are kept beside the row: JSON, zstd."""
    return zstandard.ZstdCompressor(level=3).compress(json.dumps(folded, ensure_ascii=False).encode())


def unpacked(kept: bytes) -> tuple[str, ...]:
    """The columns again, exactly."""
    return tuple(json.loads(zstandard.ZstdDecompressor().decompress(kept)))


def _written(*addresses: Address) -> str:
    return " ".join(f"{one.name} {one.email}" for one in addresses)
