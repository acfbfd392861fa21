"""The byte-level reader: any bytes become a tree of parts with spans into the original; it never raises.

It searches with `find` and one expression a header block, and never walks over the lines of a body. Every
byte belongs to exactly one span. Depth, parts and header bytes are bounded; what lies beyond a bound stays
in the body of the last part, unread but not lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailroom.core.headers import MAX_HEADER_BYTES, Defect, Header, decode_words, read_fields, read_parameters
from mailroom.core.transfer import (
    IDENTITY,
    base64_size,
    decode_base64,
    decode_quoted_printable,
    decode_uuencode,
)

MAX_DEPTH = 30
MAX_PARTS = 1_000

_EMPTY_HEADER = Header((), {})
_TYPE = re.compile(r"[!#$%&'*+.^_`{|}~0-9a-z-]+/[!#$%&'*+.^_`{|}~0-9a-z-]+")
_PATH = re.compile(r"^.*[/\\]", re.DOTALL)
_UU = frozenset({"x-uuencode", "x-uue", "uuencode", "uue"})


@dataclass(frozen=True, slots=True)
class Part:
    """One node of the tree. Offsets and lengths are bytes of the whole message.

    The header begins at `start`, the body at `offset` and has `length` bytes, still encoded; the line end
    before a boundary belongs to the boundary (RFC 2046 5.1.1).
    """

    header: Header
    content_type: str
    parameters: dict[str, str]
    encoding: str
    disposition: str | None
    filename: str | None
    content_id: str | None
    start: int
    offset: int
    length: int
    children: tuple[Part, ...]
    defects: tuple[Defect, ...]

    @property
    def charset(self) -> str | None:
        """The claimed charset, or None; it may lie."""
        return self.parameters.get("charset")

    @property
    def is_multipart(self) -> bool:
        return self.content_type.startswith("multipart/")

    @property
    def end(self) -> int:
        return self.offset + self.length

    def encoded(self, raw: bytes) -> bytes:
        """The body as it travels."""
        return raw[self.offset : self.offset + self.length]

    def decode(self, raw: bytes) -> bytes:
        """The body with its transfer encoding removed."""
        return decode_transfer(self.encoded(raw), self.encoding)

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in the order of the message."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Span:
    """A run of bytes and what it is: `header`, `body`, or `glue` (boundaries, preamble, epilogue)."""

    kind: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A message as a tree of parts; `size` is the length of the bytes it was read from."""

    root: Part
    size: int
    defects: tuple[Defect, ...]

    @property
    def header(self) -> Header:
        return self.root.header

    def spans(self) -> tuple[Span, ...]:
        """The whole message cut into spans without gap or overlap."""
        found: list[Span] = []
        place = 0
        for span in sorted(_own_spans(self.root), key=lambda span: span.offset):
            if span.offset > place:
                found.append(Span("glue", place, span.offset - place))
            found.append(span)
            place = span.offset + span.length
        if place < self.size:
            found.append(Span("glue", place, self.size - place))
        return tuple(found)


def decode_transfer(data: bytes, encoding: str) -> bytes:
    """`data` with the transfer encoding of that (lower-case) name removed; an unknown one changes nothing."""
    if encoding == "base64":
        return decode_base64(data)[0]
    if encoding == "quoted-printable":
        return decode_quoted_printable(data)
    if encoding in _UU:
        return decode_uuencode(data)
    return data


def decoded_size(data: bytes, encoding: str) -> int:
    """How many bytes `decode_transfer` gives."""
    if encoding == "base64":
        return base64_size(data)
    return len(data) if encoding in IDENTITY else len(decode_transfer(data, encoding))


def read_message(raw: bytes) -> ParsedMessage:
    """The tree of `raw`, whatever it holds."""
    reader = _Reader(raw)
    start = _after_mbox_line(raw)
    if start:
        reader.defects.append(Defect.MBOX_LINE)
    root = reader.read_part(start, len(raw), 0, "text/plain")
    noted = dict.fromkeys(reader.defects)
    for part in root.walk():
        noted.update(dict.fromkeys(part.defects))
    return ParsedMessage(root, len(raw), tuple(noted))


def read_message_header(block: bytes) -> ParsedMessage:
    """A header block alone, as a server answers to BODY[HEADER]: a message without a body."""
    start = _after_mbox_line(block)
    if block.startswith((b"\n", b"\r\n"), start):
        return read_message(b"")
    closed = block + b"\r\n\r\n"
    _, end = _Reader(closed).blank_line(start, len(closed))
    return read_message(closed[:end])


