"""What the headers of a POP3 message say of it: who it is, and when it was received."""

from __future__ import annotations

import re
from hashlib import blake2b

from mailroom.core.letter import read_header
from mailroom.core.sync.maildrop import Sight

_END = re.compile(rb"\r?\n\r?\n")


def sight_of(content: bytes) -> Sight:
    """Read a message, or the answer to its TOP: both give the same, for only the headers are looked at.

    The identity is the Message-ID with From, To, Date, Subject and the topmost Received; without a
    Message-ID, which proves little, every byte of the header.
    """
    end = _END.search(content)
    head = content[: end.start()] if end else content
    letter = read_header(head + b"\r\n\r\n")
    digest = blake2b(letter.header_digest, digest_size=16)
    digest.update(letter.message_id.encode() if letter.message_id else head.strip())
    return Sight(digest.hexdigest(), letter.received_at or letter.date)
