"""Files for the demo's letters: small real PDF, PNG, CSV, ICS, DOCX and ZIP, made of bytes by hand."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailroom.demo.cast import FIRM_ADDRESS, FIRM_NAME

TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "csv": "text/csv",
    "ics": "text/calendar",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "zip": "application/zip",
}
_ZIP_DATE = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that goes with a letter; with a `content_id` it is shown inside the letter."""

    name: str
    content_type: str
    content: bytes
    content_id: str = ""


def enclosure(spec: str, *, lines: Sequence[str], at: datetime, rng: random.Random) -> Enclosure:
    """The file for `name`, `name:KB` (padded to about that size) or `name.ics:@+days`."""
    name, _, detail = spec.partition(":")
    ending = name.rsplit(".", 1)[-1]
    size = int(detail) * 1024 if detail.isdigit() else 0
    if ending == "pdf":
        content = pdf([name.rsplit(".", 1)[0], *lines], padding=size, rng=rng)
    elif ending == "png":
        content = photo(size or 40 * 1024, rng=rng)
    elif ending == "csv":
        content = table(rng)
    elif ending == "ics":
        content = invitation(at + timedelta(days=int(detail.lstrip("@") or 7)), rng=rng)
    elif ending == "docx":
        content = document(lines)
    else:
        content = archive({"readme.txt": b"demo\r\n"})
    return Enclosure(name, TYPES[ending], content)


def pdf(lines: Sequence[str], *, padding: int = 0, rng: random.Random) -> bytes:
    """A one-page PDF 1.4 in Helvetica; letters outside Latin-1 lose their accents."""
    shown = [FIRM_NAME, FIRM_ADDRESS, "", *lines][:48]
    text = "".join(f"({_pdf_text(line)}) Tj T*\n" for line in shown)
    stream = f"BT /F1 11 Tf 56 780 Td 15 TL\n{text}ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
        b" /Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    if padding:  # as a scanned drawing would: an object that no page shows
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (padding, rng.randbytes(padding)))
    return _pdf_file(objects)


def _pdf_file(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


_PLAIN = str.maketrans("ąćęłńśźżĄĆĘŁŃŚŹŻ–—„”’€", 'acelnszzACELNSZZ--""\'E')


def _pdf_text(line: str) -> str:
    plain = line.translate(_PLAIN).encode("latin-1", "replace").decode("latin-1")
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def photo(size: int, *, rng: random.Random) -> bytes:
    """A PNG of about `size` bytes: wooden boards, grainy as a telephone takes them."""
    width = 320
    height = max(24, size // (width * 3) + 1)
    rows = [b"\0" + _board(width, row, rng) for row in range(height)]
    return png(width, height, b"".join(rows), level=1)


def _board(width: int, row: int, rng: random.Random) -> bytes:
    if row % 40 == 0:
        return bytes((70, 48, 30)) * width
    grain = rng.randbytes(width * 3)
    base = bytes((168, 124, 80)) * width
    # Six random bits a byte keep the file near its size and the wood brown.
    mixed = int.from_bytes(base, "big") ^ (int.from_bytes(grain, "big") & int("3f" * (width * 3), 16))
    return mixed.to_bytes(width * 3, "big")


def logo() -> bytes:
    """The firm's mark: three shelves in oak brown on white, 96 x 32 pixels."""
    rows = []
    for row in range(32):
        dark = row % 11 < 3
        rows.append(b"\0" + (bytes((150, 98, 52)) * 84 if dark else b"\xff" * 252) + b"\xff" * 36)
    return png(96, 32, b"".join(rows), level=9)


def png(width: int, height: int, rows: bytes, *, level: int) -> bytes:
    """An 8-bit RGB PNG from rows that begin with their filter byte."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, level)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def table(rng: random.Random) -> bytes:
    """A parts list as a spreadsheet program exports it: semicolons, decimal commas, a byte order mark."""
    parts = ("Lada A", "Lada B", "Regał 2250", "Cokół 150", "Blat 32", "Półka 28", "Front HPL", "Listwa")
    lines = ["Poz.;Element;Ilość;Szer. mm;Cena"]
    for number in range(1, rng.randint(14, 40)):
        price = f"{rng.randint(40, 1900)},{rng.choice(('00', '50', '90'))}"
        lines.append(f"{number};{rng.choice(parts)};{rng.randint(1, 24)};{rng.randint(30, 320) * 10};{price}")
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def invitation(at: datetime, *, rng: random.Random, title: str = "Wizyta w Warcie") -> bytes:
    """An iCalendar request (RFC 5545) for two hours at 14 o'clock of that day."""
    day = at.strftime("%Y%m%d")
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Warta Meble Sklepowe//PL",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{rng.getrandbits(64):016x}@warta-meble.example",
        f"DTSTAMP:{day}T080000Z",
        f"DTSTART:{day}T120000Z",
        f"DTEND:{day}T140000Z",
        f"SUMMARY:{title}",
        "LOCATION:ul. Składowa 14\\, Poznań",
        "ORGANIZER;CN=Anna Zielińska:mailto:anna.zielinska@warta-meble.example",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


def document(lines: Sequence[str]) -> bytes:
    """A DOCX that word processors open: the three parts they need, a paragraph a line."""
    paragraphs = "".join(f"<w:p><w:r><w:t>{_xml(line)}</w:t></w:r></w:p>" for line in lines)
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    main = TYPES["docx"] + ".main+xml"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return archive(
        {
            "[Content_Types].xml": f'{head}<Types xmlns="{package}/content-types">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>'.encode(),
            "_rels/.rels": f'{head}<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="rId1" Type="{office}" Target="word/document.xml"/>'
            "</Relationships>".encode(),
            "word/document.xml": f'{head}<w:document xmlns:w="{word}"><w:body>{paragraphs}'
            "</w:body></w:document>".encode(),
        }
    )


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def archive(members: dict[str, bytes]) -> bytes:
    """A ZIP whose bytes depend on its members alone."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(zipfile.ZipInfo(name, _ZIP_DATE), content)
    return out.getvalue()
