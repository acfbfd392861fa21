"""Letters that machines write in any firm: transport notices, bills, bank notices, newsletters, a bounce."""

from __future__ import annotations

import hashlib
import html
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr

from mailroom.demo.cast import Cast, Language, Mailbox
from mailroom.demo.dates import NUMERIC, office_time, poznan
from mailroom.demo.enclosures import Enclosure, pdf
from mailroom.demo.envelope import (
    Headers,
    Part,
    address_list,
    date_value,
    file_part,
    letter_bytes,
    multipart,
    text_part,
)
from mailroom.demo.script import read_toml

COLOUR = "#2f5d50"
PLACES = ("Bologna (IT)", "Leeds (GB)", "Padova (IT)", "Bristol (GB)", "Milano (IT)", "York (GB)")
PAYERS = ("PANIFICIO MORETTI SRL", "FARMACIE BRENTA SPA", "HARBOUR AND FINCH", "PIEKARNIE ROGALIK")


@dataclass(frozen=True, slots=True)
class Notice:
    """A letter without an answer: where it lies and its bytes; `sent` ones were written by us."""

    mailbox: Mailbox
    at: datetime
    raw: bytes
    folder: str = "INBOX"
    sent: bool = False
    flags: tuple[str, ...] = field(default=())


def passing_notice(cast: Cast, *, at: datetime, rng: random.Random) -> Notice:
    """One notice of a machine that arrives now: the haulier's, or the bank's."""
    if rng.random() < 0.6:
        order, place = rng.randint(20700, 21999), rng.choice(PLACES)
        more = f"Ładunek: {rng.randint(14, 58) / 10} m, {rng.randint(4, 21)} palet."
        return _transport_notice(cast, order, place, "załadowano", more, at)
    return _bank_notice(cast, rng.choice(PAYERS), at, rng)


def notices(cast: Cast, *, at: datetime, rng: random.Random) -> Iterator[Notice]:
    """Every recurring letter of the last ten months, in no particular order."""
    yield from _transport(cast, at, rng)
    yield from _invoices(cast, at, rng)
    yield from _costs(cast, at, rng)
    yield from _bank(cast, at, rng)
    yield from _newsletters(cast, at)
    yield from _list_mail(cast, at)
    yield from _bounce(cast, at)


def _transport(cast: Cast, at: datetime, rng: random.Random) -> Iterator[Notice]:
    """Every order of the haulier is announced and reported as delivered by its system."""
    for number, place in enumerate(PLACES):
        day = at - timedelta(days=180 - 31 * number + rng.randint(-4, 4))
        order = 20380 + 37 * number
        more = f"Ładunek: {rng.randint(14, 58) / 10} m, {rng.randint(4, 21)} palet."
        yield _transport_notice(cast, order, place, "załadowano", more, office_time(day))
        done = office_time(day + timedelta(hours=rng.uniform(44, 70)))
        more = "Potwierdzenie CMR jest dostępne u spedytora."
        yield _transport_notice(cast, order, place, "dostarczono", more, done)


def _transport_notice(cast: Cast, order: int, place: str, status: str, more: str, at: datetime) -> Notice:
    text = (
        f"Zlecenie nr {order}\nTrasa: Poznań (PL) - {place}\nStatus: {status} {poznan(at):%d.%m.%Y %H:%M}\n"
        f"{more}\n\nWiadomość wygenerowana automatycznie, prosimy na nią nie odpowiadać."
    )
    part = text_part(text, subtype="plain", charset="iso-8859-2", encoding="quoted-printable")
    headers = (("Auto-Submitted", "auto-generated"), ("X-Zlecenie", str(order)))
    system, box = cast.person("trakt-system"), cast.mailbox("oferty")
    subject = f"Zlecenie {order}: {status} – {place}"
    raw = _letter((system.name, system.address), box, at, subject, part, headers)
    return Notice(box, at, raw, folder="Spedycja")


INVOICE_WORDS: dict[Language, tuple[str, str, str, tuple[str, str, str]]] = {
    "pl": (
        "Faktura {number} – {firm}",
        "Dzień dobry,\n\nw załączeniu faktura {number} na kwotę {amount}. Termin płatności: {due}. "
        "Numer konta jest na fakturze.",
        "Z poważaniem",
        ("Faktura", "Kwota", "Termin"),
    ),
    "it": (
        "Fattura {number} – {firm}",
        "Gentili signori,\n\nin allegato la fattura {number} di {amount}, con scadenza {due}. "
        "Le coordinate bancarie sono riportate in calce.",
        "Cordiali saluti",
        ("Fattura", "Importo", "Scadenza"),
    ),
    "en": (
        "Invoice {number} from {firm}",
        "Good morning,\n\nplease find attached our invoice {number} for {amount}, due on {due}. "
        "Bank details are at the foot of the invoice.",
        "Best regards",
        ("Invoice", "Amount", "Due"),
    ),
}


