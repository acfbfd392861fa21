"""The file of a backup: a tar in zstd; first what it holds, then the copies, last their sums.

Without the sums at its end a file is cut off, so it is damaged and nothing of it is used.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, Any, cast

import zstandard

FORMAT = 1
LEVEL = 3
MANIFEST = "manifest.json"
SUMS = "sums.json"
_PIECE = 1 << 20
_LARGEST_MANIFEST = 16 << 20

Read = Callable[[int], None]
"""Hears of bytes as they pass; it may raise to stop."""


class Damaged(Exception):
    """No backup of ours, cut off, or changed since it was written."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says about itself."""

    version: str
    """Of the program that made it."""
    made_at: str
    """ISO 8601, UTC."""
    database: str
    """sqlite or postgresql; it goes back into the same kind."""
    migrations: tuple[tuple[str, str], ...]
    """Applied to its tables: application and name."""
    members: Mapping[str, int]
    """Name to size in bytes."""
    counts: Mapping[str, int]
    """accounts, users, messages, blobs."""
    missing: int
    """Blobs whose row is in it and whose bytes are not: they were lost, or wiped meanwhile."""
    vault_keys: tuple[str, ...]
    """Fingerprints of the keys that open its passwords, newest first."""
    with_keys: bool
    tables: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """PostgreSQL: the columns of each table, in the order of its copy."""
    sequences: Sequence[tuple[str, str, int, bool]] = ()
    """PostgreSQL: table, column, last value, whether it was given out."""
    format: int = FORMAT


def write(target: Path, manifest: Manifest, files: Mapping[str, Path], read: Read) -> None:
    """Write the archive; on return it is on the disk."""
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with target.open("xb") as raw:
        with (
            compressor.stream_writer(raw, closefd=False) as packed,
            tarfile.open(fileobj=cast("IO[bytes]", packed), mode="w|") as tar,
        ):
            _add_text(tar, MANIFEST, asdict(manifest))
            _add_text(tar, SUMS, {name: _add(tar, name, files[name], read) for name in manifest.members})
        raw.flush()
        os.fsync(raw.fileno())


def _add_text(tar: tarfile.TarFile, name: str, value: object) -> None:
    data = json.dumps(value, ensure_ascii=False).encode()
    tar.addfile(_info(name, len(data)), io.BytesIO(data))


def _add(tar: tarfile.TarFile, name: str, path: Path, read: Read) -> str:
    with path.open("rb") as file:
        counted = _Counted(file, read)
        tar.addfile(_info(name, path.stat().st_size), cast("IO[bytes]", counted))
    return counted.sum.hexdigest()


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


class _Counted:
    """A file whose bytes are summed as they are read."""

    def __init__(self, file: IO[bytes], read: Read) -> None:
        self._file = file
        self._read = read
        self.sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sum.update(data)
        self._read(len(data))
        return data


# --- reading -----------------------------------------------------------------------------------------


@contextmanager
def opened(path: Path) -> Iterator[tuple[Manifest, Callable[[Path, Read], dict[str, Path]]]]:
    """The manifest, and what unpacks the rest into a folder and proves it whole. Raises Damaged, OSError."""
    with path.open("rb") as raw, _damage_named():
        packed = zstandard.ZstdDecompressor().stream_reader(raw)
        with tarfile.open(fileobj=cast("IO[bytes]", packed), mode="r|") as tar:
            manifest = _manifest(tar)
            yield manifest, lambda folder, read: _unpack(tar, manifest, folder, read)


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except (zstandard.ZstdError, tarfile.TarError, EOFError) as error:
        raise Damaged(str(error)) from None


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != MANIFEST or first.size > _LARGEST_MANIFEST:
        raise Damaged("no manifest")
    said = _json(tar, first)
    if said.get("format") != FORMAT:
        raise Damaged(f"format {said.get('format')!r}")
    try:
        said["migrations"] = tuple((app, name) for app, name in said["migrations"])
        said["vault_keys"] = tuple(said["vault_keys"])
        return Manifest(**{each.name: said[each.name] for each in fields(Manifest)})
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"manifest: {error}") from None


def _unpack(tar: tarfile.TarFile, manifest: Manifest, folder: Path, read: Read) -> dict[str, Path]:
    """Under names of our own: what the archive calls a member never becomes a path."""
    files: dict[str, Path] = {}
    sums: dict[str, str] = {}
    while (member := tar.next()) is not None and member.name != SUMS:
        if member.name not in manifest.members or member.name in files or not member.isreg():
            raise Damaged(f"unexpected {member.name}")
        files[member.name] = folder / str(len(files))
        sums[member.name] = _extract(tar, member, files[member.name], read)
    if member is None or _json(tar, member) != sums or sums.keys() != manifest.members.keys():
        raise Damaged("the sums differ")
    return files


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path, read: Read) -> str:
    source = tar.extractfile(member)
    assert source is not None
    counted = _Counted(source, read)
    with to.open("xb") as file:
        while piece := counted.read(_PIECE):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return counted.sum.hexdigest()


def _json(tar: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    source = tar.extractfile(member)
    try:
        value = json.loads(source.read() if source else b"")
    except ValueError as error:
        raise Damaged(str(error)) from None
    if not isinstance(value, dict):
        raise Damaged(member.name)
    return value
