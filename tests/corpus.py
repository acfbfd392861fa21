"""Real messages for the tests: where they lie, and how their stored expectations are read.

Use the fixture `corpus` of `tests.conftest`: it skips, and says what is missing, where there is no corpus.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NOT_MESSAGES = (".json", ".jsonl", ".md", ".xml", ".tgz", ".list")


def every_file(root: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file of the corpus, messages or not: a reader must survive them all."""
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(root)), path.read_bytes()


def messages(root: Path, *folders: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each message below `folders`."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix not in _NOT_MESSAGES and path.name != "LICENSE":
                yield str(path.relative_to(root)), path.read_bytes()


def business(root: Path) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Number, bytes and expectations of each letter of the business set."""
    for path in sorted((root / "business").glob("[0-9]*.json")):
        yield path.stem, path.with_suffix(".eml").read_bytes(), json.loads(path.read_text())


def oracle(root: Path) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Name, bytes (line ends as the oracle saw them) and what Dovecot said of each message."""
    with (root / "dovecot-oracle.jsonl").open() as lines:
        for line in lines:
            row = json.loads(line)
            raw = (root / row["file"]).read_bytes()
            if raw.startswith(b"From "):
                raw = raw[raw.find(b"\n") + 1 :]
            answer = row["fetch"]
            fields = _tree(answer[answer.index("(") :])[0]
            yield (
                row["file"],
                re.sub(rb"\r?\n", b"\r\n", raw),
                dict(zip(fields[::2], fields[1::2], strict=False)),
            )


_TOKEN = re.compile(r'\(|\)|"((?:[^"\\]|\\.)*)"|([^\s()"]+)', re.DOTALL)


def _tree(text: str) -> list[Any]:
    """An IMAP parenthesised list as nested Python lists; NIL is None, everything else text."""
    stack: list[list[Any]] = [[]]
    for token in _TOKEN.finditer(text):
        if token[0] == "(":
            stack.append([])
        elif token[0] == ")":
            closed = stack.pop()
            stack[-1].append(closed)
        elif token[0].startswith('"'):
            stack[-1].append(_unquoted(token[1]))
        else:
            stack[-1].append(None if token[0] == "NIL" else token[0])
    return stack[0]


def _unquoted(text: str) -> str:
    """A quoted string; literals were stored with JSON's escapes, one character a byte."""
    with_bytes = re.sub(r"\\u00([0-9a-f]{2})", lambda escape: chr(int(escape[1], 16)), text)
    return re.sub(r"\\(.)", r"\1", with_bytes, flags=re.DOTALL)
