"""How mail programs write: the same text as Thunderbird, Outlook, Gmail or a telephone would send it."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import groupby

from mailroom.demo.cast import Language, Style
from mailroom.demo.dates import MONTHS, poznan
from mailroom.demo.enclosures import Enclosure, logo
from mailroom.demo.envelope import (
    Part,
    address_list,
    date_value,
    file_part,
    letter_bytes,
    multipart,
    text_part,
)

QUOTE_DEPTH = 3
LOGO_ID = "znak-warta@warta-meble.example"
PROGRAMS: dict[Style, str] = {
    "plain": "Mozilla Thunderbird",
    "outlook": "Microsoft Outlook 16.0",
    "phone": "iPhone Mail (22B83)",
    "latin2": "The Bat! (v9.5.1) Professional",
    "latin1": "Microsoft Outlook Express 6.00.2900.5931",
}
ATTRIBUTION: dict[str, dict[Language, str]] = {
    "plain": {
        "pl": "W dniu {d:%d.%m.%Y} o {d:%H:%M}, {name} pisze:",
        "it": "Il {d:%d/%m/%Y} {d:%H:%M}, {name} ha scritto:",
        "en": "On {d:%d/%m/%Y} {d:%H:%M}, {name} wrote:",
    },
    "gmail": {
        "pl": "{d.day} {month} {d.year} o {d:%H:%M} {name} <{address}> napisał(a):",
        "it": "Il giorno {d.day} {month} {d.year} alle ore {d:%H:%M} {name} <{address}> ha scritto:",
        "en": "On {d.day} {month} {d.year} at {d:%H:%M}, {name} <{address}> wrote:",
    },
    "phone": {
        "pl": "{name} <{address}> napisał(a) w dniu {d.day} {month} {d.year}, o godz. {d:%H:%M}:",
        "it": "Il giorno {d.day} {month} {d.year}, alle ore {d:%H:%M}, {name} <{address}> ha scritto:",
        "en": "On {d.day} {month} {d.year}, at {d:%H:%M}, {name} <{address}> wrote:",
    },
}
BLOCK: dict[Language, tuple[str, str, str, str]] = {
    "pl": ("Od", "Wysłano", "Do", "Temat"),
    "it": ("Da", "Inviato", "A", "Oggetto"),
    "en": ("From", "Sent", "To", "Subject"),
}
FORWARDED: dict[Language, str] = {
    "pl": "-------- Przekazana wiadomość --------",
    "it": "-------- Messaggio inoltrato --------",
    "en": "-------- Forwarded Message --------",
}
PHONE_FOOT: dict[Language, str] = {
    "pl": "Wysłane z iPhone'a",
    "it": "Inviato da iPhone",
    "en": "Sent from my iPhone",
}
_OLD_CHARSET = str.maketrans({"–": "-", "—": "-", "„": '"', "”": '"', "“": '"', "’": "'", "€": "EUR"})


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, from which address, with which mail program (`language` is the program's)."""

    name: str
    address: str
    title: str
    phone: str
    company: str
    style: Style
    language: Language
    logo: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A letter before it becomes bytes; `answers` is the one it quotes."""

    message_id: str
    at: datetime
    writer: Writer
    to: tuple[tuple[str, str], ...]
    cc: tuple[tuple[str, str], ...]
    subject: str
    text: str
    answers: Written | None = None
    forwards: bool = False
    enclosures: tuple[Enclosure, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    earlier: tuple[str, ...] = ()  # References of a letter whose own parents are not held

    @property
    def references(self) -> tuple[str, ...]:
        """The Message-IDs before this letter in its thread, oldest first."""
        return self.earlier if self.answers is None else (*self.answers.references, self.answers.message_id)


def to_bytes(letter: Written) -> bytes:
    """The letter as its writer's mail program sends it."""
    part = _body(letter)
    if letter.enclosures:
        part = multipart("mixed", [part, *map(file_part, letter.enclosures)])
    charset = {"latin2": "iso-8859-2", "latin1": "iso-8859-15"}.get(letter.writer.style, "utf-8")
    return letter_bytes(_headers(letter, charset), part, charset=charset)


def plain_text(letter: Written, depth: int = 0) -> str:
    """The whole text: what is new, the signature, what is quoted."""
    pieces = [_aligned(letter.text), signature(letter.writer)]
    if letter.answers is not None and depth < QUOTE_DEPTH:
        pieces.append(_quoted(letter, depth))
    return "\n\n".join(piece for piece in pieces if piece)