def _after_mbox_line(raw: bytes) -> int:
    """Where the message begins behind the separator line of an mbox file."""
    if raw.startswith((b"From ", b">From ")):
        return raw.find(b"\n") + 1
    return 0


def _own_spans(root: Part) -> Iterator[Span]:
    for part in root.walk():
        if part.offset > part.start:
            yield Span("header", part.start, part.offset - part.start)
        if part.length and not part.children:
            yield Span("body", part.offset, part.length)


class _Reader:
    """The walk over one message: the bytes, the parts counted so far, the defects of no single part."""

    __slots__ = ("defects", "parts", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.parts = 0
        self.defects: list[Defect] = []

    def read_part(self, start: int, end: int, depth: int, default_type: str) -> Part:
        self.parts += 1
        defects: list[Defect] = []
        header, offset = self._read_header(start, end, defects)
        content_type, parameters = _content_type(header, default_type, defects)
        encoding = _encoding(header)
        children: tuple[Part, ...] = ()
        if content_type.startswith("multipart/"):
            children = self._read_multipart(content_type, parameters, offset, end, depth, defects)
            if not children:
                # Nothing could be told apart: people shall see the bytes rather than nothing.
                content_type = "text/plain"
        elif content_type in ("message/rfc822", "message/global") and encoding in IDENTITY:
            if depth >= MAX_DEPTH:
                defects.append(Defect.TOO_DEEP)
            elif self.parts < MAX_PARTS and end > offset:
                inner = offset + _after_mbox_line(self.raw[offset : offset + 200])
                children = (self.read_part(inner, end, depth + 1, "text/plain"),)
        elif encoding not in IDENTITY and encoding not in _KNOWN_ENCODINGS:
            defects.append(Defect.UNKNOWN_ENCODING)
        disposition, disposed = _disposition(header)
        return Part(
            header,
            content_type,
            parameters,
            encoding,
            disposition,
            _filename(disposed.get("filename") or parameters.get("name")),
            _content_id(header),
            start,
            offset,
            end - offset,
            children,
            tuple(defects),
        )

    def _read_header(self, start: int, end: int, defects: list[Defect]) -> tuple[Header, int]:
        """The header that begins at `start`, and where the body begins."""
        raw = self.raw
        if start >= end or raw.startswith((b"\n", b"\r\n"), start, end):
            return _EMPTY_HEADER, min(
                end, start + (2 if raw.startswith(b"\r\n", start) else 1)
            ) if start < end else end
        stop, offset = self.blank_line(start, end)
        block = raw[start : min(stop, start + MAX_HEADER_BYTES)]
        if stop - start > MAX_HEADER_BYTES:
            defects.append(Defect.HEADER_TOO_LARGE)
        header, read_to, junk = read_fields(block)
        if not header.fields:
            defects.append(Defect.NO_HEADER)
            return header, start
        if junk:
            defects.append(Defect.HEADER_JUNK)
        if block[read_to:].strip(b"\r\n") and stop - start <= MAX_HEADER_BYTES:
            # The blank line was forgotten: text follows the last field.
            defects.append(Defect.MISSING_SEPARATOR)
            return header, start + read_to + len(_LINE_END.match(block, read_to)[0])  # type: ignore[index]
        return header, offset

    def blank_line(self, start: int, end: int) -> tuple[int, int]:
        """Where a header's last line ends and where the body begins; looks far only when it must."""
        raw, window = self.raw, 16_384
        while True:
            limit = min(end, start + window)
            found = raw.find(b"\n\r\n", start, limit)
            bare = raw.find(b"\n\n", start, found + 2 if found >= 0 else limit)
            if bare >= 0:
                return bare + 1, bare + 2
            if found >= 0:
                return found + 1, found + 3
            if limit == end:
                return end, end
            window *= 16

    def _read_multipart(
        self,
        content_type: str,
        parameters: dict[str, str],
        offset: int,
        end: int,
        depth: int,
        defects: list[Defect],
    ) -> tuple[Part, ...]:
        if depth >= MAX_DEPTH:
            defects.append(Defect.TOO_DEEP)
            return ()
        delimiter = self._delimiter(parameters.get("boundary"), offset, end, defects)
        if delimiter is None:
            return ()
        default_type = "message/rfc822" if content_type == "multipart/digest" else "text/plain"
        children = []
        for start, stop in self._slices(delimiter, offset, end, defects):
            children.append(self.read_part(start, stop, depth + 1, default_type))
        return tuple(children)

    def _delimiter(self, boundary: str | None, offset: int, end: int, defects: list[Defect]) -> bytes | None:
        """`--boundary` as it stands in the body; guessed from the body when the header does not tell it."""
        if boundary:
            delimiter = b"--" + boundary.rstrip().encode("utf-8", "replace")[:8_000]
            if next(self._delimiter_lines(delimiter, offset, end), None) is not None:
                return delimiter
        defects.append(Defect.BOUNDARY_NOT_FOUND if boundary else Defect.BOUNDARY_MISSING)
        guessed = _GUESSED_DELIMITER.search(self.raw, offset, min(end, offset + 65_536))
        return guessed[1] if guessed else None

    def _slices(
        self, delimiter: bytes, offset: int, end: int, defects: list[Defect]
    ) -> Iterator[tuple[int, int]]:
        """Start and end of each part between delimiters; the text before and after is glue."""
        start = None
        for before, after, closing in self._delimiter_lines(delimiter, offset, end):
            if start is not None:
                yield start, max(start, before)
            start = after
            if closing:
                return
            if self.parts >= MAX_PARTS:
                self.defects.append(Defect.TOO_MANY_PARTS)
                return
        defects.append(Defect.BOUNDARY_NOT_CLOSED)
        if start is not None and start < end:
            yield start, end

    def _delimiter_lines(self, delimiter: bytes, offset: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """Of each delimiter line: where the text before ends, where the text after begins, is it the last."""
        raw, place = self.raw, offset
        while (found := raw.find(delimiter, place, end)) >= 0:
            place = found + len(delimiter)
            if found > offset and raw[found - 1] != 10:
                continue
            line = _DELIMITER_TAIL.match(raw, place, end)
            if line is None:
                continue
            before = found - (0 if found == offset else 2 if raw.startswith(b"\r\n", found - 2) else 1)
            yield max(before, offset), line.end(), bool(line[1])
            place = max(place, line.end() - 1)


_KNOWN_ENCODINGS = frozenset({"base64", "quoted-printable"}) | _UU
_LINE_END = re.compile(rb"[\r\n]*")
_DELIMITER_TAIL = re.compile(rb"(--)?[ \t\r]*(?:\n|\Z|(?<=--)[^\n]{0,200}(?:\n|\Z))")
_GUESSED_DELIMITER = re.compile(rb"(?:\A|(?<=\n))(--[^\s-][^\r\n]{0,200}?)[ \t]*\r?\n(?=Content-[A-Za-z-]+:)")


def _content_type(header: Header, default: str, defects: list[Defect]) -> tuple[str, dict[str, str]]:
    """Type and parameters; what is no type at all counts as text (RFC 2045 5.2)."""
    value = header.first("content-type")
    if value is None:
        return default, {}
    content_type, parameters = read_parameters(value)
    if _TYPE.fullmatch(content_type):
        return content_type, parameters
    found = _TYPE.match(content_type)
    if found is not None:
        return found[0], parameters
    if content_type or parameters:
        defects.append(Defect.BAD_CONTENT_TYPE)
    if content_type.partition("/")[0] == "multipart" and "boundary" in parameters:
        return "multipart/mixed", parameters
    return "text/html" if content_type in ("html", "text/html/") else default, parameters


def _encoding(header: Header) -> str:
    value = header.first("content-transfer-encoding")
    return _encoding_name(value) if value else ""


def _encoding_name(value: bytes) -> str:
    name = read_parameters(value)[0].strip("\"' ").lower()
    return {
        "quoted/printable": "quoted-printable",
        "quotedprintable": "quoted-printable",
        "base-64": "base64",
    }.get(name, name)


def _disposition(header: Header) -> tuple[str | None, dict[str, str]]:
    value = header.first("content-disposition")
    if value is None:
        return None, {}
    main, parameters = read_parameters(value)
    return main or None, parameters


def _filename(written: str | None) -> str | None:
    """The last piece of a path: nobody's disk layout, and no way out of a folder."""
    if not written:
        return None
    return _PATH.sub("", written).strip().strip("\x00") or None


def _content_id(header: Header) -> str | None:
    value = header.first("content-id")
    return (decode_words(value).strip("<> \t") or None) if value else None
