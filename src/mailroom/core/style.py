"""The style attribute of foreign HTML, parsed into tokens; a declaration passes as a whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable

Source = Callable[[str], str | None]
"""What a picture's address becomes, None when it must not load."""

_PROPERTY_NAMES = """
color background background-color background-image background-repeat background-position background-size
font font-family font-size font-style font-weight font-variant line-height letter-spacing word-spacing
text-align text-decoration text-decoration-color text-decoration-line text-decoration-style text-indent
text-transform white-space word-break word-wrap overflow-wrap vertical-align direction unicode-bidi
margin margin-top margin-right margin-bottom margin-left padding padding-top padding-right padding-bottom
padding-left border border-top border-right border-bottom border-left border-color border-style
border-width border-radius border-collapse border-spacing border-top-color border-top-style
border-top-width border-right-color border-right-style border-right-width border-bottom-color
border-bottom-style border-bottom-width border-left-color border-left-style border-left-width
border-top-left-radius border-top-right-radius border-bottom-left-radius border-bottom-right-radius width
height max-width min-width max-height min-height display float clear overflow visibility table-layout
caption-side empty-cells list-style list-style-type list-style-position box-sizing opacity quotes flex
flex-direction flex-wrap justify-content align-items gap text-shadow box-shadow text-overflow
"""
_PROPERTIES = frozenset(_PROPERTY_NAMES.split())
_FUNCTIONS = frozenset({"rgb", "rgba", "hsl", "hsla"})
# CSS Syntax Level 3, the tokens that a letter needs; what is none of them spoils its declaration.
_TOKEN = re.compile(
    r"""(?P<space>\s+|/\*[^*]{0,2000}\*/)"""
    r"""|(?P<url>url\(\s*(?:"(?P<dq>[^"\\\n]{0,100000})"|'(?P<sq>[^'\\\n]{0,100000})'|(?P<bare>[^"'()\\\s]{0,100000}))\s*\))"""
    r"""|(?P<string>"[^"\\\n<>]*"|'[^'\\\n<>]*')"""
    r"""|(?P<hash>\#[0-9A-Za-z]{3,8}\b)"""
    r"""|(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:%|[A-Za-z]{1,5})?)"""
    r"""|(?P<function>[A-Za-z][A-Za-z-]*\()"""
    r"""|(?P<ident>-?[A-Za-z_\u00a1-\uffff][\w\u00a1-\uffff-]*)"""
    r"""|(?P<important>!\s*important)"""
    r"""|(?P<mark>[:;,/()])"""
    r"""|(?P<bad>.)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_NO_PICTURES = frozenset({"display", "position"})
MAX_CHARS = 20_000


def safe_style(style: str, source: Source) -> str:
    """The declarations that may stay, in their order; `source` judges each `url()`."""
    kept = []
    for tokens in _declarations(style[:MAX_CHARS]):
        declaration = _judge(tokens, source)
        if declaration is not None:
            kept.append(declaration)
    return "; ".join(kept)


def _declarations(style: str) -> list[list[re.Match[str]]]:
    """The tokens of each declaration, spaces and comments kept as tokens."""
    found: list[list[re.Match[str]]] = [[]]
    for token in _TOKEN.finditer(style):
        if token[0] == ";":
            found.append([])
        else:
            found[-1].append(token)
    return found


def _judge(tokens: list[re.Match[str]], source: Source) -> str | None:
    while tokens and tokens[0].lastgroup == "space":
        tokens = tokens[1:]
    if not tokens or tokens[0].lastgroup != "ident":
        return None
    name = tokens[0][0].lower()
    rest = tokens[1:]
    while rest and rest[0].lastgroup == "space":
        rest = rest[1:]
    if not rest or rest[0][0] != ":":
        return None
    value = _value(rest[1:], source)
    if value is None or name not in _PROPERTIES:
        return None
    return f"{name}: {value}"


def _value(tokens: list[re.Match[str]], source: Source) -> str | None:
    """The value rebuilt from its tokens; None when one of them may not stand in a letter."""
    pieces: list[str] = []
    open_functions = 0
    for token in tokens:
        kind, text = _kind(token), token[0]
        if kind == "space":
            pieces.append(" ")
        elif kind == "url":
            target = source(token["dq"] or token["sq"] or token["bare"] or "")
            if target is None or not _QUOTABLE.fullmatch(target):
                return None
            pieces.append(f"url('{target}')")
        elif kind == "function":
            if text[:-1].lower() not in _FUNCTIONS:
                return None
            open_functions += 1
            pieces.append(text.lower())
        elif kind in ("bad", None) or text in (":", "("):
            return None
        else:
            open_functions -= text == ")"
            if open_functions < 0:
                return None
            pieces.append(text)
    value = "".join(pieces).strip()
    return value if value and open_functions == 0 else None


_QUOTABLE = re.compile(r"[^'\"\\()<>\s]{1,100000}")


def _kind(token: re.Match[str]) -> str | None:
    """The outer group: inside `url` the last group is the form of its quotes."""
    return "url" if token["url"] is not None else token.lastgroup
