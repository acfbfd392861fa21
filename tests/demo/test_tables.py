"""The quick way to the demo's tables leads to the same ones as the migrations."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from mailroom.cli.demo import MAKE_TABLES
from tests.cli.processes import COMMAND, environment, mailroom

# Told by each database with its own numbers and orders.
Tables = dict[str, Any]


def test_both_ways_lead_to_the_same_tables_and_nothing_waits(tmp_path: Path) -> None:
    quick, slow = tmp_path / "quick", tmp_path / "slow"
    for way, code in ((quick, MAKE_TABLES), (slow, "from mailroom.cli.users import start; start()")):
        subprocess.run([*COMMAND[:2], "-c", code], env=environment(way), check=True, timeout=120)
    one, other = (tables_of(way / "mailroom.db") for way in (quick, slow))
    assert one.keys() == other.keys()
    assert {name: one[name] for name in one if one[name] != other[name]} == {}
    assert mailroom("manage", "migrate", "--check", data_dir=quick).returncode == 0


def tables_of(path: Path) -> Tables:
    """Each table with its columns, keys, indexes and conditions, in an order of its own."""
    with closing(sqlite3.connect(path)) as database:
        names = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
        return {name: shape_of(database, name) for name in names}


def shape_of(database: sqlite3.Connection, table: str) -> Tables:
    (sql,) = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    columns = database.execute(f'PRAGMA table_xinfo("{table}")').fetchall()
    indexes = database.execute(f'PRAGMA index_list("{table}")').fetchall()
    return {
        "counts up": "AUTOINCREMENT" in sql,
        "columns": sorted(column[1:] for column in columns),
        "keys": sorted(key[2:] for key in database.execute(f'PRAGMA foreign_key_list("{table}")')),
        "indexes": sorted(
            (bool(unique), origin, _where(database, name) if partial else "", _columns_of(database, name))
            for _, name, unique, origin, partial in indexes
        ),
        "conditions": sorted(map(_condition, sql.split("CHECK")[1:])) if "CREATE TABLE" in sql else sql,
    }


def _condition(text: str) -> str:
    """What stands in the first pair of brackets, brackets inside counted."""
    depth = 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == ")" and depth == 0:
            return text[: place + 1].strip()
    return text


def _columns_of(database: sqlite3.Connection, index: str) -> tuple[str, ...]:
    rows = database.execute(f'PRAGMA index_xinfo("{index}")').fetchall()
    return tuple(f"{name} {'down' if down else 'up'}" for _, _, name, down, _, key in rows if key)


def _where(database: sqlite3.Connection, index: str) -> str:
    """The condition of an index of a part of the rows."""
    (sql,) = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (index,)).fetchone()
    return str(sql).partition(" WHERE ")[2]
