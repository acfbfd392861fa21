"""Files that letters are written to. Nothing stands under the final name before everything is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from mailroom.core import maildir, mbox
from mailroom.core.sync.state import Flags

_LONGEST_NAME = 180
"""Bytes: most file systems end at 255, and something may have to be added."""


Encode = Callable[[str], bytes]
"""Writes a folder's name in modified UTF-7."""


class Writer(Protocol):
    """One format."""

    def add(
        self, folder: tuple[str, ...], content: bytes, *, pk: int, flags: Flags, at: datetime, sender: str
    ) -> None:
        """Write a letter into a folder."""

    def close(self) -> None:
        """Everything is on the disk."""


class MboxFiles:
    """One mbox, or with ``tree`` one for each folder in a tree. The flags of letters are lost in it."""

    def __init__(self, at: Path, *, tree: bool) -> None:
        self._at = at
        self._names = _Names(end=".mbox")
        self._tree = tree
        self._file: BinaryIO | None = None
        self._folder: tuple[str, ...] | None = None
        if tree:
            at.mkdir()
        else:
            self._open((), at)

    def add(
        self, folder: tuple[str, ...], content: bytes, *, pk: int, flags: Flags, at: datetime, sender: str
    ) -> None:
        if self._tree and folder != self._folder:
            self._open(folder, self._at.joinpath(*self._names.path(folder)))
        assert self._file is not None
        self._file.write(mbox.written(content, sender=sender, at=at))

    def _open(self, folder: tuple[str, ...], path: Path) -> None:
        self.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._folder = path.open("ab"), folder

    def close(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None


class MaildirFiles:
    """A Maildir; folders below it as Maildir++ has them (``.Clients.Rossi``)."""

    def __init__(self, at: Path, *, encode: Encode) -> None:
        self._at = at
        self._encode = encode
        self._made: dict[tuple[str, ...], Path] = {}
        self._of(())

    def add(
        self, folder: tuple[str, ...], content: bytes, *, pk: int, flags: Flags, at: datetime, sender: str
    ) -> None:
        unique = f"{int(at.timestamp())}.{pk}.mailroom,S={len(content)}"
        path = self._of(folder) / "cur" / maildir.name_of(unique, flags)
        path.write_bytes(content)
        # What programs show as the time of arrival.
        os.utime(path, (at.timestamp(), at.timestamp()))

    def _of(self, folder: tuple[str, ...]) -> Path:
        if folder not in self._made:
            parts = tuple(self._encode(part).decode("ascii") for part in folder)
            at = self._at / maildir.folder_name(parts) if parts else self._at
            for inner in ("cur", "new", "tmp"):
                (at / inner).mkdir(parents=True, exist_ok=True)
            self._made[folder] = at
        return self._made[folder]

    def close(self) -> None:
        os.sync()


class EmlFiles:
    """A file for each letter, named by its date; the flags of letters are lost in it."""

    def __init__(self, at: Path) -> None:
        self._at = at
        self._names = _Names(end="")
        at.mkdir()

    def add(
        self, folder: tuple[str, ...], content: bytes, *, pk: int, flags: Flags, at: datetime, sender: str
    ) -> None:
        path = self._at.joinpath(*self._names.path(folder))
        path.mkdir(parents=True, exist_ok=True)
        (path / f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{pk}.eml").write_bytes(content)

    def close(self) -> None:
        os.sync()


class _Names:
    """Folder paths as paths of files: nothing that climbs out, nothing hidden, no two alike."""

    def __init__(self, *, end: str) -> None:
        self._end = end
        self._given: dict[tuple[str, ...], str] = {}
        self._taken: set[tuple[str, ...]] = set()

    def path(self, folder: tuple[str, ...]) -> tuple[str, ...]:
        parts: tuple[str, ...] = ()
        for depth in range(1, len(folder) + 1):
            own = folder[:depth]
            if own not in self._given:
                self._given[own] = self._free(parts, _safe(own[-1]))
            parts = (*parts, self._given[own])
        return (*parts[:-1], parts[-1] + self._end) if parts else ()

    def _free(self, above: tuple[str, ...], name: str) -> str:
        number, free = 1, name
        # Some file systems do not tell capitals from small letters.
        while (*above, free.casefold()) in self._taken:
            number += 1
            free = f"{name} ({number})"
        self._taken.add((*above, free.casefold()))
        return free


def _safe(name: str) -> str:
    kept = "".join("_" if one in '/\\:*?"<>|' or ord(one) < 32 or ord(one) == 127 else one for one in name)
    kept = kept.encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore").strip()
    return f"_{kept}" if not kept or kept.startswith(".") else kept


def put_in_place(draft: Path, final: Path) -> None:
    """Give what was written its name; an empty folder there makes room."""
    if final.is_dir():
        final.rmdir()
    draft.rename(final)


def discard(draft: Path) -> None:
    """Remove what was begun."""
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)
