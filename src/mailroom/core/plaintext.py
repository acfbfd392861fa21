"""HTML as the plain text a reader would see: no markup, nothing hidden, quotes marked with `> `.

This feeds snippets, search and the splitting of quotes; it decides nothing about safety (see `html`).
"""

from __future__ import annotations

import re
from html import unescape

MAX_HTML_CHARS = 2_000_000

_TAG = re.compile(r"<(?:!--|([!?])|(/?)([a-zA-Z][a-zA-Z0-9:]*)([^>]*)>)")
_SPACE = re.compile(r"[\t\r\n\f][ \t\r\n\f]*|  +")
_SPACES = re.compile("  +")
_MAY_HIDE = re.compile(r":\s*(?:none|hidden|all|0(?![.\d]*[1-9]))|\shidden", re.IGNORECASE)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|\shidden(?=[\s=>]|$)"
    r"|(?:font-size|max-height|opacity)\s*:\s*0(?![.\d]*[1-9])",
    re.IGNORECASE,
)
# Inline elements are dropped in one sweep, unless something in the document is hidden.
_INLINE = re.compile(
    r"</?(?:span|font|b|i|u|a|em|strong|o:p|small|big|sub|sup|img|tbody|thead|meta|link|wbr|code|s|html|body|center)"
    r"(?:\s[^>]*)?/?>",
    re.IGNORECASE,
)
_SWALLOWED = frozenset(
    {"script", "style", "title", "svg", "math", "template", "noembed", "noframes", "object", "xml"}
)
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "pre", "dl"})
_BLOCK_NAMES = """
div tr li section article header footer center form fieldset address dt
dd main nav figure caption body
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_VOID = frozenset(
    {"img", "br", "hr", "input", "meta", "link", "area", "base", "col", "embed", "source", "wbr"}
)
# Marks that no decoded text holds: block edge, paragraph edge, quote begins, quote ends.
_BLOCK, _PARAGRAPH, _QUOTE, _UNQUOTE = "\x01", "\x02", "\x03", "\x04"
_BREAKS = re.compile(r"[\x01\x02\n](?: *[\x01\x02\n])*")
_MARKS = re.compile(r"[\x00-\x08]")
RULE = "_" * 32


def html_to_text(html: str) -> str:
    """The visible text of `html`: lines, `> ` before what stands in a block quote, `____` for a rule."""
    source = _MARKS.sub("", _from_body(html[:MAX_HTML_CHARS]))
    may_hide = _hides_something(source)
    preformatted = "<pre" in source.lower()
    if not preformatted:
        # Runs of spaces are joined at the end, when the markup is gone.
        source = source.replace("\n", " ").replace("\r", " ").replace("\t", " ")
    if not may_hide:
        last = source.rfind(">") + 1
        source = _INLINE.sub("", source[:last]) + source[last:]
    pieces = _walk(source, may_hide)
    text = _finish(pieces, preformatted)
    if may_hide and not text:
        text = _finish(_walk(source, False), preformatted)
    return text


def _from_body(html: str) -> str:
    """The document without its head: style sheets are most of many letters."""
    body = html.find("<body")
    if body < 0:
        body = html.find("<BODY")
    return html[body:] if body > 0 and "<head" in html[:body].lower() else html


def _hides_something(source: str) -> bool:
    return any(
        _HIDDEN.search(source, max(0, found.start() - 24), found.end() + 1)
        for found in _MAY_HIDE.finditer(source)
    )


def _walk(source: str, may_hide: bool) -> list[str]:
    pieces: list[str] = []
    place, preformatted = 0, 0
    unclosed: set[str] = set()
    # Without a bound each of a million unclosed tags would look through the rest of the document.
    last = source.rfind(">") + 1
    last_comment = source.rfind("-->")
    while (match := _TAG.search(source, place, last)) is not None:
        chunk = source[place : match.start()]
        if chunk:
            pieces.append(chunk if preformatted else _SPACE.sub(" ", chunk) if "\n" in chunk else chunk)
        name = (match[3] or "").lower()
        if not name:
            place = _after_comment(source, match, last_comment)
            continue
        place = match.end()
        closing = bool(match[2])
        if name in _SWALLOWED or (
            may_hide and not closing and name not in _VOID and _HIDDEN.search(match[4])
        ):
            if not closing and not match[4].endswith("/") and name not in unclosed:
                place = _after_element(source, name, place, unclosed)
            continue
        if name == "pre":
            preformatted = max(0, preformatted + (-1 if closing else 1))
        pieces.append(_mark(name, closing, match[4]))
    rest = source[place:]
    pieces.append(rest if preformatted else _SPACE.sub(" ", rest))
    return pieces


def _after_comment(source: str, match: re.Match[str], last_comment: int) -> int:
    """Where text goes on behind a comment, declaration or conditional mark; at once when it never ends."""
    if match[1]:
        end = source.find(">", match.end())
        return end + 1 if end >= 0 else match.end()
    end = source.find("-->", match.start() + 2) if match.start() + 2 <= last_comment else -1
    return end + 3 if end >= 0 else match.end()


def _after_element(source: str, name: str, place: int, unclosed: set[str]) -> int:
    """Where the element of that name, opened just before `place`, ends; `place` when it never does."""
    depth, at = 1, place
    edge = re.compile(rf"<(/?){re.escape(name)}(?=[\s/>])", re.IGNORECASE)
    while depth and (match := edge.search(source, at)) is not None:
        depth += -1 if match[1] else 1
        at = match.end()
        if name in ("script", "style", "title") and match[1]:
            break  # no nesting in raw text
    if depth > 0 and (match is None or name not in ("script", "style", "title")):
        unclosed.add(name)
        return place
    end = source.find(">", at)
    return end + 1 if end >= 0 else len(source)


def _mark(name: str, closing: bool, attributes: str) -> str:
    if name == "br":
        return "\n"
    if name == "p" and "MsoNormal" in attributes:
        return _BLOCK  # Outlook's paragraphs have no margins: each is a line
    if name in _PARAGRAPHS:
        return _PARAGRAPH if name != "p" or not closing else _BLOCK
    if name == "blockquote":
        return f"{_BLOCK}{_UNQUOTE if closing else _QUOTE}{_BLOCK}"
    if name == "li" and not closing:
        return f"{_BLOCK}- "
    if name in _BLOCKS:
        return _BLOCK
    if name == "hr":
        return f"{_BLOCK}{RULE}{_BLOCK}"
    return " " if name in ("td", "th") else ""


def _finish(pieces: list[str], preformatted: bool) -> str:
    joined = "".join(pieces)
    if "&" in joined:
        joined = unescape(joined)
    text = _BREAKS.sub(_line_break, joined)
    if not preformatted:
        # Only what was written as a space is layout; a no-break space at the edge is indentation.
        text = "\n".join([line.strip(" ") for line in _SPACES.sub(" ", text).split("\n")])
    text = "\n".join([line.rstrip() for line in text.replace("\xa0", " ").split("\n")]).strip(" \n")
    if _QUOTE in text:
        text = _prefix_quotes(text)
    return text.replace(_UNQUOTE, "")


def _line_break(match: re.Match[str]) -> str:
    """As many line ends as a browser shows: edges of blocks count once, breaks each, two at most."""
    run = match[0]
    if _PARAGRAPH in run:
        return "\n\n"
    lines = run.count("\n") + (1 if run[0] == _BLOCK else 0)
    return "\n\n" if lines > 1 else "\n"


def _prefix_quotes(text: str) -> str:
    lines, depth = [], 0
    for line in text.split("\n"):
        depth = min(50, depth + line.count(_QUOTE))
        shown = line.replace(_QUOTE, "").replace(_UNQUOTE, "").strip()
        if shown or line.strip() == "":
            lines.append(f"{'>' * depth} {shown}".rstrip() if depth else shown)
        depth = max(0, depth - line.count(_UNQUOTE))
    return "\n".join(lines)
