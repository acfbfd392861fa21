"""PostgreSQL's tables as files and back, by COPY: all of one moment, in any later version of the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, transaction

from .manifest import Manifest, Read

PREFIX = "tables/"


@contextmanager
def one_moment() -> Iterator[None]:
    """Whatever is read inside is of the moment of the first read, while others go on writing."""
    with transaction.atomic():
        _execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def columns() -> dict[str, list[str]]:
    """The columns of every table of ours that can be written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, c.column_name FROM information_schema.columns c"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
            " AND c.is_generated = 'NEVER' ORDER BY c.table_name, c.ordinal_position"
        )
        found: dict[str, list[str]] = {}
        for table, column in cursor.fetchall():
            found.setdefault(table, []).append(column)
    return found


def size() -> int:
    """Of all tables, roughly."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        )
        return int(cursor.fetchone()[0])


def copy_out(tables: Mapping[str, Sequence[str]], folder: Path, read: Read) -> dict[str, Path]:
    """Each table as a file of COPY's text format; member name to path."""
    files = {}
    for number, (table, names) in enumerate(tables.items()):
        path = folder / f"table{number}"
        statement = f"COPY {_quoted(table)} ({_listed(names)}) TO STDOUT"
        with (
            connection.wrap_database_errors,
            path.open("xb") as file,
            connection.cursor() as cursor,
            cursor.copy(statement) as rows,
        ):
            for piece in rows:
                file.write(piece)
                read(len(piece))
        files[PREFIX + table] = path
    return files


def sequences(tables: Mapping[str, Sequence[str]]) -> list[tuple[str, str, int, bool]]:
    """The last number of each identity column: a number is not given out twice, not even after a restore."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, pg_get_serial_sequence("
            "quote_ident(table_schema) || '.' || quote_ident(table_name), column_name)"
            " FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2"
        )
        having = [row for row in cursor.fetchall() if row[2] and row[0] in tables]
        found = []
        for table, column, sequence in having:
            cursor.execute(f"SELECT last_value, is_called FROM {sequence}")
            last, called = cursor.fetchone()
            found.append((str(table), str(column), int(last), bool(called)))
    return found


def copy_in(manifest: Manifest, files: Mapping[str, Path], read: Read) -> None:
    """Replace the contents of all tables; the caller's transaction makes it all or nothing."""
    _execute(f"TRUNCATE {', '.join(_quoted(table) for table in columns())}")
    # Making the tables has set references to be checked at once.
    _execute("SET CONSTRAINTS ALL DEFERRED")
    for table, names in manifest.tables.items():
        statement = f"COPY {_quoted(table)} ({_listed(names)}) FROM STDIN"
        with (
            connection.wrap_database_errors,
            files[PREFIX + table].open("rb") as file,
            connection.cursor() as cursor,
            cursor.copy(statement) as rows,
        ):
            while piece := file.read(1 << 20):
                rows.write(piece)
                read(len(piece))
    for table, column, last, called in manifest.sequences:
        _execute(
            "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)", _quoted(table), column, last, called
        )
    # References are checked here, not at the commit: tables may be altered right after.
    _execute("SET CONSTRAINTS ALL IMMEDIATE")
    _execute("SET CONSTRAINTS ALL DEFERRED")


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(_quoted(name) for name in names)


def _execute(statement: str, *values: str | int | bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
