"""Addresses: header text in, `Address(name, mailbox, host)` out, groups flattened; never raises.

An address has two forms. `email` is what was written, for eyes and for sending: a server may tell
`Ann@` from `ann@`. `key` is the matching form, by which the firm's memory joins letters to cards: no
server in use tells them apart, people write them as they like, and IDNA names arrive in both spellings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import idna

from mailroom.core.headers import decode_words, raw_text

MAX_ADDRESSES = 20_000
_MAX_CHARS = 2_000_000


@dataclass(frozen=True, slots=True)
class Address:
    """One address as a header gave it; `mailbox` without quotes, `host` empty where none was written."""

    name: str
    mailbox: str
    host: str

    @property
    def email(self) -> str:
        """The address as written, quoted again where its local part needs it."""
        local = self.mailbox
        if local and self.host and not _PLAIN_LOCAL.fullmatch(local):
            escaped = local.replace("\\", "\\\\").replace('"', '\\"')
            local = f'"{escaped}"'
        return f"{local}@{self.host}" if self.host else local

    @property
    def key(self) -> str:
        """The matching form: lower case, host in ASCII (IDNA); empty when this names no mailbox."""
        return f"{self.mailbox.lower()}@{host_key(self.host)}" if self.mailbox and self.host else ""


_PLAIN_LOCAL = re.compile(r'[^\s"(),:;<>@\[\\\]]+')
_HOST_DOTS = re.compile("[\u3002\uff0e\uff61]")


@lru_cache(maxsize=8192)
def host_key(host: str) -> str:
    """A host name in the one form that equal hosts share: lower-case ASCII (RFC 5890), no final dot."""
    lowered = _HOST_DOTS.sub(".", host.strip()).rstrip(".").lower()
    if lowered.isascii():
        return lowered
    try:
        return idna.encode(lowered, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        return lowered


def format_address(address: Address) -> str:
    """`Name <a@b>` still in Unicode; the name quoted where it holds specials (RFC 5322 3.2.3)."""
    if not address.name:
        return address.email
    name = address.name
    if _SPECIALS.search(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return f"{name} <{address.email}>"


_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')

# --- reading ---------------------------------------------------------------------------------------

# What nearly every header holds: names of plain words or in quotes, an address in brackets or alone.
_SIMPLE = re.compile(
    r"""[ \t]*(?:"([^"\\=]*)"[ \t]*<|((?:[^\s"(),:;<>@\[\]\\=]+[ \t]+)*)<)?"""
    r"""([A-Za-z0-9.!#$%&'*+/?^_`{|}~-]+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)(>?)[ \t]*(?:,|$)"""
)
_QUOTED = r"""|"(?P<quoted>(?:[^"\\]|\\.){0,1000}+)["]"""
_TOKENS = (
    r"""(?P<word>=\?[^?\s]{1,75}\?[bBqQ]\?[^?"<>]{0,2000}\?=)"""
    "{quoted}"
    r"""|(?P<open>\()"""
    r"""|<(?P<angle>[^<>]*)(?:>|$)"""
    r"""|(?P<special>[,;:>)\]])"""
    r"""|(?P<literal>\[[^\[\]]*\]?)"""
    r"""|(?P<space>\s+)"""
    r"""|(?P<text>(?:(?!=\?)[^\s"(),:;<>\[\]])+|.)"""
)
_TOKEN = re.compile(_TOKENS.replace("{quoted}", _QUOTED), re.DOTALL)
# Each quote that is never closed costs a look ahead; after some of them quotes are mere characters.
_TOKEN_WITHOUT_QUOTES = re.compile(_TOKENS.replace("{quoted}", ""), re.DOTALL)
_MAX_OPEN_QUOTES = 20
_COMMENT_EDGE = re.compile(r"\\.|[()]", re.DOTALL)
_FOLDING = re.compile(r"[ \t]*[\r\n]+[ \t]*")


def parse_addresses(value: str | bytes | None) -> tuple[Address, ...]:
    """Every mailbox of an address list, in order (RFC 5322 3.4 and what is sent in its name).

    Groups give their members; what is no address at all comes back with an empty host, so that people see
    what was written. At most 20,000 addresses are read.
    """
    if not value:
        return ()
    # The same few people write to each other all day.
    return _parse_short(value) if len(value) <= _SHORT else _parse(value)


def _parse(value: str | bytes) -> tuple[Address, ...]:
    text = raw_text(value[:_MAX_CHARS]) if isinstance(value, bytes) else value[:_MAX_CHARS]
    if "\n" in text or "\r" in text:
        text = _FOLDING.sub(" ", text)
    simple = _read_simple(text)
    return simple if simple is not None else _Reader(text).read()


_SHORT = 200
_parse_short = lru_cache(maxsize=8192)(_parse)


def _read_simple(text: str) -> tuple[Address, ...] | None:
    """The list read by one expression an address; None when something in it needs the full reader."""
    found: list[Address] = []
    place, end = 0, len(text.rstrip())
    while place < end and len(found) < MAX_ADDRESSES:
        match = _SIMPLE.match(text, place)
        if match is None:
            return None
        quoted, words, mailbox, host, closed = match.groups()
        if bool(closed) != (quoted is not None or words is not None):
            return None
        name = quoted if quoted is not None else words or ""
        if not name.isprintable():
            return None
        found.append(Address(" ".join(name.split()), mailbox, host))
        place = match.end()
    return tuple(found)


class _Reader:
    """One pass over the tokens of an address list; every token is looked at once."""

    __slots__ = (
        "angle",
        "bare",
        "comments",
        "found",
        "name",
        "named",
        "open_quotes",
        "place",
        "quoted_local",
        "text",
    )

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.open_quotes = 0
        self.found: list[Address] = []
        self._begin()

    def _begin(self) -> None:
        self.name: list[str] = []  # the phrase so far, raw pieces with their spaces
        self.bare: list[str] = []  # the same without comments and quotes: an address if no bracket comes
        self.comments: list[str] = []
        self.angle: str | None = None
        self.quoted_local = False
        self.named = 0  # how much of the name stood before the bracket

    def read(self) -> tuple[Address, ...]:
        text, end = self.text, len(self.text)
        while self.place < end and len(self.found) < MAX_ADDRESSES:
            token = _TOKEN if self.open_quotes < _MAX_OPEN_QUOTES else _TOKEN_WITHOUT_QUOTES
            match = token.match(text, self.place)
            if match is None:
                break
            self.place = match.end()
            self._take(match)
        self._finish()
        return tuple(self.found)

    def _take(self, match: re.Match[str]) -> None:
        kind, piece = match.lastgroup, match[match.lastgroup or 0]
        if kind == "special":
            self._take_special(piece)
        elif kind == "quoted":
            unescaped = re.sub(r"\\(.)", r"\1", piece, flags=re.DOTALL)
            self.name.append(unescaped)
            self.quoted_local = self.text[self.place : self.place + 1] == "@"
            self.bare.append(f'"{piece}"' if self.quoted_local else unescaped)
        elif kind == "angle":
            self._take_angle(piece)
        elif kind == "open":
            self.comments.append(self._comment())
            self.bare.append(" ")
        elif kind == "space":
            self.name.append(" ")
            self.bare.append(" ")
        else:
            self.open_quotes += piece == '"'
            self.name.append(piece)
            self.bare.append(piece)

    def _take_special(self, special: str) -> None:
        if special == ":" and self.angle is None and "@" not in "".join(self.bare):
            self._begin()  # what stood before is the name of a group
        elif special == "," and self._name_goes_on():
            self.name.append(",")
        elif special in ",;":
            self._finish()
            self._begin()
        elif special not in ">":
            self.name.append(special)
            self.bare.append(special)

    def _name_goes_on(self) -> bool:
        """`Doe, Jane <jane@x>`: words without @ before a comma belong to the name that follows."""
        if self.angle is not None or "@" in "".join(self.bare) or not "".join(self.bare).strip():
            return False
        rest = _UNTIL_ADDRESS.match(self.text, self.place)
        return rest is not None and "@" not in rest[0] and rest[0].endswith("<")

    def _take_angle(self, piece: str) -> None:
        if self.angle is not None and "@" in self.angle and "@" in piece:
            # A comma was forgotten: the words since the first address name the second.
            since = self.name[self.named :]
            self.name = self.name[: self.named]
            self._finish()
            self._begin()
            self.name = since
        elif self.angle is not None and "@" in self.angle:
            return
        self.angle, self.named = piece, len(self.name)

    def _comment(self) -> str:
        """The text of a comment (RFC 5322 3.2.2), nested ones included; unclosed it ends with the header."""
        start, depth = self.place, 1
        for match in _COMMENT_EDGE.finditer(self.text, start):
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            if depth == 0:
                self.place = match.end()
                return self.text[start : match.start()]
        self.place = len(self.text)
        return self.text[start:]

    def _finish(self) -> None:
        phrase, bare = "".join(self.name).strip(), "".join(self.bare).strip()
        if self.angle is not None:
            mailbox, host = _split(self.angle)
            if mailbox or host or phrase:
                self._add(phrase or " ".join(self.comments), mailbox, host)
        elif "=?" in bare and "@" not in bare and "@" in (decoded := decode_words(bare)):
            self.found.extend(parse_addresses(decoded.replace("=?", "= ?")))
        elif "@" in bare:
            self._add_bare(bare)
        elif bare and not _SPACES.search(bare) and bare.isascii() and "=?" not in bare:
            self._add(" ".join(self.comments), bare, "")
        elif phrase:
            self._add(phrase, "", "")

    def _add_bare(self, bare: str) -> None:
        words = [bare] if self.quoted_local else _AROUND_AT.sub(r"\1", bare).split()
        with_at = [word for word in words if "@" in word]
        for word in with_at:
            mailbox, host = _split(word)
            others = " ".join(word for word in words if "@" not in word)
            self._add(" ".join(self.comments) or (others if len(with_at) == 1 else ""), mailbox, host)

    def _add(self, name: str, mailbox: str, host: str) -> None:
        readable = decode_words(name) if name else ""
        self.found.append(
            Address(_SPACES.sub(" ", readable).strip(" '\"") if readable else "", mailbox, host)
        )


_SPACES = re.compile(r"\s+")
_AROUND_AT = re.compile(r"\s*([@.])\s*")
_UNTIL_ADDRESS = re.compile(r"""[^,;:<>"()@]{0,200}[<,;:>"()@]?""")
_COMMENTS_INSIDE = re.compile(r"\([^()]*\)")


def _split(written: str) -> tuple[str, str]:
    """Local part and host of what stood in brackets; a route before it is dropped (RFC 5322 4.4)."""
    spec = decode_words(written)
    if spec.lower().startswith("mailto:"):
        spec = spec[7:].partition("?")[0]
    if "(" in spec:
        spec = _COMMENTS_INSIDE.sub("", spec)
    if spec.startswith("@") and ":" in spec:
        spec = spec.partition(":")[2]
    local, at, host = spec.rpartition("@")
    if not at or (";" in local and not local.startswith('"')):
        return _unquote(spec), ""  # `<undisclosed-recipients:;@host>` names nobody
    return _unquote(local), _SPACES.sub("", host).strip("'\"<>,;")


def _unquote(local: str) -> str:
    local = local.strip()
    if len(local) > 1 and local[0] == local[-1] == '"':
        return re.sub(r"\\(.)", r"\1", local[1:-1])
    return _SPACES.sub("", local)
