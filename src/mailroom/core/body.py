"""What to show of a letter: the body's text and HTML, what is new in it, and the snippet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailroom.core.charset import decode_text
from mailroom.core.mime import ParsedMessage, Part
from mailroom.core.plaintext import html_to_text
from mailroom.core.quotes import Split, split_text

SNIPPET_CHARS = 200
MAX_TEXT_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Body:
    """What was read of the body. `html` is foreign and unsafe until it went through `safe_html`."""

    text: str
    html: str | None
    new_text: str
    quoted: bool
    signature: str | None
    snippet: str
    charset: str | None
    """By which the shown text reads properly; None without a text part."""
    shown: frozenset[int]
    """Offsets of the parts that are body and therefore no attachments."""


def read_body(parsed: ParsedMessage, raw: bytes, *, brief: bool = False) -> Body:
    """Text and HTML of the body; the text is made from the HTML where no honest text part exists.

    ``brief``: what is stored and no more. The split looks at the beginning of long texts, and a page beside
    an honest text is not decoded (``html`` is empty, not None).
    """
    parts = body_parts(parsed.root)
    texts = [part for part in parts if part.content_type != "text/html"]
    htmls = [part for part in parts if part.content_type == "text/html"]
    charset = None
    pieces = []
    for part in texts:
        decoded, charset = part_text(part, raw)
        pieces.append(decoded)
    text = "\n".join(pieces).strip("\n")
    html = None
    if htmls and brief and _needs_no_page(text, parsed.root):
        html = ""
    elif htmls:
        pages = [part_text(part, raw) for part in htmls]
        html = "\n".join(page for page, _ in pages)
        charset = charset or pages[0][1]
        if _is_stub(text, html):
            text = html_to_text(html)
    split = _split_beginning(text) if brief else split_text(text)
    return Body(
        text=text,
        html=html,
        new_text=split.new_text,
        quoted=split.quoted,
        signature=split.signature,
        snippet=make_snippet(split.new_text or split.signature or text),
        charset=charset,
        shown=frozenset(part.offset for part in parts),
    )


def _needs_no_page(text: str, root: Part) -> bool:
    """The text is no stub, whatever the page says, and the page shows no file by its id."""
    return len(text.strip()) >= _STUB_CHARS and not any(part.content_id for part in root.walk())


def _split_beginning(text: str) -> Split:
    """The split of the first lines; of all of it where those are nothing but older text."""
    if len(text) <= _BEGINNING:
        return split_text(text)
    split = split_text(text[: text.rfind("\n", 0, _BEGINNING) + 1 or _BEGINNING])
    return split if len(split.new_text) >= 2 * SNIPPET_CHARS else split_text(text)


_BEGINNING = 1_500


def body_parts(root: Part) -> tuple[Part, ...]:
    """The parts that are the letter itself, in order: first text and HTML of each level, no files."""
    return tuple(_find_bodies(root, True))


def _find_bodies(part: Part, is_first: bool) -> Iterator[Part]:
    if part.content_type == "multipart/alternative" and part.children:
        yield from _best_alternatives(part)
    elif part.content_type in (
        "multipart/related",
        "multipart/signed",
        "multipart/report",
        "multipart/appledouble",
    ):
        # What follows the first part serves it: pictures, a signature, the machine's form of a report.
        yield from _find_bodies(part.children[0], is_first) if part.children else ()
    elif part.is_multipart:
        found = False
        for place, child in enumerate(part.children):
            for body in _find_bodies(child, place == 0):
                yield body
                found = True
            if found and not _continues(part, place):
                return
    elif _is_body_text(part):
        yield part


def _continues(part: Part, place: int) -> bool:
    """Apple Mail puts files between pieces of the text: pieces without a name go on with the letter."""
    rest = part.children[place + 1 :]
    return any(child.content_type in ("text/plain", "text/html") and _is_body_text(child) for child in rest)


def _best_alternatives(part: Part) -> Iterator[Part]:
    """One text and one HTML of the alternatives, whichever level they stand on."""
    seen: set[str] = set()
    for child in part.children:
        for body in _find_bodies(child, False):
            if body.content_type not in seen:
                seen.add(body.content_type)
                yield body


def _is_body_text(part: Part) -> bool:
    if part.content_type not in ("text/plain", "text/html", "text/enriched", "text/x-amp-html"):
        return False
    if part.content_type == "text/x-amp-html" or part.disposition == "attachment":
        return False
    return part.filename is None or (part.disposition is None and part.encoding != "base64")


# --- text of a part --------------------------------------------------------------------------------

_META_CHARSET = re.compile(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)


def part_text(part: Part, raw: bytes) -> tuple[str, str]:
    """The decoded text of a text part with `\\n` ends, and the charset by which it reads."""
    data = part.decode(raw)[:MAX_TEXT_BYTES]
    claimed = part.charset
    if claimed is None and part.content_type == "text/html":
        meta = _META_CHARSET.search(data, 0, 4_096)
        claimed = meta[1].decode("ascii") if meta else None
    text, charset = decode_text(data, claimed)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if part.parameters.get("format", "").lower() == "flowed":
        text = unflow(text, part.parameters.get("delsp", "").lower() == "yes")
    return text, charset


_QUOTE_DEPTH = re.compile(r">*")


def unflow(text: str, delsp: bool = False) -> str:
    """Soft line breaks joined (RFC 3676): equal depth, a space at the end, never the signature mark."""
    pieces: list[str] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        depth = len(_QUOTE_DEPTH.match(line)[0])  # type: ignore[index]
        content = line[depth:]
        content = content[1:] if content.startswith(" ") else content
        soft = content.endswith(" ") and content != "-- "
        if delsp and soft:
            content = content[:-1]
        if open_depth == depth and content != "-- ":
            pieces.append(content)
        else:
            pieces.append(f"\n{'>' * depth} {content}" if depth else f"\n{content}")
        open_depth = depth if soft else None
    return "".join(pieces)[1:]


_STUB = re.compile(
    r"html|przeglądar|browser|webversion|wersj|visualizz|versione|view (?:this|it|in)|ansicht"
    r"|unsubscribe|wypisz",
    re.IGNORECASE,
)


_STUB_CHARS = 400


def _is_stub(text: str, html: str) -> bool:
    """Whether the text part only says that there is HTML: a line or two beside a whole page."""
    words = text.strip()
    if not words:
        return True
    return (
        len(words) < _STUB_CHARS
        and len(html) > 4_000
        and len(html) > 20 * len(words)
        and bool(_STUB.search(words))
    )


# --- snippet ---------------------------------------------------------------------------------------

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff]"
)


def make_snippet(text: str) -> str:
    """The beginning of `text` on one line, at most 200 characters, ended at a word."""
    head = " ".join(_INVISIBLE.sub("", text[: 4 * SNIPPET_CHARS]).split())
    if len(head) <= SNIPPET_CHARS:
        return head
    cut = head[:SNIPPET_CHARS]
    return cut.rpartition(" ")[0] if cut.rfind(" ") > SNIPPET_CHARS // 2 else cut
