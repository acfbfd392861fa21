"""Foreign HTML made safe: an allow-list, nothing that loads by itself, `cid:` rewritten; sanitised last.

The frame's sandbox and the page's CSP are the wall; this is the first fence. Nothing may edit the result
as a string afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote

import nh3

from mailroom.core.plaintext import html_to_text
from mailroom.core.style import safe_style

CidUrl = Callable[[str], str | None]
MAX_HTML_CHARS = 2_000_000
MAX_NESTING = 1_000
MAX_ENTITIES = 10_000

_TAG_NAMES = """
a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup
data dd del details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr
i img ins kbd li main map area mark menu nav ol p pre q rp rt ruby s samp section small span strike
strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr
"""
_TAGS = frozenset(_TAG_NAMES.split())
# Removed with all they hold; other unknown elements lose their tag and keep their text.
_DROPPED_NAMES = """
script style title svg math template object embed applet iframe frame frameset noembed noframes audio
video canvas head meta link base xml portal
"""
_CONTENT_DROPPED = frozenset(_DROPPED_NAMES.split())
_GENERAL = {
    "align",
    "valign",
    "bgcolor",
    "color",
    "dir",
    "lang",
    "title",
    "width",
    "height",
    "style",
    "background",
    "role",
}
_ATTRIBUTES: dict[str, set[str]] = {
    "*": _GENERAL,
    "a": {"href", "name"},
    "area": {"href", "shape", "coords", "alt"},
    "img": {"src", "srcset", "alt", "border", "hspace", "vspace"},
    "font": {"face", "size"},
    "table": {"border", "cellpadding", "cellspacing", "rules", "frame", "summary"},
    "td": {"colspan", "rowspan", "nowrap", "headers", "abbr", "scope"},
    "th": {"colspan", "rowspan", "nowrap", "headers", "abbr", "scope"},
    "col": {"span"},
    "colgroup": {"span"},
    "ol": {"start", "type", "reversed"},
    "ul": {"type"},
    "li": {"value", "type"},
    "hr": {"size", "noshade"},
    "br": {"clear"},
    "q": {"cite"},
    "time": {"datetime"},
    "details": {"open"},
    "bdo": {"dir"},
}
_LINK_SCHEMES = ("http:", "https:", "mailto:", "tel:", "sms:", "ftp:", "xmpp:", "geo:")
_REMOTE = re.compile(r"(?:https?:|ftp:)?//", re.IGNORECASE)
_DATA_IMAGE = re.compile(
    r"data:image/(?:png|gif|jpe?g|webp|bmp|x-icon|avif);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class SafeHtml:
    """HTML that may be shown, and how many remote loads were held back from it."""

    html: str
    held_back: int


def safe_html(html: str, *, cid_url: CidUrl, remote: bool = False) -> SafeHtml:
    """`html` cut down to what a letter needs.

    `cid_url` names where a part of the letter can be fetched by its Content-ID (None drops the picture);
    `remote` lets pictures come from the network. Nothing else ever loads.
    """
    source = html[:MAX_HTML_CHARS]
    if _too_tangled(source):
        # The parser's time grows with the square of the nesting: the words are shown, the layout is not.
        return SafeHtml(plain_html(html_to_text(source)), 0)
    judge = _Judge(cid_url, remote)
    cleaned = _cleaned(_PRE_EDGE.sub(r"\1", source), judge)
    settled = _Judge(lambda _: None, remote, judge.known)
    for _ in range(_MAX_PASSES):
        # What one parser reads out of another's output may differ: the result must read as itself.
        again = _cleaned(cleaned, settled)
        if again == cleaned:
            break
        cleaned = again
    return SafeHtml(cleaned, judge.held_back)


# A parser drops the line end after <pre>, and would drop the next one at each reading.
_PRE_EDGE = re.compile(r"(<pre(?:\s[^<>]*)?>)[\r\n]+", re.IGNORECASE)
_MAX_PASSES = 4


def _cleaned(html: str, judge: _Judge) -> str:
    return nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_CONTENT_DROPPED),
        attributes=_ATTRIBUTES,
        attribute_filter=judge.attribute,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}, "area": {"target": "_blank"}},
        url_schemes={"http", "https", "mailto", "tel", "sms", "ftp", "xmpp", "geo", "cid", "data"},
    )


_OPENED = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s[^<>]*)?)")
# These end by themselves, or hold nothing.
_ENDING_NAMES = "p li td th tr dt dd option br img hr input meta link area base col wbr tbody thead tfoot"
_NOT_NESTING = frozenset(_ENDING_NAMES.split())


def _too_tangled(html: str) -> bool:
    """Whether elements are nested, or one carries attributes, far beyond any letter that a program wrote."""
    if html.count("<") <= MAX_NESTING and len(html) < 100_000:
        return False
    if html.count("&") > MAX_ENTITIES and any(run.count("&") > MAX_ENTITIES for run in html.split("<")):
        return True
    open_elements: dict[str, int] = {}
    depth = 0
    for match in _OPENED.finditer(html):
        name = match[2].lower()
        if len(match[3]) > 50_000 and len(match[3].split()) > 2_000:
            return True
        if name in _NOT_NESTING:
            continue
        here = open_elements.get(name, 0)
        if not match[1]:
            open_elements[name], depth = here + 1, depth + 1
        elif here:
            open_elements[name], depth = here - 1, depth - 1
        if depth > MAX_NESTING:
            return True
    return False


class _Judge:
    """Decides on one attribute after another, and counts what it holds back."""

    __slots__ = ("cid_url", "held_back", "known", "remote")

    def __init__(self, cid_url: CidUrl, remote: bool, known: frozenset[str] | set[str] = frozenset()) -> None:
        self.cid_url = cid_url
        self.remote = remote
        self.known = set(known)
        """Addresses given by `cid_url`: the second reading must let them stand."""
        self.held_back = 0

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        """The value to keep, or None."""
        if name == "href":
            return _safe_link(value)
        if name in ("src", "background"):
            return self.source(value)
        if name == "srcset":
            return self._counted(value)
        if name == "style":
            return safe_style(value, self.source) or None
        if name == "cite":
            return None
        return value

    def source(self, url: str) -> str | None:
        """Where a picture may load from; None when it must not."""
        if url in self.known:
            return url
        bare = _CONTROL.sub("", url)
        if bare[:4].lower() == "cid:":
            return self._part(unquote(bare[4:]))
        if _DATA_IMAGE.fullmatch(bare):
            return bare
        return self._counted(bare)

    def _part(self, content_id: str) -> str | None:
        url = self.cid_url(content_id)
        if url is not None:
            self.known.add(url)
        return url

    def _counted(self, url: str) -> str | None:
        if not _REMOTE.match(url.strip()):
            return None
        if self.remote and " " not in url and "," not in url and "\\" not in url:
            return f"https:{url}" if url.startswith("//") else url
        self.held_back += 1
        return None


def _safe_link(url: str) -> str | None:
    bare = _CONTROL.sub("", url)
    if bare.startswith("#"):
        return bare
    return bare if bare.lower().startswith(_LINK_SCHEMES) and "\\" not in bare else None


# --- plain text as HTML ------------------------------------------------------------------------------

# Escaped text is cut into links and the rest: `&` can only begin an entity here.
_LINK = re.compile(
    r"\b(?:https?://|www\.)(?:[^\s&<>\"'\x00-\x20]|&amp;){1,2000}|\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}\b",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[.,:;!?)\]}*_]+$")


def plain_html(text: str) -> str:
    """Plain text for the page: escaped first, then links are made of what is an address on its face."""
    return _LINK.sub(_linked, escape(text, quote=True)).replace("\n", "<br>\n")


def _linked(match: re.Match[str]) -> str:
    shown = match[0]
    trailing = _TRAILING.search(shown)
    tail = trailing[0] if trailing else ""
    if tail.startswith(")") and "(" in shown:
        tail = tail[1:]
    shown = shown[: len(shown) - len(tail)]
    if shown.lower().startswith(("http", "www.")):
        target = shown if shown.lower().startswith("http") else f"https://{shown}"
        return f'<a href="{target}" target="_blank" rel="noopener noreferrer">{shown}</a>{tail}'
    return f'<a href="mailto:{shown}">{shown}</a>{tail}'
