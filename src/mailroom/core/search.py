"""The query language: what a person types, as a tree that knows no database.

The same folding makes the index and the query, so that case and accents never matter. A term that cannot
be read is named in a typed error; nothing else is ever raised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from mailroom.core.fold import fold

MAX_LENGTH = 1000
MAX_TERMS = 50


class Field(StrEnum):
    """Where a text is looked for."""

    ANY = "any"
    FROM = "from"
    TO = "to"
    CC = "cc"
    SUBJECT = "subject"
    COMPANY = "company"
    ACCOUNT = "account"
    FOLDER = "in"
    FILENAME = "filename"
    LABEL = "label"


class Is(StrEnum):
    """A state of a message."""

    UNREAD = "unread"
    READ = "read"
    FLAGGED = "flagged"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Words:
    """A text: one word, or several in this order; ``prefix`` lets the last word go on."""

    words: tuple[str, ...]
    """Folded; letters and digits only, split as the index splits."""
    field: Field = Field.ANY
    prefix: bool = False
    text: str = ""
    """Folded as it was typed, punctuation included: for names of folders and parts of addresses."""


@dataclass(frozen=True, slots=True)
class HasAttachment:
    """At least one attachment that is not merely a picture in the text."""


@dataclass(frozen=True, slots=True)
class AttachmentSize:
    """One attachment of at least, or at most, so many octets."""

    octets: int
    larger: bool


@dataclass(frozen=True, slots=True)
class Dated:
    """Before the beginning of a day, or from the beginning of it on, in the zone of the person who asks."""

    day: date
    before: bool


@dataclass(frozen=True, slots=True)
class State:
    """``is:unread`` and its kin."""

    state: Is


Term = Words | HasAttachment | AttachmentSize | Dated | State


@dataclass(frozen=True, slots=True)
class Clause:
    """A term, or its absence."""

    term: Term
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """All clauses together; an empty query is every message."""

    clauses: tuple[Clause, ...] = field(default=())

    @property
    def positive(self) -> bool:
        """False when there is nothing but exclusions, which an index alone cannot answer."""
        return any(not clause.negated for clause in self.clauses)


class QueryFault(StrEnum):
    """What is wrong with a query."""

    TOO_LONG = "too_long"
    TOO_MANY_TERMS = "too_many_terms"
    NOT_A_DATE = "not_a_date"
    NOT_A_SIZE = "not_a_size"
    NOT_A_STATE = "not_a_state"
    NOT_HAVING = "not_having"
    EMPTY_VALUE = "empty_value"


class QueryError(ValueError):
    """A query that cannot be read. ``field`` is the operator at fault, ``expected`` a form that would do."""

    def __init__(self, fault: QueryFault, field: str, value: str = "", expected: str = "") -> None:
        super().__init__(f"{fault.value}: {field}:{value}" if field else fault.value)
        self.fault = fault
        self.field = field
        self.value = value
        self.expected = expected


def parse_query(text: str) -> Query:
    """Read a query; raises QueryError and nothing else.

    ``word -word "phrase" pre* from: to: cc: subject: company: account: in: has:attachment filename:
    larger: smaller: before: after: is: label:``. Unknown operators are words: ``Re:`` and ``10:30`` are
    things that letters say.
    """
    if len(text) > MAX_LENGTH:
        raise QueryError(QueryFault.TOO_LONG, "", expected=str(MAX_LENGTH))
    clauses = []
    for match in _TOKEN.finditer(text):
        term = _term(match["operator"] or "", match["quoted"], match["bare"] or "")
        if term is not None:
            clauses.append(Clause(term, negated=bool(match["minus"])))
    if len(clauses) > MAX_TERMS:
        raise QueryError(QueryFault.TOO_MANY_TERMS, "", expected=str(MAX_TERMS))
    return Query(tuple(dict.fromkeys(clauses)))


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text as the index keeps them."""
    return tuple(_WORD.findall(fold(text)))


_OPERATORS = "from|to|cc|subject|company|account|in|has|filename|larger|smaller|before|after|is|label"
# A quote that is never closed reaches to the end: that is what was meant.
_TOKEN = re.compile(
    rf"""(?P<minus>-(?=\S))?
    (?:(?P<operator>{_OPERATORS}):)?
    (?:"(?P<quoted>[^"]*)(?:"|\Z)|(?P<bare>[^\s"]+)|(?<=:))""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,  # else the long s is an s, and no operator
)
_WORD = re.compile(r"[^\W_]+")
_SIZE = re.compile(r"(\d{1,12})(?:[.,](\d{1,3}))?\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def _term(operator: str, quoted: str | None, bare: str) -> Term | None:
    name, value = operator.lower(), quoted if quoted is not None else bare
    if name and not value.strip():
        raise QueryError(QueryFault.EMPTY_VALUE, name, expected=_EXPECTED.get(name, "word"))
    match name:
        case "has":
            return _having(value)
        case "larger" | "smaller":
            return AttachmentSize(_octets(name, value), larger=name == "larger")
        case "before" | "after":
            return Dated(_day(name, value), before=name == "before")
        case "is":
            return _state(value)
        case _:
            return _words(Field(name) if name else Field.ANY, value, phrase=quoted is not None)


_EXPECTED = {
    "has": "attachment",
    "larger": "20k",
    "smaller": "2M",
    "before": "YYYY-MM-DD",
    "after": "YYYY-MM-DD",
    "is": "unread|read|flagged|answered",
    "in": "inbox",
}


def _words(where: Field, value: str, *, phrase: bool) -> Words | None:
    words = words_of(value)
    text = " ".join(fold(value).split())
    # Punctuation alone finds nothing and forbids nothing, unless a folder or an account is called so.
    if not words and (where is Field.ANY or not text):
        return None
    return Words(words, where, prefix=not phrase and value.endswith("*"), text=text.rstrip("*") or text)


def _having(value: str) -> HasAttachment:
    if fold(value).rstrip("s") not in ("attachment", "file"):
        raise QueryError(QueryFault.NOT_HAVING, "has", value, _EXPECTED["has"])
    return HasAttachment()


def _octets(name: str, value: str) -> int:
    match = _SIZE.fullmatch(value.strip()) if value.isascii() else None
    if match is None:
        raise QueryError(QueryFault.NOT_A_SIZE, name, value, _EXPECTED[name])
    thousandths = int(match[1]) * 1000 + int((match[2] or "0").ljust(3, "0"))
    # More than any database counts is as good as the most it counts.
    return min(thousandths * _UNITS[match[3].lower()] // 1000, 2**53)


def _day(name: str, value: str) -> date:
    match = re.fullmatch(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?", value.strip(), re.ASCII)
    try:
        if match is not None:
            return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        pass
    raise QueryError(QueryFault.NOT_A_DATE, name, value, _EXPECTED[name])


def _state(value: str) -> State:
    name = {"seen": "read", "unseen": "unread", "starred": "flagged", "replied": "answered"}.get(
        fold(value), fold(value)
    )
    if name not in [state.value for state in Is]:
        raise QueryError(QueryFault.NOT_A_STATE, "is", value, _EXPECTED["is"])
    return State(Is(name))