def _invoices(cast: Cast, at: datetime, rng: random.Random) -> Iterator[Notice]:
    """Our own invoices, sent from the billing mailbox with a table and a PDF."""
    box = cast.mailbox("faktury")
    payers = ("davide", "sandro", "bethan", "rogalik-ksiegowosc", "thornbury-accounts", "chiara", "michal")
    for index in range(11):
        person = cast.person(payers[index % len(payers)])
        when = office_time(at - timedelta(days=270 - 25 * index, hours=rng.uniform(0, 6)))
        number = f"FV/{690 + 26 * index:04d}"  # in step with the numbers that the threads mention
        amount = _amount(rng.randint(24, 310) * 100 + rng.choice((0, 50, 80)), person.language)
        due = (poznan(when) + timedelta(days=30)).strftime(NUMERIC[person.language])
        subject, words, close, labels = INVOICE_WORDS[person.language]
        values = {"number": number, "amount": amount, "due": due, "firm": cast.firm_name}
        text = f"{words.format(**values)}\n\n{close}\nKatarzyna Mróz\n{cast.firm_name}"
        rows = list(zip(labels, (number, amount, due), strict=True))
        bill = Enclosure(f"{number.replace('/', '-')}.pdf", "application/pdf", _bill(rows, rng))
        part = multipart("mixed", [_two_ways(text, _rows_html(rows)), file_part(bill)])
        to = ((person.name, person.address),)
        sender = (f"Katarzyna Mróz – {cast.firm_name}", box.address)
        raw = _bytes(sender, to, when, subject.format(**values), part, ())
        yield Notice(box, when, raw, folder="Sent", sent=True)


def _amount(whole: int, language: Language) -> str:
    if language == "en":
        return f"£{whole:,}.00"
    mark, currency = {"pl": ("\u00a0", "zł"), "it": (".", "€")}[language]
    return f"{whole:,}".replace(",", mark) + f",00 {currency}"


def _bill(rows: list[tuple[str, str]], rng: random.Random) -> bytes:
    lines = [f"{label}: {value}" for label, value in rows]
    return pdf(lines, padding=rng.randint(4, 60) * 1024, rng=rng)


def _costs(cast: Cast, at: datetime, rng: random.Random) -> Iterator[Notice]:
    """Bills that come every month: electricity as a picture-rich letter, fittings with a PDF."""
    box = cast.mailbox("faktury")
    for month in range(1, 10):
        when = office_time(at - timedelta(days=30 * month - rng.randint(2, 8), hours=rng.uniform(0, 9)))
        power = month % 2 == 0
        sender = (
            ("Energia Miasto – eBOK", "ebok@energia-miasto.example")
            if power
            else (cast.person("nowal-faktury").name, cast.person("nowal-faktury").address)
        )
        what = "energię elektryczną" if power else "dostawy okuć"
        number = f"{'E' if power else 'NW'}/{rng.randint(10000, 99999)}/{poznan(when):%m}"
        thousands = rng.randint(3, 8) if power else rng.randint(12, 38)
        amount = f"{thousands} {rng.randint(100, 999)},{rng.randint(10, 99)} zł"
        due = (poznan(when) + timedelta(days=14)).strftime("%d.%m.%Y")
        text = (
            f"Dzień dobry,\n\nudostępniamy fakturę {number} za {what}.\n\n"
            f"Do zapłaty: {amount}, termin: {due}."
        )
        rows = [("Nr faktury", number), ("Do zapłaty", amount), ("Termin", due)]
        banner = '<img src="https://www.energia-miasto.example/mail/naglowek.png" width="600" alt="">'
        page = (banner if power else "") + _rows_html(rows)
        bill = Enclosure(f"faktura_{number.replace('/', '_')}.pdf", "application/pdf", _bill(rows, rng))
        part = multipart("mixed", [_two_ways(text, page), file_part(bill)])
        raw = _letter(sender, box, when, f"Faktura {number} do zapłaty", part, ())
        yield Notice(box, when, raw, folder="Koszty" if month > 1 else "INBOX")


