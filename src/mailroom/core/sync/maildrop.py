"""The words of POP3: what is known of a maildrop, what is listed in it, and the steps that may be asked for.

Numbers live one session. What lasts is the server's unique id (UIDL); where that is missing, what the
headers say stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b


class Outcome(StrEnum):
    """What became of a message of the maildrop."""

    STORED = "stored"
    BEFORE_START = "before_start"
    PARKED = "parked"


class Deletes(StrEnum):
    """What may be deleted on the server."""

    NEVER = "never"
    PURGED = "purged"
    """What was purged here."""
    STORED = "stored"
    """Everything that is saved, once it has been so for long enough."""


class Reason(StrEnum):
    """Why headers are asked for."""

    NO_UIDL = "no_uidl"
    RETURNED = "returned"
    """An id that had gone is back, or stands on a message of another size: the same letter, or another?"""
    FORMAT_CHANGED = "format_changed"
    START_DATE = "start_date"
    BEFORE_DELETE = "before_delete"
    """Is it still the letter that was saved under this id?"""


@dataclass(frozen=True, slots=True)
class Listed:
    """One message of the maildrop. ``uidl`` is None where the server gives none for it."""

    number: int
    size: int
    uidl: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """By what a message is known from one session to the next."""

    uidl: str
    nth: int = 0
    """Several messages may have had this id (RFC 1939 section 7), at once or one after the other."""

    @property
    def derived(self) -> bool:
        """Made from the headers: good enough to know a message by, not to delete one."""
        return self.uidl.startswith(_DERIVED)


_DERIVED = "top "
"""No id of a server begins with a word and a space: ids have no spaces."""


def derived(identity: str) -> str:
    """The id that stands for the one a server does not give."""
    return f"{_DERIVED}{identity}"


def keepable(uidl: str) -> str:
    """An id as a row can hold it: RFC 1939 allows 70 printable characters, servers allow themselves more."""
    plain = uidl.replace("\0", "\ufffd")
    if len(plain) <= LONGEST_ID:
        return plain
    return f"long {blake2b(uidl.encode('utf-8', 'replace'), digest_size=32).hexdigest()}"


LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Known:
    """A row: a message that has an outcome."""

    row_id: int
    key: Key
    outcome: Outcome
    size: int = 0
    """As LIST said when it was last seen; 0 = not known."""
    identity: str | None = None
    """A digest of its headers; None where they were never seen."""
    received_at: datetime | None = None
    saved_at: datetime | None = None
    gone_at: datetime | None = None
    purged: bool = False
    due: bool = False
    """Parked, and it is time to try again."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the headers of a message say; all None where the server would not show them."""

    identity: str | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What the account wants and what the server can do."""

    deletes: Deletes = Deletes.NEVER
    keep_days: int = 0
    """How long a saved message stays on the server."""
    starts_at: datetime | None = None
    most_bytes: int | None = None
    can_top: bool = True
    """Headers can be had without the letter, so the start date is judged before anything is fetched."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message of the listing, the key it goes by, and its row if it has one."""

    number: int
    key: Key
    size: int = 0
    row_id: int | None = None


# ------------------------------------------------------------------ steps


@dataclass(frozen=True, slots=True)
class Look:
    """Ask for headers (TOP n 0, or RETR where there is no TOP), then plan again with what they say."""

    numbers: tuple[int, ...]
    """Newest first."""
    reason: Reason


@dataclass(frozen=True, slots=True)
class Found:
    """This row's message is at this key now: its id came back, or changed."""

    row_id: int
    key: Key
    size: int


@dataclass(frozen=True, slots=True)
class Gone:
    """Not on the server any more, deleted by us or by another client; the letters stay."""

    row_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Forget:
    """Gone for so long that the id may be given anew."""

    row_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """Before the start date: known from now on, left where they are."""

    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class TooBig:
    """Above the cap: parked until a person asks for them."""

    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Retrieve, newest first. Each gets an outcome of its own; one that fails is parked."""

    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Delete:
    """DELE these, after evidence of it is durable. Nothing is deleted before QUIT answers +OK.

    Stands alone, and last: everything else of the maildrop has its outcome by then.
    """

    doomed: tuple[Wanted, ...]


Step = Look | Found | Gone | Forget | Skip | TooBig | Fetch | Delete


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are to be played."""

    steps: tuple[Step, ...] = ()
    waiting: int | None = 0
    """Messages on the server that have no outcome yet; None while that cannot be told."""

    @property
    def settled(self) -> bool:
        """True when nothing is left to be asked, fetched or written in this session."""
        return all(isinstance(step, Delete) for step in self.steps)

    @property
    def doomed(self) -> tuple[Wanted, ...]:
        """What may be deleted now."""
        return tuple(one for step in self.steps if isinstance(step, Delete) for one in step.doomed)
