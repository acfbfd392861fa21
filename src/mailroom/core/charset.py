"""Bytes that claim a charset, lie about it, or say nothing: this module always answers with text.

The text never holds U+0000 (PostgreSQL refuses it) nor lone surrogates (UTF-8 refuses them).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import lru_cache

from charset_normalizer import from_bytes

_ALIASES = {
    # What the label says -> what its users mean (WHATWG Encoding, and labels seen in mail).
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso8859_8",
    "iso-8859-8-e": "iso8859_8",
    "iso-8859-6-i": "iso8859_6",
    "iso-8859-6-e": "iso8859_6",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "cn-gb": "gb18030",
    "big5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "cn-big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "windows-949": "cp949",
    "utf8": "utf_8",
    "utf-8mb4": "utf_8",
    "unicode-1-1-utf-8": "utf_8",
    "unicode-1-1-utf-7": "utf_7",
    "x-unicode-2-0-utf-7": "utf_7",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-ce": "mac_latin2",
    "x-mac-cyrillic": "mac_cyrillic",
    "ansi_x3.110-1983": "cp1252",
    "ansi": "cp1252",
    "windows": "cp1252",
    "dos-862": "cp862",
}
_DETECT = frozenset(
    {
        "",
        "unknown",
        "x-unknown",
        "unknown-8bit",
        "x-user-defined",
        "default_charset",
        "default",
        "none",
        "auto",
    }
)
# Codecs of Python that carry text yet are no charset of mail.
_NOT_CHARSETS = frozenset(
    {"unicode_escape", "raw-unicode-escape", "idna", "punycode", "undefined", "mbcs", "oem"}
)
_LABEL_JUNK = re.compile(r"""^[\s"'<(]+|[\s"'>);,].*$""", re.DOTALL)
_CP_LABEL = re.compile(r"(?:x-)?(?:cp|windows|win|ibm|dos)[-_ ]?(\d{3,4})")
_UTF8_PAIR = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_SEVEN_BIT_STATEFUL = ("iso2022", "iso-2022", "hz", "utf_7", "utf-7", "utf_16", "utf-16", "utf_32", "utf-32")
_SAMPLE_BYTES = 8_192


def decode_text(data: bytes, claimed: str | None = None) -> tuple[str, str]:
    """`data` as text, and the charset by which it reads properly; `claimed` is the label or None."""
    codec = _codec_of(claimed)
    if data.isascii() and not (codec or "").startswith(_SEVEN_BIT_STATEFUL):
        return data.decode("ascii").replace("\x00", ""), codec or "us-ascii"
    for charset in _candidates(data, codec):
        try:
            text = data.decode(charset)
        except (UnicodeError, LookupError, ValueError):
            continue
        # Only UTF-7 can bring lone surrogates.
        return (clean_text(text) if charset == "utf-7" else text.replace("\x00", "")), charset
    return _decode_with_holes(data, codec)


def clean_text(text: str) -> str:
    """`text` that every database and every UTF-8 writer accepts."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _candidates(data: bytes, codec: str | None) -> Iterator[str]:
    """Charsets to try strictly, best first."""
    if codec is None or codec in ("ascii", "utf-8"):
        yield "utf-8"
        if not _mostly_utf8(data):
            yield from guesses(data)
    elif _single_byte(codec):
        # Valid UTF-8 by chance is next to impossible; a wrong label is daily bread.
        yield "utf-8"
        yield from _neighbours(data, codec)
        yield "latin-1"
    else:
        yield codec
        yield "ascii" if data.isascii() else "utf-8"
        if not _fits_with_holes(data, codec):
            yield from guesses(data)


def _fits_with_holes(data: bytes, codec: str) -> bool:
    """Whether a damaged text is still more of its charset than of any other."""
    try:
        sample = data[:_SAMPLE_BYTES].decode(codec, "replace")
    except (UnicodeError, LookupError, ValueError):
        return False
    return sample.count("\ufffd") * 20 <= len(sample)


def _neighbours(data: bytes, codec: str) -> list[str]:
    """ISO-8859-x has no letters at 0x80-0x9F: where such bytes stand, its Windows cousin was meant."""
    cousin = {"iso8859-2": "cp1250", "iso8859-5": "cp1251", "iso8859-7": "cp1253", "iso8859-13": "cp1257"}
    if codec in cousin and re.search(rb"[\x80-\x9f]", data):
        return [cousin[codec], codec]
    return [codec]


def guesses(data: bytes) -> list[str]:
    """Charsets for bytes without a usable label, the likeliest first; the last one reads anything."""
    sample = data[:_SAMPLE_BYTES]
    scored = sorted(
        ((_score(sample, name), name) for name in ("cp1250", "iso8859-2", "cp1252")), reverse=True
    )
    best, name = scored[0]
    if best > 0:
        return [name, "cp1252", "latin-1"]
    asked = _ask_normalizer(sample)
    return [*([asked] if asked else []), "cp1252", "latin-1"]


_LETTERS = {
    # Letters of the firm's languages count full, of neighbours half; anything else speaks against.
    "cp1250": ("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "áčďéěíňřšťúůýžäöüßôľĺőű„”–’“…€•\u00a0§°"),
    "iso8859-2": ("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "áčďéěíňřšťúůýžäöüßôľĺőű\u00a0§°"),
    "cp1252": ("àèéìòùÀÈÉÌÒÙ", "áâçêëîïíñóôûúäöüßÄÖÜøåæœ„”–’‘“…€•«»\u00a0§°·®©™£"),
}


def _score(sample: bytes, charset: str) -> float:
    high = bytes(byte for byte in sample if byte >= 0x80)
    strong, weak = _LETTERS[charset]
    total = 0.0
    for letter in high.decode(charset, "replace"):
        total += 1.0 if letter in strong else 0.5 if letter in weak else -1.0
    return total


def _ask_normalizer(sample: bytes) -> str | None:
    try:
        best = from_bytes(sample).best()
    except Exception:  # noqa: BLE001 - a guesser's own accident must not cost the letter
        return None
    return best.encoding if best is not None else None


def _mostly_utf8(data: bytes) -> bool:
    """Whether the bytes above ASCII are UTF-8 but for a few: then a hole is better than another charset."""
    sample = data[: 4 * _SAMPLE_BYTES]
    high = len(sample.translate(None, _ASCII))
    good = sum(len(pair) for pair in _UTF8_PAIR.findall(sample))
    return good >= 0.8 * high


_ASCII = bytes(range(0x80))


def _decode_with_holes(data: bytes, codec: str | None) -> tuple[str, str]:
    charset = codec if codec and not _single_byte(codec) and codec != "ascii" else "utf-8"
    try:
        return clean_text(data.decode(charset, "replace")), charset
    except (UnicodeError, LookupError, ValueError):
        return clean_text(data.decode("latin-1")), "latin-1"


@lru_cache(maxsize=512)
def _codec_of(claimed: str | None) -> str | None:
    """Python's name of a claimed charset; None when the claim says nothing."""
    label = _LABEL_JUNK.sub("", (claimed or "")[:80].strip()).lower().replace("charset=", "")
    if label in _DETECT:
        return None
    numbered = _CP_LABEL.fullmatch(label)
    spellings = (_ALIASES.get(label), _ALIASES.get(label.replace("_", "-")), label, label.replace("_", "-"))
    for spelling in (*spellings, f"cp{numbered[1]}" if numbered else None):
        found = _lookup(spelling)
        if found:
            return found
    return None


def _lookup(spelling: str | None) -> str | None:
    if not spelling or not spelling.isascii() or "\x00" in spelling:
        return None
    try:
        info = codecs.lookup(spelling)
    except (LookupError, ValueError):
        return None
    is_text = bool(getattr(info, "_is_text_encoding", True))
    return info.name if is_text and info.name not in _NOT_CHARSETS else None


@lru_cache(maxsize=128)
def _single_byte(codec: str) -> bool:
    if codec.startswith(_SEVEN_BIT_STATEFUL):
        return False
    try:
        return len(bytes(range(0x20, 0x100)).decode(codec, "replace")) == 0xE0
    except (UnicodeError, LookupError, ValueError):
        return False
