"""Header fields as values: words (RFC 2047), parameters (RFC 2231), dates, ids (RFC 5322); never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from enum import StrEnum
from functools import lru_cache

from mailroom.core.charset import clean_text, decode_text
from mailroom.core.transfer import decode_base64

MAX_HEADER_BYTES = 256 * 1024
MAX_ID_CHARS = 995


class Defect(StrEnum):
    """What was wrong with a letter, for people who ask why it looks as it does."""

    MBOX_LINE = "mbox_line"
    NO_HEADER = "no_header"
    HEADER_TOO_LARGE = "header_too_large"
    HEADER_JUNK = "header_junk"
    MISSING_SEPARATOR = "missing_separator"
    BAD_CONTENT_TYPE = "bad_content_type"
    BOUNDARY_MISSING = "boundary_missing"
    BOUNDARY_NOT_FOUND = "boundary_not_found"
    BOUNDARY_NOT_CLOSED = "boundary_not_closed"
    TOO_DEEP = "too_deep"
    TOO_MANY_PARTS = "too_many_parts"
    UNKNOWN_ENCODING = "unknown_encoding"
    BAD_BASE64 = "bad_base64"
    CHARSET_WRONG = "charset_wrong"
    BAD_DATE = "bad_date"
    BAD_MESSAGE_ID = "bad_message_id"
    MISSING_FROM = "missing_from"
    READER_FAILED = "reader_failed"


# --- the block -------------------------------------------------------------------------------------

_CONTINUED = re.compile(rb"\n[ \t]+")
_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*")
_FIELD = re.compile(
    rb"^([!-9;-~]{1,200})[ \t]*:[ \t]*([^\r\n]*(?:\r*\n[ \t]+[^\r\n]*|\r(?!\n)[^\r\n]*)*)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of one header block in their order: name as written, value raw but unfolded."""

    fields: tuple[tuple[str, bytes], ...]
    index: dict[str, tuple[bytes, ...]]

    def first(self, name: str) -> bytes | None:
        """The topmost value of the field `name` (lower case), or None."""
        values = self.index.get(name)
        return values[0] if values else None

    def all(self, name: str) -> tuple[bytes, ...]:
        """Every value of the field `name` (lower case), topmost first."""
        return self.index.get(name, ())

    def text(self, name: str) -> str:
        """The topmost value decoded for eyes; empty when absent."""
        values = self.index.get(name)
        return decode_words(values[0]) if values else ""


def read_fields(block: bytes) -> tuple[Header, int, bool]:
    """The header of `block`, the offset where its last field ends, and whether junk stood between fields."""
    fields: list[tuple[str, bytes]] = []
    index: dict[str, list[bytes]] = {}
    unfolded = block.replace(b"\r\n", b"\n") if b"\r\n" in block else block
    for line in _CONTINUED.sub(b" ", unfolded).split(b"\n"):
        written, colon, value = line.partition(b":")
        names = _field_names(written) if colon else None
        if names:
            name, key = names
            value = value.strip()
            fields.append((name, value))
            if key in index:
                index[key].append(value)
            else:
                index[key] = [value]
        elif line.strip():
            return _read_fields_in_junk(block)
    return Header(tuple(fields), {key: tuple(values) for key, values in index.items()}), len(block), False


def _index(fields: list[tuple[str, bytes]]) -> dict[str, tuple[bytes, ...]]:
    """Values by lower-case name, in the order of the header."""
    index: dict[str, list[bytes]] = {}
    for name, value in fields:
        index.setdefault(name.lower(), []).append(value)
    return {name: tuple(values) for name, values in index.items()}


def _read_fields_in_junk(block: bytes) -> tuple[Header, int, bool]:
    """The fields between lines that are none; what follows the last field may be the body."""
    fields: list[tuple[str, bytes]] = []
    end, junk = 0, False
    for match in _FIELD.finditer(block):
        junk = junk or bool(block[end : match.start()].strip(b"\r\n"))
        fields.append((match[1].decode("ascii"), match[2].strip()))
        end = match.end()
    return Header(tuple(fields), _index(fields)), end, junk


@lru_cache(maxsize=4096)
def _field_names(written: bytes) -> tuple[str, str] | None:
    """The name of a field as written and in lower case; None when it is no name."""
    found = _NAME.fullmatch(written)
    return (found[1].decode("ascii"), found[1].decode("ascii").lower()) if found else None


# --- words -----------------------------------------------------------------------------------------