def signature(writer: Writer) -> str:
    """The lines under a letter, as this person's program puts them."""
    if writer.style == "phone":
        return PHONE_FOOT[writer.language]
    name = writer.name.partition(" – ")[0]
    lines = [name, writer.title, writer.company, f"tel. {writer.phone}"]
    if writer.style == "gmail":
        return f"-- \n{name}\n{writer.company}"
    if writer.style == "outlook":
        return "\n".join((lines[0], f"{writer.title} | {writer.company}", lines[3]))
    return "\n".join(("-- ", *lines)) if writer.title else ""


def _headers(letter: Written, charset: str) -> list[tuple[str, str]]:
    writer = letter.writer
    headers = [
        ("Message-ID", letter.message_id),
        ("Date", date_value(_local(letter))),
        ("From", address_list([(writer.name, writer.address)], charset)),
        ("To", address_list(letter.to, charset)),
    ]
    if letter.cc:
        headers.append(("Cc", address_list(letter.cc, charset)))
    headers.append(("Subject", _old(letter.subject) if charset != "utf-8" else letter.subject))
    if letter.answers is not None:
        headers.append(("In-Reply-To", letter.answers.message_id))
        headers.append(("References", "\r\n ".join(letter.references)))
    if program := PROGRAMS.get(writer.style):
        headers.append(("User-Agent" if writer.style == "plain" else "X-Mailer", program))
    return [*headers, *letter.headers]


def _local(letter: Written) -> datetime:
    local = poznan(letter.at)
    if not letter.writer.address.endswith("warta-meble.example") and letter.writer.language == "en":
        offset = local.utcoffset() or timedelta()
        return local.astimezone(timezone(offset - timedelta(hours=1)))
    return local


def _body(letter: Written) -> Part:
    style = letter.writer.style
    if style == "latin2":
        text = _wrapped(_old(plain_text(letter)))
        return text_part(text, subtype="plain", charset="iso-8859-2", encoding="quoted-printable")
    if style == "latin1":
        text = _wrapped(_old(plain_text(letter)))
        return text_part(text, subtype="plain", charset="iso-8859-15", encoding="8bit")
    if style == "phone":
        text = plain_text(letter)
        return text_part(text, subtype="plain", charset="utf-8", encoding="quoted-printable")
    if style == "plain":
        text = _flowed(plain_text(letter))
        flowed = "; format=flowed"
        return text_part(text, subtype="plain", charset="utf-8", encoding="8bit", parameters=flowed)
    return _alternative(letter)


def _alternative(letter: Written) -> Part:
    encoding = "base64" if letter.writer.style == "outlook" else "quoted-printable"
    plain = text_part(plain_text(letter), subtype="plain", charset="utf-8", encoding=encoding)
    page = f"<html><head>{_style(letter.writer.style)}</head><body>{_html(letter)}</body></html>\n"
    rich = text_part(page, subtype="html", charset="utf-8", encoding="quoted-printable")
    if not letter.writer.logo:
        return multipart("alternative", [plain, rich])
    mark = Enclosure("znak.png", "image/png", logo(), LOGO_ID)
    related = multipart("related", [rich, file_part(mark)], parameters='; type="text/html"')
    return multipart("alternative", [plain, related])


def _style(style: Style) -> str:
    if style != "outlook":
        return '<meta charset="utf-8">'
    return (
        '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\n<style>\n'
        "p.MsoNormal {margin:0cm 0cm 8pt; font-size:11.0pt; font-family:Calibri,sans-serif;}\n"
        "td {padding:2pt 8pt; border-bottom:solid #dddddd 1.0pt; font-family:Calibri,sans-serif;}\n"
        "</style>"
    )


def _html(letter: Written, depth: int = 0) -> str:
    new = "\n".join(_blocks(letter.text, letter.writer.style))
    pieces = [new, _html_signature(letter.writer)]
    if letter.answers is not None and depth < QUOTE_DEPTH:
        pieces.append(_html_quoted(letter, depth))
    return "\n".join(piece for piece in pieces if piece)


def _blocks(text: str, style: Style) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        for kind, group in groupby(paragraph.split("\n"), _kind_of_line):
            lines = list(group)
            if kind == "row":
                yield _html_table(lines)
            elif kind == "item":
                items = "".join(f"<li>{html.escape(line[2:])}</li>" for line in lines)
                yield f"<ul>{items}</ul>"
            else:
                words = "<br>\n".join(html.escape(line) for line in lines)
                yield f"<div>{words}</div><br>" if style == "gmail" else f'<p class="MsoNormal">{words}</p>'