def _bank(cast: Cast, at: datetime, rng: random.Random) -> Iterator[Notice]:
    """The bank tells of money that came in."""
    for index, payer in enumerate((*PAYERS, *PAYERS[:2])):
        yield _bank_notice(cast, payer, at - timedelta(days=3 + 41 * index, hours=rng.uniform(1, 5)), rng)


def _bank_notice(cast: Cast, payer: str, at: datetime, rng: random.Random) -> Notice:
    text = (
        f"Uznanie rachunku 61 **** **** 0148\nKwota: {rng.randint(3, 38)} {rng.randint(100, 999)},00 PLN\n"
        f"Nadawca: {payer}\nTytuł: FV/{rng.randint(860, 1010):04d}\n\nBank Warciański"
    )
    part = text_part(text, subtype="plain", charset="utf-8", encoding="base64")
    sender = ("Bank Warciański", "powiadomienia@bank-warcianski.example")
    headers = (("Auto-Submitted", "auto-generated"),)
    box = cast.mailbox("faktury")
    raw = _letter(sender, box, at, "Powiadomienie: wpłynęły środki", part, headers)
    return Notice(box, at, raw, folder="Bank")


def _newsletters(cast: Cast, at: datetime) -> Iterator[Notice]:
    """HTML with pictures that lie elsewhere, a tracking pixel and the headers to unsubscribe."""
    for issue in read_toml("news")["issue"]:
        box = cast.mailbox(issue["to"])
        when = office_time(at - timedelta(days=issue["ago"], hours=2))
        name, address = parseaddr(issue["sender"])
        site = f"https://www.{address.split('@')[1]}"
        text = "\n\n".join([issue["lead"], *(f"* {head}\n{words}" for head, words in issue["items"])])
        part = _two_ways(f"{text}\n\n{site}", _news_html(issue, site))
        headers = (
            ("List-Unsubscribe", f"<{site}/unsubscribe?m=4711>, <mailto:{address}?subject=unsubscribe>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Precedence", "bulk"),
        )
        raw = _letter((name, address), box, when, issue["subject"], part, headers)
        yield Notice(box, when, raw)


def _news_html(issue: dict[str, object], site: str) -> str:
    items = issue["items"]
    assert isinstance(items, list)
    stories = "".join(
        f'<tr><td style="padding:12px 24px"><img src="{site}/img/{number}.jpg" width="120" height="80"'
        f' align="left" style="margin-right:16px" alt=""><h3 style="margin:0">{html.escape(head)}</h3>'
        f"<p>{html.escape(words)}</p></td></tr>"
        for number, (head, words) in enumerate(items)
    )
    return (
        f'<table width="600" align="center" cellpadding="0" cellspacing="0" bgcolor="#ffffff"><tr>'
        f'<td bgcolor="{COLOUR}"><img src="{site}/img/head.png" width="600" height="96" alt=""></td></tr>'
        f'<tr><td style="padding:16px 24px"><h2>{html.escape(str(issue["subject"]))}</h2>'
        f'<p style="font-size:16px">{html.escape(str(issue["lead"]))}</p></td></tr>{stories}</table>'
        f'<img src="{site}/open.gif?m=4711" width="1" height="1" alt="">'
    )


def _list_mail(cast: Cast, at: datetime) -> Iterator[Notice]:
    """A letter of a discussion list (RFC 2369 headers and a foot added by the list)."""
    for letter in read_toml("news")["list"]:
        box = cast.mailbox(letter["to"])
        when = office_time(at - timedelta(days=letter["ago"], hours=3))
        foot = (
            "_______________________________________________\nstolarze mailing list\nstolarze@listy.example"
        )
        part = text_part(
            f"{letter['text'].strip()}\n\n{foot}",
            subtype="plain",
            charset="utf-8",
            encoding="quoted-printable",
        )
        headers = (
            ("List-Id", "Stolarze i meblarze <stolarze.listy.example>"),
            ("List-Post", "<mailto:stolarze@listy.example>"),
            ("List-Unsubscribe", "<mailto:stolarze-leave@listy.example>"),
            ("Precedence", "list"),
            ("Reply-To", "stolarze@listy.example"),
        )
        name, address = parseaddr(letter["sender"])
        to = (("", "stolarze@listy.example"),)
        raw = _trace(address, box, when) + _bytes((name, address), to, when, letter["subject"], part, headers)
        yield Notice(box, when, raw)


