"""Where letters lie in files: what a path holds is found by looking, and read one letter at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailroom.core import maildir, mbox
from mailroom.core.sync.state import SEEN, Flags

MOST_BYTES = 50 * 1024 * 1024
"""Of one letter, as for letters from a server: a longer one is named and left where it is."""

_PIECE = 1 << 18
_LOOK = 8192
_INNER = frozenset({"cur", "new", "tmp"})
_MBOX_ENDS = (".mbox", ".mbx", ".sbd")

Names = Callable[[bytes], str]
"""Reads a folder's name written in modified UTF-7."""


@dataclass(frozen=True, slots=True)
class Found:
    """One letter in a file, or the reason why there is none."""

    file: str
    """Relative to the source."""
    number: int
    """Within the file, from 1; 0 where the file is the letter."""
    folder: tuple[str, ...]
    """Path below the folder that everything goes to."""
    content: bytes
    flags: Flags
    internal_at: datetime | None
    done: int
    """Bytes of the source read so far."""
    removed: bool = False
    """Deleted by the program that wrote the file, which has not cleaned up yet."""
    reason: str = ""
    """too_big, empty or unreadable."""


@dataclass(frozen=True, slots=True)
class Part:
    """One mbox, one folder of a Maildir, or the .eml files of one folder."""

    read: Callable[[Source, Part, int], Iterator[Found]]
    at: Path
    folder: tuple[str, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """What was found at a path."""

    root: Path
    name: str
    """For the folder that is made of it."""
    parts: tuple[Part, ...]
    size: int
    ignored: tuple[str, ...]
    """Files that hold no letters."""

    def letters(self) -> Iterator[Found]:
        """Every letter; reading it again gives the same order."""
        done = 0
        for part in self.parts:
            yield from part.read(self, part, done)
            done += sum(_size(file) for file in part.files)

    def named(self, file: Path) -> str:
        return str(file.relative_to(self.root)) if file != self.root else file.name


def find(path: Path, *, read_name: Names) -> Source:
    """What lies at ``path``. Raises OSError if it is not there or may not be read."""
    ignored: list[str] = []
    if path.is_dir():
        os.scandir(path).close()
        parts = tuple(_in_folder(path, (), read_name, ignored))
    else:
        parts = (_in_file(path),)
    size = sum(_size(file) for part in parts for file in part.files)
    return Source(path, _stem(path.resolve().name) or "mail", parts, size, tuple(ignored))


# --- looking -----------------------------------------------------------------------------------------


def _in_file(path: Path) -> Part:
    with path.open("rb") as file:
        start = file.read(_LOOK)
    is_mbox = not _is_eml(path) and (mbox.begins_mbox(start) or path.name.lower().endswith(_MBOX_ENDS))
    return Part(_read_mbox if is_mbox else _read_eml, path, (), (path,))


def _in_folder(at: Path, folder: tuple[str, ...], read_name: Names, ignored: list[str]) -> Iterator[Part]:
    try:
        inside = sorted(at.iterdir())
    except OSError:
        # Reported like a letter that cannot be read: the rest goes on.
        yield Part(_read_eml, at, folder, (at,))
        return
    folders = [each for each in inside if each.is_dir() and not each.is_symlink()]
    if any(each.name in ("cur", "new") for each in folders):
        yield _maildir(at, folder)
        for each in folders:
            if each.name not in _INNER:
                path = maildir.path_of(each.name) if each.name.startswith(".") else (each.name,)
                below = tuple(read_name(os.fsencode(part)) for part in path)
                yield from _in_folder(each, folder + below, read_name, ignored)
        return
    yield from _plain_files([each for each in inside if not each.is_dir()], at, folder, ignored)
    for each in folders:
        if not each.name.startswith("."):
            yield from _in_folder(each, (*folder, _stem(each.name)), read_name, ignored)


def _maildir(at: Path, folder: tuple[str, ...]) -> Part:
    files = [
        file
        for inner in ("cur", "new")
        if (at / inner).is_dir()
        for file in sorted((at / inner).iterdir())
        if not file.name.startswith(".") and not file.is_dir()
    ]
    return Part(_read_maildir, at, folder, tuple(files))


def _plain_files(files: list[Path], at: Path, folder: tuple[str, ...], ignored: list[str]) -> Iterator[Part]:
    letters = tuple(file for file in files if _is_eml(file) and not file.name.startswith("."))
    if letters:
        yield Part(_read_eml, at, folder, letters)
    for file in files:
        if file in letters:
            continue
        if file.name.startswith(".") or not _holds_mbox(file):
            ignored.append(file.name)
            continue
        # A folder `Inbox.mbox` with a file `mbox` in it is one mailbox, as Apple writes it.
        own = () if file.name == "mbox" and folder else (_stem(file.name),)
        yield Part(_read_mbox, file, folder + own, (file,))


def _holds_mbox(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return mbox.begins_mbox(opened.read(_LOOK))
    except OSError:
        return False


def _is_eml(path: Path) -> bool:
    return path.suffix.lower() == ".eml"


def _stem(name: str) -> str:
    lower = name.lower()
    end = next((end for end in (*_MBOX_ENDS, ".eml") if lower.endswith(end) and lower != end), "")
    return os.fsencode(name[: len(name) - len(end)]).decode("utf-8", "replace")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


# --- reading -----------------------------------------------------------------------------------------


def _read_mbox(source: Source, part: Part, done: int) -> Iterator[Found]:
    number = 0
    try:
        for number, entry in enumerate(mbox.read_mbox(_pieces(part.at), most_bytes=MOST_BYTES), start=1):
            content = entry.content
            said = mbox.marks(content or b"")
            yield Found(
                file=source.named(part.at),
                number=number,
                folder=part.folder,
                content=content or b"",
                flags=said.flags,
                internal_at=mbox.dated(entry.from_line),
                done=done + entry.end,
                removed=said.removed,
                reason="" if content else "too_big" if content is None else "empty",
            )
    except OSError:
        yield _nothing(source, part.at, part, done, reason="unreadable", number=number + 1)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _read_maildir(source: Source, part: Part, done: int) -> Iterator[Found]:
    keywords = maildir.keywords_of(_text(part.at / "dovecot-keywords"))
    for file in part.files:
        done += _size(file)
        yield _whole(source, file, part, done, flags=maildir.flags_of(file.name, keywords), dated=True)


def _read_eml(source: Source, part: Part, done: int) -> Iterator[Found]:
    """The date of the file is that of a copy: it says nothing about the letter."""
    for file in part.files:
        done += _size(file)
        yield _whole(source, file, part, done, flags=frozenset({SEEN}), dated=False)


def _whole(source: Source, file: Path, part: Part, done: int, *, flags: Flags, dated: bool) -> Found:
    """A file that is a letter."""
    try:
        about = file.stat()
        if about.st_size > MOST_BYTES:
            return _nothing(source, file, part, done, reason="too_big")
        content = file.read_bytes()
    except OSError:
        return _nothing(source, file, part, done, reason="unreadable")
    if not content:
        return _nothing(source, file, part, done, reason="empty")
    at = datetime.fromtimestamp(int(about.st_mtime), UTC) if dated else None
    return Found(source.named(file), 0, part.folder, content, flags, at, done)


def _nothing(source: Source, file: Path, part: Part, done: int, *, reason: str, number: int = 0) -> Found:
    return Found(source.named(file), number, part.folder, b"", frozenset(), None, done, reason=reason)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
