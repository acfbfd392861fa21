"""What is shown of a letter: its words, or its sanitised HTML; made once, and kept a while for its frame."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from mailroom.core.html import CidUrl, plain_html, safe_html
from mailroom.core.letter import Letter, read_letter
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Message

SHOWN_CHARS: Final = 400_000
KEPT_CHARS: Final = 16_000_000
LONGEST_CONTENT_ID: Final = 500
Key = tuple[int, bytes]
_WORD = re.compile(r"\S+")
_COLOURED = re.compile(r"color|background", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """A letter made ready. Everything in it may be put on a page as it is."""

    text_html: str
    """What the author wrote now, as HTML made of plain text."""
    earlier_html: str
    """Earlier letters quoted below it; empty when there are none, or when they are answered line by line."""
    html: str | None
    """Sanitised HTML for the frame, without what would load from elsewhere."""
    held_back: int
    """How many remote pictures are missing from it."""
    own_colours: bool
    """The HTML chose colours, so it needs white paper in the dark too."""
    cut: bool
    """The letter is so long that its end is not shown."""

    @property
    def weight(self) -> int:
        """Characters, for the bounds of the shelf."""
        return len(self.text_html) + len(self.earlier_html) + len(self.html or "")


def reading_of(message: Message) -> Reading | None:
    """The letter made ready; None while its body is not here. Who may read it was asked before."""
    if message.blob is None:
        return None
    key = message.pk, bytes(message.blob.digest)
    known = _shelf.find(key)
    if known is None:
        known = _read(message.pk, read_letter(content_of(message.blob)))
        _shelf.put(key, known)
    return known


def html_with_pictures(message: Message) -> str:
    """The sanitised HTML with its pictures loading from the network: the reader asked for it."""
    if message.blob is None:
        return ""
    html = read_letter(content_of(message.blob)).html or ""
    return safe_html(html, cid_url=_pictures(message.pk), remote=True).html


def picture_address(message_id: int, content_id: str) -> str:
    """Where a picture inside the letter is fetched by its Content-ID."""
    return reverse("inbox:picture", args=[message_id, content_id])


def _read(message_id: int, letter: Letter) -> Reading:
    now, earlier = told_apart(letter)
    safe = safe_html(letter.html, cid_url=_pictures(message_id)) if letter.html is not None else None
    return Reading(
        text_html=plain_html(now[:SHOWN_CHARS]),
        earlier_html=plain_html(earlier[:SHOWN_CHARS]),
        html=safe.html if safe else None,
        held_back=safe.held_back if safe else 0,
        own_colours=bool(safe and _COLOURED.search(safe.html)),
        cut=max(len(now), len(earlier)) > SHOWN_CHARS,
    )


def told_apart(letter: Letter) -> tuple[str, str]:
    """The text as (now, earlier), both whole: nothing of the letter is left out.

    Only a quote that ends the letter is folded; answers between quoted lines are shown as they stand.
    """
    text = letter.text
    if not letter.quoted or not letter.new_text.strip():
        return text, ""
    end = _after(text, 0, letter.new_text)
    if end is not None and letter.signature:
        end = _after(text, end, letter.signature) or end
    if end is None or not text[end:].strip():
        return text, ""
    return text[:end].rstrip(), text[end:].strip("\n")


def _after(text: str, start: int, beginning: str) -> int | None:
    """Where `text` from `start` goes on after the words of `beginning`; None if it begins otherwise."""
    place = start
    for word in _WORD.findall(beginning):
        found = _WORD.search(text, place)
        if found is None or found[0] != word:
            return None
        place = found.end()
    return place


def _pictures(message_id: int) -> CidUrl:
    def address(content_id: str) -> str | None:
        bare = content_id.strip().strip("<>")
        return picture_address(message_id, bare) if bare and len(bare) <= LONGEST_CONTENT_ID else None

    return address


class _Shelf:
    """The last letters made ready, bounded by their characters; shared by the threads of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: OrderedDict[Key, Reading] = OrderedDict()
        self._weight = 0

    def find(self, key: Key) -> Reading | None:
        with self._lock:
            found = self._readings.get(key)
            if found is not None:
                self._readings.move_to_end(key)
            return found

    def put(self, key: Key, reading: Reading) -> None:
        with self._lock:
            old = self._readings.pop(key, None)
            self._weight += reading.weight - (old.weight if old else 0)
            self._readings[key] = reading
            while self._weight > KEPT_CHARS:
                self._weight -= self._readings.popitem(last=False)[1].weight


_shelf = _Shelf()