def _bounce(cast: Cast, at: datetime) -> Iterator[Notice]:
    """A letter to a mistyped address, and the server's answer to it (RFC 3464)."""
    box = cast.mailbox("tomasz")
    when = office_time(at - timedelta(days=49, hours=4))
    wrong = "simon@oakleydeli.example"
    text = (
        "Hello Simon,\n\nthe heavier hinge leaves us today, the tracking number is PL-551-0098-7.\n\nTomasz"
    )
    part = text_part(text, subtype="plain", charset="utf-8", encoding="8bit")
    sent = _bytes((box.name, box.address), (("Simon Oakley", wrong),), when, "Hinge on its way", part, ())
    yield Notice(box, when, sent, folder="Sent", sent=True)
    back = when + timedelta(minutes=2)
    words = (
        "This is the mail system at host mail.warta-meble.example.\n\n"
        "Your message could not be delivered:\n\n"
        f"<{wrong}>: Host or domain name not found."
    )
    status = (
        f"Reporting-MTA: dns; mail.warta-meble.example\n\nFinal-Recipient: rfc822; {wrong}\n"
        "Action: failed\nStatus: 5.4.4\nDiagnostic-Code: X-Postfix; Host not found"
    )
    top = sent.split(b"\r\n\r\n")[0] + b"\r\n"
    report = multipart(
        "report",
        [
            text_part(words, subtype="plain", charset="us-ascii", encoding="7bit"),
            Part(("Content-Type: message/delivery-status",), status.replace("\n", "\r\n").encode() + b"\r\n"),
            Part(("Content-Type: text/rfc822-headers",), top),
        ],
        parameters="; report-type=delivery-status",
    )
    sender = ("Mail Delivery System", "MAILER-DAEMON@mail.warta-meble.example")
    headers = (("Auto-Submitted", "auto-replied"),)
    raw = _letter(sender, box, back, "Undelivered Mail Returned to Sender", report, headers, path="")
    yield Notice(box, back, raw)


def _two_ways(text: str, page: str) -> Part:
    words = "".join(f"<p>{html.escape(block)}</p>".replace("\n", "<br>") for block in text.split("\n\n"))
    body = page if "<h2>" in page else f"{words}{page}"
    document = f'<html><body style="font-family:Arial,sans-serif">{body}</body></html>'
    return multipart(
        "alternative",
        [
            text_part(text, subtype="plain", charset="utf-8", encoding="quoted-printable"),
            text_part(document, subtype="html", charset="utf-8", encoding="quoted-printable"),
        ],
    )


def _rows_html(rows: list[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><td bgcolor="#f2f4f3" style="padding:6px 12px">{html.escape(label)}</td>'
        f'<td style="padding:6px 12px"><b>{html.escape(value)}</b></td></tr>'
        for label, value in rows
    )
    return f'<table cellspacing="2" style="border-top:3px solid {COLOUR}">{cells}</table>'


def _letter(
    sender: tuple[str, str],
    box: Mailbox,
    at: datetime,
    subject: str,
    part: Part,
    headers: Headers,
    path: str | None = None,
) -> bytes:
    trace = _trace(sender[1] if path is None else path, box, at)
    return trace + _bytes(sender, ((box.name, box.address),), at, subject, part, headers)


def _bytes(
    sender: tuple[str, str],
    to: tuple[tuple[str, str], ...],
    at: datetime,
    subject: str,
    part: Part,
    headers: Headers,
) -> bytes:
    mark = hashlib.sha256(f"{sender}{int(at.timestamp())}{subject}".encode()).hexdigest()[:24]
    top = [
        ("Message-ID", f"<{mark}@{sender[1].split('@')[1]}>"),
        ("Date", date_value(poznan(at))),
        ("From", address_list([sender])),
        ("To", address_list(to)),
        ("Subject", subject),
        *headers,
    ]
    return letter_bytes(top, part)


def _trace(sender: str, box: Mailbox, at: datetime) -> bytes:
    return trace(sender, box.address, at)


def trace(sender: str, recipient: str, at: datetime) -> bytes:
    """What the servers on the way put on top of a letter (RFC 5321 section 4.4)."""
    host = sender.rpartition("@")[2] or "mail.warta-meble.example"
    lines = (
        f"Return-Path: <{sender}>",
        f"Received: from mx.{host} (mx.{host} [192.0.2.25])\r\n by mail.warta-meble.example with ESMTPS"
        f"\r\n for <{recipient}>;\r\n {date_value(poznan(at + timedelta(seconds=3)))}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
