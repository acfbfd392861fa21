"""New mail while the demo runs: letters of clients every minute or so, and answers to what a user sends."""

from __future__ import annotations

import email
import heapq
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from typing import Protocol, cast

from mailroom.demo.cast import Cast, Language, Person
from mailroom.demo.dates import fill_dates
from mailroom.demo.letters import message_id, thread_letters, writer_of
from mailroom.demo.programs import Writer, Written, to_bytes
from mailroom.demo.recurring import passing_notice, trace
from mailroom.demo.script import read_toml, threads
from mailroom.demo.sink import SentLetter

ARRIVAL_SECONDS = (40.0, 90.0)
ANSWER_SECONDS = (15.0, 30.0)
AUTOMATIC = {"trakt-system", "nowal-faktury"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A letter that comes in: the addresses of the mailboxes that get it, and its bytes."""

    mailboxes: tuple[str, ...]
    raw: bytes


class News:
    """Decides what arrives next and how clients answer; no clock, no thread. Same seed, same letters."""

    def __init__(self, cast: Cast, *, loaded_at: datetime, seed: int = 7) -> None:
        self._cast = cast
        self._loaded_at = loaded_at
        self._seed = seed
        self._rng = random.Random(f"{seed}/trickle")
        texts = read_toml("trickle")
        self._answers: list[Mapping[str, str]] = texts["answer"]
        self._topics: Mapping[str, Mapping[str, list[str]]] = texts["topics"]
        self._waiting: list[Mapping[str, str]] = list(texts["arrival"])
        self._used: list[str] = []

    def next_arrival(self, at: datetime) -> Arrival:
        """The next letter: those written down in their order, with notices of machines between and after."""
        if not self._waiting or self._rng.random() < 0.15:
            notice = passing_notice(self._cast, at=at, rng=self._rng)
            return Arrival((notice.mailbox.address,), notice.raw)
        script = self._waiting.pop(0)
        letter = self._arriving(script, at)
        box = self._cast.mailbox(script["to"])
        return Arrival((box.address,), trace(letter.writer.address, box.address, at) + to_bytes(letter))

    def _arriving(self, script: Mapping[str, str], at: datetime) -> Written:
        language = cast(Language, script["lang"])
        writer = writer_of(script["by"], self._cast, language)
        box = self._cast.mailbox(script["to"])
        answered = self._last_seen(script["follows"], writer.address) if "follows" in script else None
        base = answered.subject.removeprefix("Re: ") if answered else ""
        mark = script.get("follows") or script["subject"]
        return Written(
            message_id=message_id(f"trickle/{mark}", int(at.timestamp()), writer.address),
            at=at,
            writer=writer,
            to=((box.name, box.address),),
            cc=(),
            subject=script.get("subject") or f"Re: {base}",
            text=fill_dates(script["text"].strip(), at=at, thread_at=at, language=language),
            answers=answered,
        )

    def _last_seen(self, thread_id: str, address: str) -> Written:
        """The last letter of a thread that this person wrote or got."""
        thread = next(thread for thread in threads() if thread.id == thread_id)
        rng = random.Random(f"{self._seed}/{thread_id}")
        written = thread_letters(thread, self._cast, self._loaded_at, rng)
        return next(letter for letter in reversed(written) if address in _parties(letter))

    def answer(self, sent: SentLetter, at: datetime) -> Arrival | None:
        """What the first client among the recipients answers; None if nobody there would."""
        person = self._reader(sent)
        message = email.message_from_bytes(sent.raw)
        if person is None or message.get("Auto-Submitted", "no").lower() != "no":
            return None
        asked = _as_written(message, sent)
        writer = writer_of(person.key, self._cast, person.language)
        letter = Written(
            message_id=message_id(f"answer/{asked.message_id}", 0, writer.address),
            at=at,
            writer=writer,
            to=((asked.writer.name, asked.writer.address),),
            cc=self._colleagues(asked),
            subject=asked.subject if asked.subject[:3].lower() == "re:" else f"Re: {asked.subject}",
            text=self._words(asked, person, at),
            answers=asked,
        )
        boxes = [self._cast.mailbox_of(address) for _, address in (*letter.to, *letter.cc)]
        found = tuple(dict.fromkeys(box.address for box in boxes if box is not None))
        return Arrival(found, trace(writer.address, found[0], at) + to_bytes(letter)) if found else None

    def _reader(self, sent: SentLetter) -> Person | None:
        people = (self._cast.person_of(recipient) for recipient in sent.recipients)
        return next((person for person in people if person and person.key not in AUTOMATIC), None)

    def _colleagues(self, asked: Written) -> tuple[tuple[str, str], ...]:
        own = self._cast.mailbox_of(asked.writer.address)
        pairs = ((pair, self._cast.mailbox_of(pair[1])) for pair in (*asked.to, *asked.cc))
        return tuple(pair for pair, box in pairs if box is not None and box is not own)

    def _words(self, asked: Written, person: Person, at: datetime) -> str:
        topic = self._topic(f"{asked.subject}\n{asked.text[:600]}".lower(), person.language)
        fitting = [
            answer["text"]
            for answer in self._answers
            if answer["lang"] == person.language and answer["topic"] == topic
        ]
        fresh = [text for text in fitting if text not in self._used] or fitting
        text = self._rng.choice(fresh)
        self._used.append(text)
        words = fill_dates(text.strip(), at=at, thread_at=at, language=person.language)
        return f"{words}\n\n{person.name}"

    def _topic(self, text: str, language: Language) -> str:
        topics = self._topics[language]
        return next((topic for topic, words in topics.items() if any(w in text for w in words)), "general")


def _parties(letter: Written) -> set[str]:
    return {letter.writer.address, *(address for _, address in (*letter.to, *letter.cc))}


def _as_written(message: Message, sent: SentLetter) -> Written:
    """A user's letter in the demo's own terms, so that it can be quoted."""
    names = {address.lower(): name for name, address in _pairs(message, "From")}
    address = next(iter(names), sent.sender)
    return Written(
        message_id=str(message.get("Message-ID", "<unknown@warta-meble.example>")).strip(),
        at=sent.sent_at,
        writer=Writer(names.get(address, ""), address, "", "", "", "plain", "en"),
        to=tuple(_pairs(message, "To")),
        cc=tuple(_pairs(message, "Cc")),
        subject=_header(message, "Subject"),
        text=_first_text(message),
        earlier=tuple(str(message.get("References", "")).split()),
    )


def _pairs(message: Message, name: str) -> list[tuple[str, str]]:
    found = getaddresses([str(value) for value in message.get_all(name, [])])
    return [(_decoded(shown), address) for shown, address in found if "@" in address]


def _header(message: Message, name: str) -> str:
    return " ".join(_decoded(str(message.get(name, ""))).split())


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, LookupError, UnicodeError):
        return value


def _first_text(message: Message) -> str:
    for part in message.walk():
        if part.get_content_type() == "text/plain" and not part.get_filename():
            octets = part.get_payload(decode=True)
            if isinstance(octets, bytes):
                return octets.decode("utf-8", "replace").replace("\r\n", "\n").strip()
    return ""


class MailIn(Protocol):
    """What the trickle needs of the mail server."""

    def deliver(self, mailbox: str, raw: bytes) -> int: ...


class Trickle:
    """The thread that delivers the news; `hear` is what `DemoMail.when_sent` should call."""

    def __init__(
        self,
        mail: MailIn,
        news: News,
        *,
        clock: Callable[[], datetime],
        arrival_seconds: tuple[float, float] = ARRIVAL_SECONDS,
        answer_seconds: tuple[float, float] = ANSWER_SECONDS,
        seed: int = 7,
    ) -> None:
        self._mail = mail
        self._news = news
        self._clock = clock
        self._arrival_seconds = arrival_seconds
        self._answer_seconds = answer_seconds
        self._rng = random.Random(f"{seed}/pauses")
        self._heard: queue.SimpleQueue[SentLetter | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-trickle", daemon=True)

    def start(self) -> None:
        """Begin; the first letter arrives after one pause."""
        self._thread.start()

    def hear(self, sent: SentLetter) -> None:
        """A user has sent a letter; never blocks."""
        self._heard.put(sent)

    def stop(self) -> None:
        """End the thread; letters that were due later do not arrive."""
        self._stopping.set()
        self._heard.put(None)
        if self._thread.is_alive():
            self._thread.join(30)

    def _run(self) -> None:
        due: list[tuple[float, int, SentLetter | None]] = []
        numbers = iter(range(1 << 62))
        self._plan(due, None, next(numbers))
        while not self._stopping.is_set():
            pause = max(0.0, due[0][0] - time.monotonic())
            try:
                heard = self._heard.get(timeout=pause)
            except queue.Empty:
                _, _, asked = heapq.heappop(due)
                if asked is None:
                    self._plan(due, None, next(numbers))
                self._bring(asked)
            else:
                if heard is not None:
                    self._plan(due, heard, next(numbers))

    def _plan(
        self, due: list[tuple[float, int, SentLetter | None]], asked: SentLetter | None, number: int
    ) -> None:
        low, high = self._arrival_seconds if asked is None else self._answer_seconds
        heapq.heappush(due, (time.monotonic() + self._rng.uniform(low, high), number, asked))

    def _bring(self, asked: SentLetter | None) -> None:
        try:
            self._deliver(asked)
        except Exception:  # noqa: BLE001 - the edge of one letter
            # One letter that cannot be made or delivered must not end the trickle.
            _log.exception("demo trickle: a letter did not arrive")

    def _deliver(self, asked: SentLetter | None) -> None:
        at = self._clock()
        arrival = self._news.next_arrival(at) if asked is None else self._news.answer(asked, at)
        if arrival is None or self._stopping.is_set():
            return
        for mailbox in arrival.mailboxes:
            self._mail.deliver(mailbox, arrival.raw)