_FOLD = re.compile(r"[ \t]*[\r\n]+[ \t]*|\t+")
# Up to 20 question marks may stand unescaped in a word; the bound keeps hostile headers linear.
_WORD = re.compile(r"=\?([^?\s]{1,75})\?([bBqQ])\?([^?]*(?:\?(?!=)[^?]*){0,20})\?=")
_BETWEEN_WORDS = re.compile(r"[ \t\r\n]*")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def decode_words(value: bytes | str) -> str:
    """A header value for eyes: unfolded, encoded words decoded (RFC 2047), raw 8-bit guessed, no controls."""
    # The subject alone is asked for by several, and the same names stand in every letter of a thread.
    return _decoded_short(value) if len(value) <= _SHORT else _decoded(value)


_SHORT = 400


@lru_cache(maxsize=2048)
def _decoded_short(value: bytes | str) -> str:
    return _decoded(value)


def _decoded(value: bytes | str) -> str:
    text = value if isinstance(value, str) else raw_text(value)
    if "=?" in text:
        text = _decode_encoded_words(text)
    if not text.isprintable():
        text = clean_text(_CONTROLS.sub("", _FOLD.sub(" ", text)))
    return text.strip()


def raw_text(value: bytes) -> str:
    """Raw header bytes as text: ASCII as a rule, else UTF-8 (RFC 6532), else a guess."""
    return value.decode("ascii") if value.isascii() else decode_text(value)[0]


def _decode_encoded_words(text: str) -> str:
    """Neighbouring words of one charset are joined as bytes first: many writers cut inside a character."""
    pieces: list[str] = []
    run, charset, end = b"", "", 0
    for match in _WORD.finditer(text):
        gap = text[end : match.start()]
        adjacent = bool(charset) and not gap.strip()
        here = match[1].partition("*")[0].lower()
        if adjacent and here == charset:
            run += _word_bytes(match[2], match[3])
        else:
            if charset:
                pieces.append(decode_text(run, charset)[0])
            pieces.append("" if adjacent else gap)
            run, charset = _word_bytes(match[2], match[3]), here
        end = match.end()
    if charset:
        pieces.append(decode_text(run, charset)[0])
    return "".join((*pieces, text[end:]))


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "bB":
        return decode_base64(data)[0]
    return _decode_q(data.replace(b"_", b" "))


_Q_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")


def _decode_q(data: bytes) -> bytes:
    return _Q_ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), data)


# --- parameters ------------------------------------------------------------------------------------

_PARAMETER = re.compile(rb';\s*([^\s=;"]{1,200})\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.DOTALL)
_SECTION = re.compile(r"(.+?)\*(?:(\d{1,6})(\*?))?$")
_COMMENT = re.compile(rb"\([^()]*\)")
_UNESCAPE = re.compile(r'\\(["\\])')


@lru_cache(maxsize=2048)
def read_parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """`text/plain; charset=x` as the lower-case main value and decoded parameters (RFC 2045, RFC 2231).

    The dictionary is shared between equal headers: read it, never write it.
    """
    main = value.partition(b";")[0]
    if b"(" in main:
        main = _COMMENT.sub(b"", main)
    plain: dict[str, str] = {}
    sections: dict[str, list[tuple[int, bool, bytes]]] = {}
    for match in _PARAMETER.finditer(value):
        name, data = match[1].decode("latin-1").lower(), match[2].strip()
        split = _SECTION.fullmatch(name) if "*" in name else None
        if split is None:
            plain.setdefault(name, _parameter_text(data))
        else:
            starred = split[2] is None or bool(split[3])
            sections.setdefault(split[1], []).append((int(split[2] or 0), starred, data))
    extended = {name: _join_sections(pieces) for name, pieces in sections.items()}
    # RFC 6266 4.3: where both forms are given, the starred one is the better.
    return raw_text(main).strip().lower(), {**plain, **extended}


def _parameter_text(data: bytes) -> str:
    text = raw_text(data)
    if text.startswith('"'):
        text = text[1:-1] if text.endswith('"') and len(text) > 1 else text[1:]
        text = _UNESCAPE.sub(r"\1", text)
    elif " (" in text:
        text = text.partition(" (")[0]
    return decode_words(text)


def _join_sections(pieces: list[tuple[int, bool, bytes]]) -> str:
    pieces.sort(key=lambda piece: piece[0])
    charset, data = "", []
    for place, (_, starred, raw) in enumerate(pieces):
        piece = raw.strip(b'"') if raw.startswith(b'"') else raw
        if starred and place == 0 and piece.count(b"'") >= 2:
            label, _, piece = piece.split(b"'", 2)
            charset = label.decode("latin-1")
        data.append(_unpercent(piece) if starred else piece)
    return decode_words(decode_text(b"".join(data), charset or None)[0])


_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def _unpercent(data: bytes) -> bytes:
    return _PERCENT.sub(lambda match: bytes((int(match[1], 16),)), data) if b"%" in data else data


# --- dates -----------------------------------------------------------------------------------------

_DATE = re.compile(
    r"(?:[^\W\d]+\.?,?)?\s*(\d{1,2})[\s-]+([^\W\d]{3,})\.?[\s-]+(\d{2,4}),?\s+"
    r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:[.,]\d+)?\s*(?:([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5}))?"
)
_DATE_COMMENT = re.compile(r"\([^()]*\)")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
_MONTHS = {
    name: number
    for number, names in enumerate(
        # English, Italian, Polish, German: programs that translate what must not be translated.
        (
            ("jan", "gen", "sty"),
            ("feb", "lut"),
            ("mar", "mär", "mrz"),
            ("apr", "kwi"),
            ("may", "mag", "maj", "mai"),
            ("jun", "giu", "cze"),
            ("jul", "lug", "lip"),
            ("aug", "ago", "sie"),
            ("sep", "set", "wrz"),
            ("oct", "ott", "paź", "paz", "okt"),
            ("nov", "lis"),
            ("dec", "dic", "gru", "dez"),
        ),
        1,
    )
    for name in names
}
_ZONES = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "CET": 1, "MET": 1, "CEST": 2, "MEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "BST": 1, "IST": 5.5, "JST": 9,
}  # fmt: skip