def _kind_of_line(line: str) -> str:
    if " | " in line:
        return "row"
    return "item" if line.startswith("- ") else "words"


def _html_table(lines: Sequence[str]) -> str:
    cells = [[html.escape(cell.strip()) for cell in line.split("|")] for line in lines]
    head = "".join(f"<th align=left>{cell}</th>" for cell in cells[0])
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells[1:])
    return f"<table cellspacing=0 border=0><tr>{head}</tr>{rows}</table><br>"


def _html_signature(writer: Writer) -> str:
    if writer.style == "phone":
        return f"<div>{html.escape(PHONE_FOOT[writer.language])}</div>"
    name, *rest = (html.escape(line) for line in signature(writer).split("\n") if line != "-- ")
    foot = "<br>".join(rest)
    if writer.style == "gmail":
        return f'<div class="gmail_signature">-- <br><b>{name}</b><br>{foot}</div>'
    mark = f'<br><img src="cid:{LOGO_ID}" width="96" height="32" alt="Warta">' if writer.logo else ""
    return (
        f'<p class="MsoNormal"><b>{name}</b><br>'
        f'<span style="font-size:9.0pt;color:#7f7f7f">{foot}</span>{mark}</p>'
    )


def _html_quoted(letter: Written, depth: int) -> str:
    earlier = letter.answers
    assert earlier is not None
    inner = _html(earlier, depth + 1)
    if letter.writer.style == "gmail":
        line = html.escape(_attribution(letter, "gmail"))
        return (
            f'<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{line}</div>'
            f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;'
            f'padding-left:1ex">{inner}</blockquote></div>'
        )
    rows = "<br>".join(f"<b>{label}:</b> {html.escape(value)}" for label, value in _header_block(letter))
    return (
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
        f'<p class="MsoNormal">{rows}</p></div>\n{inner}'
    )


def _quoted(letter: Written, depth: int) -> str:
    earlier = letter.answers
    assert earlier is not None
    text = plain_text(earlier, depth + 1)
    style = letter.writer.style
    block = "\n".join(f"{label}: {value}" for label, value in _header_block(letter))
    if letter.forwards:
        return f"{FORWARDED[letter.writer.language]}\n{block}\n\n{text}"
    if style == "outlook":
        return f"{block}\n\n{text}"
    quoted = "\n".join(_marked(line) for line in text.split("\n"))
    return f"{_attribution(letter, style)}\n{quoted}"


def _marked(line: str) -> str:
    return f">{line}" if line.startswith(">") else f"> {line}".rstrip()


def _header_block(letter: Written) -> list[tuple[str, str]]:
    earlier = letter.answers
    assert earlier is not None
    to = "; ".join(name or address for name, address in earlier.to)
    sender = f"{earlier.writer.name} <{earlier.writer.address}>"
    values = (sender, f"{poznan(earlier.at):%d.%m.%Y %H:%M}", to, earlier.subject)
    return list(zip(BLOCK[letter.writer.language], values, strict=True))


def _attribution(letter: Written, style: str) -> str:
    earlier = letter.answers
    assert earlier is not None
    language = letter.writer.language
    form = ATTRIBUTION.get(style, ATTRIBUTION["plain"])[language]
    at = poznan(earlier.at)
    month = MONTHS[language][at.month - 1][:3]
    return form.format(d=at, month=month, name=earlier.writer.name, address=earlier.writer.address)


def _aligned(text: str) -> str:
    """Rows of `a | b` as columns of a plain text."""
    out: list[str] = []
    for kind, group in groupby(text.split("\n"), _kind_of_line):
        lines = list(group)
        out.extend(_columns(lines) if kind == "row" else lines)
    return "\n".join(out)


def _columns(lines: Sequence[str]) -> list[str]:
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _flowed(text: str) -> str:
    """Lines of 72 characters whose trailing space says that they go on (RFC 3676)."""
    return "\n".join(" \n".join(_fold(line)) if line != "-- " else line for line in text.split("\n"))


def _wrapped(text: str) -> str:
    return "\n".join("\n".join(_fold(line)) if line != "-- " else line for line in text.split("\n"))


def _fold(line: str) -> list[str]:
    marks = line[: len(line) - len(line.lstrip("> "))] if line.startswith(">") else ""
    if len(line) <= 72:
        return [line]
    return [marks + piece for piece in textwrap.wrap(line[len(marks) :], 72 - len(marks))]


def _old(text: str) -> str:
    return text.translate(_OLD_CHARSET)
