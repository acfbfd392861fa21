"""The demo's mail: every letter in every mailbox that has a copy, as bytes, for a given moment and seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from mailroom.demo.cast import CAST, FIRM_NAME, Cast, Language, Mailbox
from mailroom.demo.dates import fill_dates, office_time
from mailroom.demo.enclosures import enclosure
from mailroom.demo.programs import Writer, Written, to_bytes
from mailroom.demo.recurring import Notice, notices, trace
from mailroom.demo.script import LetterScript, ThreadScript, threads

INBOX, SENT = "INBOX", "Sent"
SEEN, ANSWERED, FLAGGED, DRAFT = "\\Seen", "\\Answered", "\\Flagged", "\\Draft"
RECENT_HOURS = 56
FILED_AFTER_DAYS = 45
REPLY_PREFIX: dict[Language, str] = {"pl": "Odp: ", "it": "R: ", "en": "Re: "}
# Whose older letters a mailbox has moved out of its Inbox, and where to.
FILED: dict[tuple[str, str], str] = {
    **{("anna", company): "Włochy" for company in ("moretti", "brenta", "arredo", "enoteca")},
    **{("tomasz", company): "UK" for company in ("harbour", "oakley", "thornbury")},
    **{("oferty", company): "Projekty" for company in ("moretti", "harbour", "thornbury")},
    **{("marek", company): "Dostawcy" for company in ("tartak", "nowal", "lumen")},
    ("oferty", "trakt"): "Spedycja",
}


@dataclass(frozen=True, slots=True)
class DemoLetter:
    """One copy of a letter: the mailbox's address, the folder on the server, bytes, IMAP flags."""

    mailbox: str
    folder: str
    raw: bytes
    flags: tuple[str, ...]
    internaldate: datetime


def letters(at: datetime, seed: int = 7, cast: Cast = CAST) -> list[DemoLetter]:
    """All mail of the demo as it lies on the server at `at` (aware), oldest first; same input, same bytes."""
    rng = random.Random(seed)
    found: list[DemoLetter] = []
    for thread in threads():
        found.extend(_thread_copies(thread, cast, at, random.Random(f"{seed}/{thread.id}")))
    found.extend(_notice_copy(notice, at, rng) for notice in notices(cast, at=at, rng=rng))
    return sorted(found, key=lambda letter: (letter.internaldate, letter.mailbox, letter.folder))


def thread_letters(thread: ThreadScript, cast: Cast, at: datetime, rng: random.Random) -> list[Written]:
    """The letters of a thread with their dates, oldest first."""
    times = _times(thread, at, rng)
    written: list[Written] = []
    for index, script in enumerate(thread.letters):
        written.append(_write(thread, index, script, written, times, cast, rng))
    return written


def _write(
    thread: ThreadScript,
    index: int,
    script: LetterScript,
    earlier: Sequence[Written],
    times: Sequence[datetime],
    cast: Cast,
    rng: random.Random,
) -> Written:
    language = script.lang or thread.language
    answered = _answered(script, index, earlier)
    writer = writer_of(script.by, cast, language)
    to, cc = _recipients(script, writer, answered, cast)
    text = fill_dates(script.text, at=times[index], thread_at=times[0], language=language)
    lines = [line for line in text.split("\n") if line]
    enclosures = tuple(enclosure(spec, lines=lines, at=times[index], rng=rng) for spec in script.files)
    return Written(
        message_id=message_id(thread.id, index, writer.address),
        at=times[index],
        writer=writer,
        to=to,
        cc=cc,
        subject=_subject(thread, script, writer, answered),
        text=text,
        answers=answered if script.fwd or not script.subject else None,
        forwards=script.fwd,
        enclosures=(*enclosures, *(answered.enclosures if script.fwd and answered else ())),
        headers=_extra_headers(script),
    )


def _answered(script: LetterScript, index: int, earlier: Sequence[Written]) -> Written | None:
    if index == 0:
        return None
    return earlier[index - 1 if script.re is None else script.re]


def message_id(thread: str, index: int, address: str) -> str:
    """The Message-ID of a letter of a thread: the same in each run, so that later letters can answer it."""
    mark = hashlib.sha256(f"{thread}/{index}".encode()).hexdigest()
    return f"<{mark[:8]}.{mark[8:20]}@{address.rpartition('@')[2]}>"


def writer_of(key: str, cast: Cast, language: Language) -> Writer:
    """Who writes as `key`: a colleague, a colleague `@` a shared mailbox, a person, `Name <address>`."""
    if "<" in key:
        name, address = parseaddr(key)
        return Writer(name, address, "", "", "", "plain", language)
    name, _, box = key.partition("@")
    if any(colleague.key == name for colleague in cast.colleagues):
        return _colleague_writer(name, box, cast, language)
    person = cast.person(name)
    company = cast.company(person.company).name
    return Writer(
        person.name, person.address, person.title, person.phone, company, person.style, person.language
    )


def _colleague_writer(name: str, box: str, cast: Cast, language: Language) -> Writer:
    colleague = cast.colleague(name)
    address = cast.mailbox(box).address if box else colleague.address
    shown = f"{colleague.name} – {FIRM_NAME}" if box else colleague.name
    branded = colleague.style == "outlook" and bool(box)
    return Writer(shown, address, colleague.title, colleague.phone, FIRM_NAME, colleague.style, "pl", branded)