def parse_date(value: bytes | str | None) -> datetime | None:
    """The instant of a Date field in UTC, None when unreadable; no zone is read as UTC (RFC 5322 4.3)."""
    if not value:
        return None
    text = (
        value
        if isinstance(value, str)
        else value[:300].decode("latin-1" if value.isascii() else "utf-8", "replace")
    )
    if "\n" in text or "=?" in text:
        text = decode_words(text[:300])
    match = _DATE.match(text.lstrip())
    if match is None and "(" in text:
        text = _DATE_COMMENT.sub(" ", _DATE_COMMENT.sub(" ", text[:300]))
        match = _DATE.match(text.lstrip())
    month = _MONTHS.get(match[2][:3].lower()) if match else None
    try:
        if match is None or month is None:
            return _date_by_other_means(text[:300])
        return datetime(
            _full_year(match[3]), month, int(match[1]),
            int(match[4]), int(match[5]), min(int(match[6] or 0), 59), tzinfo=_zone(match),
        ).astimezone(UTC)  # fmt: skip
    except (ValueError, OverflowError):
        return None


def _full_year(digits: str) -> int:
    """RFC 5322 4.3: two digits below 50 are of this century, three digits count from 1900."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _zone(match: re.Match[str]) -> timezone:
    if match[7]:
        minutes = int(match[8]) * 60 + int(match[9])
        # An impossible offset says nothing about the time.
        return (
            timezone(timedelta(minutes=-minutes if match[7] == "-" else minutes)) if minutes < 1440 else UTC
        )
    return timezone(timedelta(hours=_ZONES.get((match[10] or "").upper(), 0)))


def _date_by_other_means(text: str) -> datetime | None:
    """ISO dates, asctime order, and what else the standard library can read."""
    if _ISO.match(text.strip()):
        read = datetime.fromisoformat(text.strip().replace(" +", "+"))
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    try:
        fields = parsedate_tz(text)
    except (ValueError, TypeError, IndexError, AttributeError):
        return None
    if fields is None or not 1 <= fields[0] <= 9999:
        return None
    naive = datetime(fields[0], fields[1], fields[2], fields[3], fields[4], min(fields[5], 59), tzinfo=UTC)
    return naive - timedelta(seconds=fields[9] or 0)


# --- ids -------------------------------------------------------------------------------------------

_ANGLE_ID = re.compile(r"<([^<>]{1,4000})>")
_BARE_ID = re.compile(r"[^\s<>\"'(),;]+@[^\s<>\"'(),;]+")
_SPACE = re.compile(r"\s+")


def message_ids(value: bytes | str | None) -> tuple[str, ...]:
    """The ids of Message-ID, In-Reply-To or References, without brackets, in order, each once.

    Comments and phrases between them are skipped; without any bracket whatever looks like an id counts.
    """
    return tuple(dict.fromkeys(_found_ids(value))) if value else ()


def _found_ids(value: bytes | str) -> Iterator[str]:
    text = value if isinstance(value, str) else raw_text(value)
    if "=?" in text:
        text = decode_words(text)
    found = _ANGLE_ID.findall(text) if "<" in text else _BARE_ID.findall(text)
    for candidate in found:
        identifier = clean_text(_CONTROLS.sub("", _SPACE.sub("", candidate)))
        if identifier and len(identifier) <= MAX_ID_CHARS:
            yield identifier


def message_id(value: bytes | str | None) -> str | None:
    """The one id of a Message-ID field; a lone word without brackets and without @ is taken as it stands."""
    if not value:
        return None
    found = message_ids(value)
    if found:
        return found[0]
    bare = decode_words(value).strip("<> \t")
    return bare if bare and len(bare) <= MAX_ID_CHARS and not _SPACE.search(bare) else None
