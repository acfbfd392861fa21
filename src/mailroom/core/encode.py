"""Text into the ASCII of a header or a body: RFC 2047 words, RFC 2231 parameters, quoted-printable, base64.

Whatever text comes in, what goes out holds no bare CR, LF or NUL, and no line over 76 octets that could
have been folded.
"""

from __future__ import annotations

import base64
import re

MAX_LINE = 76
_WORD_ROOM = 75  # RFC 2047 2: an encoded word has 75 characters at most
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_PLAIN = re.compile(r"[\x21-\x7e]+(?: +[\x21-\x7e]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PARAMETER_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`|~")


def field(name: str, value: str) -> bytes:
    """An unstructured field such as Subject, folded, with CRLF at its end."""
    text = clean(value).strip()
    if _stays_plain(text):
        return _fold_plain(f"{name}: {text}")
    words = encoded_words(text, first_room=MAX_LINE - len(name) - 2)
    return f"{name}: ".encode() + b"\r\n ".join(words) + b"\r\n"


def structured(name: str, tokens: list[bytes], *, between: bytes = b"") -> bytes:
    """A field made of tokens that may be folded before each of them; with CRLF at its end."""
    lines = [name.encode() + b":"]
    for number, token in enumerate(tokens):
        piece = token + (between if number + 1 < len(tokens) else b"")
        if len(lines[-1]) + 1 + len(piece) > MAX_LINE and number:
            lines.append(b"")
        lines[-1] += b" " + piece
    return b"\r\n".join(lines) + b"\r\n"


def phrase(name: str) -> bytes:
    """A display name: as it stands, in quotes, or as encoded words (RFC 5322 3.2.5, RFC 2047 5)."""
    text = clean(name).strip()
    if len(text) <= 60 and _stays_plain(text):
        return text.encode() if _ATOMS.fullmatch(text) else quoted(text)
    return b"\r\n ".join(encoded_words(text, first_room=MAX_LINE - 10))


def quoted(text: str) -> bytes:
    """A quoted string (RFC 5322 3.2.4)."""
    return b'"' + re.sub(r'(["\\])', r"\\\1", text).encode("ascii") + b'"'


def encoded_words(text: str, *, first_room: int) -> list[bytes]:
    """RFC 2047 words that stand for ``text`` when put side by side; a character is never cut in two."""
    octets = text.encode("utf-8")
    as_q = sum(1 if byte in _Q_SAFE or byte == 32 else 3 for byte in octets) <= len(octets) * 4 // 3
    room = min(_WORD_ROOM, first_room) - len("=?utf-8?q??=")
    words, taken, cost = [], b"", 0
    for char in text:
        piece = _q(char) if as_q else char.encode()
        price = len(piece) if as_q else _base64_length(len(taken) + len(piece))
        if taken and (cost + price if as_q else price) > room:
            words.append(_word(taken, as_q=as_q))
            taken, cost, room = b"", 0, _WORD_ROOM - len("=?utf-8?q??=")
        taken += piece
        cost += len(piece)
    words.append(_word(taken, as_q=as_q))
    return words


def parameter(name: str, value: str) -> list[bytes]:
    """A parameter of Content-Type or Content-Disposition, in RFC 2231 pieces where it has to be."""
    text = clean(value)
    if len(text) <= 60 and (not text or _stays_plain(text)):
        return [name.encode() + b"=" + quoted(text)]
    pieces, taken = [], b""
    for char in text:
        piece = _percent(char)
        if taken and len(taken) + len(piece) > 54 - len(name):
            pieces.append(taken)
            taken = b""
        taken += piece
    pieces.append(taken)
    if len(pieces) == 1:
        return [name.encode() + b"*=utf-8''" + pieces[0]]
    return [
        f"{name}*{number}*=".encode() + (b"utf-8''" if not number else b"") + piece
        for number, piece in enumerate(pieces)
    ]


def quoted_printable(data: bytes) -> bytes:
    """Text with CRLF line ends in quoted-printable (RFC 2045 6.7), lines of 76 octets at most.

    A full stop or ``From `` at the beginning of a line is written so that no relay takes it for its own.
    """
    return b"\r\n".join(_qp_line(line) for line in data.split(b"\r\n"))


def base64_lines(data: bytes) -> bytes:
    """Base64 (RFC 2045 6.8) in lines of 76 octets, without a line end after the last."""
    return base64.encodebytes(data).rstrip(b"\n").replace(b"\n", b"\r\n")


def clean(text: str) -> str:
    """Text that UTF-8 can carry: half a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _stays_plain(text: str) -> bool:
    longest = max((len(word) for word in text.split(" ")), default=0)
    return bool(not text or _PLAIN.fullmatch(text)) and "=?" not in text and longest <= 70


def _fold_plain(line: str) -> bytes:
    """Folded before a run of spaces: taking out the CRLF gives the line again (RFC 5322 2.2.3)."""
    folded, length = "", 0
    for piece in re.findall(r" *[^ ]+ *$| *[^ ]+", line):
        if length and length + len(piece) > MAX_LINE and length > line.find(":") + 1:
            folded, length = folded + "\r\n", 0
        folded, length = folded + piece, length + len(piece)
    return folded.encode("ascii") + b"\r\n"


def _q(char: str) -> bytes:
    return b"".join(
        bytes([byte]) if byte in _Q_SAFE else b"_" if byte == 32 else b"=%02X" % byte
        for byte in char.encode()
    )


def _base64_length(octets: int) -> int:
    return (octets + 2) // 3 * 4


def _word(taken: bytes, *, as_q: bool) -> bytes:
    return b"=?utf-8?q?" + taken + b"?=" if as_q else b"=?utf-8?b?" + base64.b64encode(taken) + b"?="


def _percent(char: str) -> bytes:
    return b"".join(
        bytes([byte]) if byte in _PARAMETER_SAFE else b"%%%02X" % byte for byte in char.encode("utf-8")
    )


_QP = [
    bytes([byte]) if (33 <= byte <= 126 and byte != 61) or byte in (9, 32) else b"=%02X" % byte
    for byte in range(256)
]


def _qp_line(line: bytes) -> bytes:
    tokens = [_QP[byte] for byte in line]
    if tokens and tokens[-1] in (b" ", b"\t"):
        tokens[-1] = b"=%02X" % line[-1]
    rows, row = [], b""
    for number, token in enumerate(tokens):
        if not row and (token == b"." or line.startswith(b"From ", number)):
            token = b"=%02X" % line[number]
        if len(row) + len(token) > MAX_LINE - 1:
            rows.append(row + b"=")
            row = token if token != b"." else b"=2E"
            continue
        row += token
    rows.append(row)
    return b"\r\n".join(rows)
