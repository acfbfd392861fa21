"""Writing the index, in the transaction of the letters it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from mailroom.core import indexing
from mailroom.data import bulk
from mailroom.data.mail.models import LetterText

COLUMNS = ("account", *indexing.COLUMNS)
_WORD = re.compile(r"[^\W_]+")
_WEIGHT = {"subject": "A", "sender": "B", "recipient": "C", "copy": "C", "body": "D", "file": "D"}
_LONGEST_LEXEME = 500
_MAX_POSITION = 16_000
"""PostgreSQL counts positions up to 16,383."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is searchable of one letter."""

    message_id: int
    account_id: int
    columns: tuple[str, ...]
    """Folded, as :func:`mailroom.core.indexing.index_text` gives them."""
    packed: bytes = b""
    """The columns as they are kept, if whoever read the letter packed them."""


def index(documents: Sequence[Document]) -> None:
    """Add letters to the index; newest-first order comes from the ids, so they go in ascending."""
    documents = sorted(documents, key=lambda one: one.message_id)
    rows = [(one.message_id, one.account_id, one.columns) for one in documents]
    if connection.vendor == "postgresql":
        _index_vectors(rows)
    else:
        _run("INSERT INTO mail_index (rowid, {}) VALUES ({})", rows)
    bulk.insert(
        LetterText,
        ("message_id", "text"),
        ((one.message_id, one.packed or indexing.packed(one.columns)) for one in documents),
    )


def remove(message_ids: Iterable[int]) -> None:
    """Forget letters: the index is shown again exactly what it was shown."""
    kept = list(LetterText.objects.filter(message__in=list(message_ids)).select_related("message"))
    rows = [(one.message_id, one.message.account_id, indexing.unpacked(bytes(one.text))) for one in kept]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM mail_index WHERE message_id = ANY(%s)", [[row[0] for row in rows]])
    else:
        _run("INSERT INTO mail_index (mail_index, rowid, {}) VALUES ('delete', {})", rows)
    LetterText.objects.filter(pk__in=[one.pk for one in kept]).delete()


def text_of(message_id: int) -> dict[str, str]:
    """The folded columns as indexed; empty for a letter that is not in the index."""
    kept = LetterText.objects.filter(message=message_id).first()
    return dict(zip(indexing.COLUMNS, indexing.unpacked(bytes(kept.text)), strict=True)) if kept else {}


def account_token(account_id: int) -> str:
    return f"account{account_id}"


def words(text: str) -> list[str]:
    """The words of folded text, cut as both engines cut them."""
    return _WORD.findall(text)


def _run(statement: str, rows: Sequence[tuple[int, int, tuple[str, ...]]]) -> None:
    names = ", ".join(COLUMNS)
    marks = ", ".join(["%s"] * (len(COLUMNS) + 1))
    with connection.cursor() as cursor:
        cursor.executemany(
            statement.format(names, marks), [(pk, account_token(box), *columns) for pk, box, columns in rows]
        )


def _index_vectors(rows: Sequence[tuple[int, int, tuple[str, ...]]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO mail_index (message_id, account_id, vector) VALUES (%s, %s, %s::tsvector)",
            [(pk, box, _vector(columns)) for pk, box, columns in rows],
        )


def _vector(columns: Sequence[str]) -> str:
    """A tsvector literal: words with positions; gaps keep a phrase from running over two columns.

    ``to:``, ``cc:`` and ``filename:`` share weights with others, so their words stand once more with the
    column in front.
    """
    places: dict[str, list[str]] = {}
    position = 1
    for column, text in zip(indexing.COLUMNS, columns, strict=True):
        for word in words(text):
            lexeme = word[:_LONGEST_LEXEME]
            places.setdefault(lexeme, []).append(f"{min(position, _MAX_POSITION)}{_WEIGHT[column]}")
            if column in ("recipient", "copy", "file"):
                places.setdefault(f"{column}:{lexeme}", []).append(f"{min(position, _MAX_POSITION)}")
            position += 1
        position += 100
    # PostgreSQL keeps 256 positions of a lexeme; more would only make the literal longer.
    return " ".join(f"'{lexeme}':{','.join(at[:256])}" for lexeme, at in places.items())
