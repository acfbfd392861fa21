"""The two engines: the same question as an FTS5 expression or as a tsquery.

User text never reaches either raw: words are letters and digits only, everything else is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from mailroom.core.search import Clause, Field, Words

from .index import account_token


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to an engine: all clauses together, ids in ``[since, below)``, newest first."""

    clauses: tuple[Clause, ...]
    accounts: tuple[int, ...] | None
    """None = every account."""
    since: int
    below: int
    limit: int


def ask(question: Ask) -> list[int]:
    """Ids of the letters that match, newest first."""
    statement, values = (_vector if connection.vendor == "postgresql" else _fts5)(question)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()]


_FTS5_COLUMNS = {
    Field.ANY: "{subject sender recipient copy body file}",
    Field.FROM: "sender",
    Field.TO: "recipient",
    Field.CC: "copy",
    Field.SUBJECT: "subject",
    Field.FILENAME: "file",
}


def _fts5(question: Ask) -> tuple[str, tuple[Any, ...]]:
    wanted = [_fts5_term(clause.term) for clause in question.clauses if not clause.negated]
    if question.accounts is not None:
        # In quotes "account1" is a whole token: it does not match account12.
        tokens = " OR ".join(f'"{account_token(pk)}"' for pk in question.accounts)
        wanted.append(f"account : ({tokens})")
    unwanted = [_fts5_term(clause.term) for clause in question.clauses if clause.negated]
    if not wanted:
        wanted = ['account : "account" *']
    expression = " AND ".join(f"({term})" for term in wanted)
    if unwanted:
        expression = f"({expression}) NOT ({' OR '.join(f'({term})' for term in unwanted)})"
    return (
        "SELECT rowid FROM mail_index WHERE mail_index MATCH %s AND rowid >= %s AND rowid < %s"
        " ORDER BY rowid DESC LIMIT %s",
        (expression, question.since, question.below, question.limit),
    )


def _fts5_term(term: object) -> str:
    assert isinstance(term, Words)
    phrase = f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")
    return f"{_FTS5_COLUMNS[term.field]} : {phrase}"


_WEIGHTS = {Field.SUBJECT: "A", Field.FROM: "B"}
_MARKED = {Field.TO: "recipient:", Field.CC: "copy:", Field.FILENAME: "file:"}


def _vector(question: Ask) -> tuple[str, tuple[Any, ...]]:
    terms = [
        ("!" if clause.negated else "") + f"({_vector_term(clause.term)})" for clause in question.clauses
    ]
    accounts = "" if question.accounts is None else " AND account_id = ANY(%s)"
    values: list[Any] = [" & ".join(terms), question.since, question.below]
    if question.accounts is not None:
        values.append(list(question.accounts))
    return (
        "SELECT message_id FROM mail_index"
        " WHERE vector @@ %s::tsquery AND message_id >= %s AND message_id < %s"
        f"{accounts} ORDER BY message_id DESC LIMIT %s",
        (*values, question.limit),
    )


def _vector_term(term: object) -> str:
    assert isinstance(term, Words)
    mark, weight = _MARKED.get(term.field, ""), _WEIGHTS.get(term.field, "")
    last = len(term.words) - 1
    lexemes = []
    for position, word in enumerate(term.words):
        flags = ("*" if term.prefix and position == last else "") + weight
        lexemes.append(f"'{mark}{word}'" + (f":{flags}" if flags else ""))
    return " <-> ".join(lexemes)