def _recipients(
    script: LetterScript, writer: Writer, answered: Written | None, cast: Cast
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Named ones, else those a reply goes to: the writer answered (or whom they wrote to, if that was me)."""
    to = tuple(_named(key, cast) for key in script.to)
    cc = tuple(_named(key, cast) for key in script.cc)
    if answered is None:
        return to, cc
    if not to:
        own = answered.writer.address == writer.address
        to = answered.to if own else ((answered.writer.name, answered.writer.address),)
        mine = {writer.address, *(address for _, address in to)}
        cc = cc or tuple(pair for pair in answered.cc if pair[1] not in mine)
    return to, cc


def _named(key: str, cast: Cast) -> tuple[str, str]:
    for mailbox in cast.mailboxes:
        if mailbox.key == key:
            return mailbox.name, mailbox.address
    for colleague in cast.colleagues:
        if colleague.key == key:
            return colleague.name, colleague.address
    person = cast.person(key)
    return person.name, person.address


def _subject(thread: ThreadScript, script: LetterScript, writer: Writer, answered: Written | None) -> str:
    if script.subject:
        return script.subject
    if answered is None:
        return thread.subject
    base = answered.subject
    for prefix in (*REPLY_PREFIX.values(), "Fwd: "):
        base = base.removeprefix(prefix)
    if script.fwd:
        return f"Fwd: {base}"
    prefix = REPLY_PREFIX[writer.language] if writer.style in {"outlook", "latin2"} else "Re: "
    return f"{prefix}{base}"


def _extra_headers(script: LetterScript) -> tuple[tuple[str, str], ...]:
    if not script.auto:
        return ()
    return (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"))


def _times(thread: ThreadScript, at: datetime, rng: random.Random) -> list[datetime]:
    """When the letters of a thread were written: in office hours, and none later than some minutes ago.

    What happened within the last two days keeps its hour, so that the newest letters are fresh at any hour.
    """
    when = at - timedelta(hours=thread.hours_ago, minutes=rng.randint(0, 9))
    fresh = thread.hours_ago < RECENT_HOURS
    times: list[datetime] = []
    for index, script in enumerate(thread.letters):
        wait = script.wait if script.wait is not None else rng.uniform(2, 9)
        when += timedelta(hours=wait if index else 0, minutes=rng.randint(0, 11) if wait > 1 else 2)
        when = when if fresh or wait < 1 else office_time(when)
        times.append(when.replace(second=rng.randint(0, 59), microsecond=0))
    return _before(times, at - timedelta(minutes=9))


def _before(times: list[datetime], limit: datetime) -> list[datetime]:
    out = []
    for when in reversed(times):
        out.append(min(when, limit))
        limit = out[-1] - timedelta(minutes=6)
    return out[::-1]


def _thread_copies(
    thread: ThreadScript, cast: Cast, at: datetime, rng: random.Random
) -> Iterator[DemoLetter]:
    written = thread_letters(thread, cast, at, rng)
    for index, (script, letter) in enumerate(zip(thread.letters, written, strict=True)):
        raw = to_bytes(letter)
        sender = cast.mailbox_of(letter.writer.address)
        if sender is not None:
            folder = script.folder or SENT
            own = (SEEN, DRAFT) if folder == "Drafts" else (SEEN,)
            yield DemoLetter(sender.address, folder, raw, own, letter.at)
        if script.folder == "Drafts":
            continue
        for box in _receiving(letter, cast):
            flags = _flags(script, letter, box, written[index + 1 :], at, rng)
            folder = script.folder or _filed(letter, box, cast, at)
            arrived = letter.at + timedelta(seconds=5)
            body = trace(letter.writer.address, box.address, letter.at) + raw
            yield DemoLetter(box.address, folder, body, flags, arrived)


def _receiving(letter: Written, cast: Cast) -> list[Mailbox]:
    """The demo mailboxes among the recipients, each once, without the one it was sent from."""
    found = [cast.mailbox_of(address) for _, address in (*letter.to, *letter.cc)]
    return [box for box in dict.fromkeys(found) if box is not None and box.address != letter.writer.address]


def _flags(
    script: LetterScript,
    letter: Written,
    box: Mailbox,
    later: Sequence[Written],
    at: datetime,
    rng: random.Random,
) -> tuple[str, ...]:
    own_later = [reply for reply in later if reply.writer.address == box.address]
    flags = list(script.flags and (FLAGGED,))
    if any(reply.answers is letter and not reply.forwards for reply in own_later):
        flags.append(ANSWERED)
    age = at - letter.at
    read = script.folder == "Trash" or own_later or age > timedelta(hours=RECENT_HOURS)
    forgotten = script.folder == "Spam" or (not own_later and rng.random() < 0.03)
    if read and not forgotten:
        flags.append(SEEN)
    return tuple(flags)


def _filed(letter: Written, box: Mailbox, cast: Cast, at: datetime) -> str:
    person = cast.person_of(letter.writer.address)
    if person is None or at - letter.at < timedelta(days=FILED_AFTER_DAYS):
        return INBOX
    return FILED.get((box.key, person.company), INBOX)


def _notice_copy(notice: Notice, at: datetime, rng: random.Random) -> DemoLetter:
    old = at - notice.at > timedelta(days=4)
    seen = notice.sent or (old and rng.random() > 0.15)
    flags = (*notice.flags, SEEN) if seen else notice.flags
    return DemoLetter(notice.mailbox.address, notice.folder, notice.raw, flags, notice.at)


__all__ = ["DemoLetter", "letters", "message_id", "thread_letters", "writer_of"]
