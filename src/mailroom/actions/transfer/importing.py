"""Letters from files into local folders of an account; running it again adds only what is missing."""

from __future__ import annotations

import errno
import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from mailroom.actions.ingest import Arrival, Batch, store
from mailroom.core.fold import fold
from mailroom.core.letter import Letter, read_letter
from mailroom.data.blobs import keeping
from mailroom.data.mail.models import Account, Folder, Message, Placement

from .sources import Found, Source

BATCH_LETTERS = 200
BATCH_BYTES = 8 * 1024 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A letter that was not taken in."""

    file: str
    number: int
    """Within the file, from 1; 0 where the file is the letter."""
    reason: str
    """too_big, empty, unreadable, purged (wiped here for good) or not_stored."""


@dataclass(slots=True)
class Summary:
    """What became of the letters of a source."""

    found: int = 0
    taken: int = 0
    """New in the account."""
    known: int = 0
    """In the account before, wherever it lies there; or twice in the source."""
    removed: int = 0
    """Deleted by the program that wrote the file."""
    refused: list[Refusal] = field(default_factory=list)


class StoreFailed(Exception):
    """The database or the disk fails, not the letter: going on would refuse everything. Says why."""


Tell = Callable[[int, Summary], None]
"""Hears, between transactions, how many bytes of the source are done; it may raise to stop."""


def take_in(*, account_id: int, source: Source, folder_name: str, tell: Tell) -> Summary:
    """Take the letters of a source into the local folder of that name and folders below it.

    Raises StoreFailed; what was committed before stays, and the next run goes on from there.
    """
    summary = Summary()
    filing = _Filing(account_id, folder_name)
    for batch in _batches(source.letters()):
        good = _sorted_out(batch, summary)
        if good:
            _file(filing, good, summary)
        tell(batch[-1].done, summary)
    return summary


def _batches(letters: Iterable[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for found in letters:
        batch.append(found)
        size += len(found.content)
        if len(batch) >= BATCH_LETTERS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _sorted_out(batch: Sequence[Found], summary: Summary) -> list[Found]:
    """Without what is no letter to be stored, which is counted."""
    summary.found += len(batch)
    good = []
    for found in batch:
        if found.reason:
            summary.refused.append(Refusal(found.file, found.number, found.reason))
        elif found.removed:
            summary.removed += 1
        else:
            good.append(found)
    return good


def _file(filing: _Filing, letters: Sequence[Found], summary: Summary) -> None:
    """Store a batch; if it cannot be stored, each of its letters by itself."""
    try:
        _count(filing.store(letters), summary)
        return
    except Exception as error:  # noqa: BLE001 - which letter it was is found out next
        _insist_on_the_letters_fault(error)
    for found in letters:
        try:
            _count(filing.store([found]), summary)
        except Exception as error:
            _insist_on_the_letters_fault(error)
            logger.exception("A letter could not be stored.", extra={"action": "import_letter"})
            summary.refused.append(Refusal(found.file, found.number, "not_stored"))


def _insist_on_the_letters_fault(error: Exception) -> None:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    if full or isinstance(error, OperationalError | sqlite3.OperationalError):
        raise StoreFailed(str(error)) from error


def _count(outcome: _Outcome, summary: Summary) -> None:
    summary.taken += outcome.taken
    summary.known += outcome.known
    summary.refused += outcome.refused


@dataclass(frozen=True, slots=True)
class _Outcome:
    taken: int
    known: int
    refused: tuple[Refusal, ...] = ()


class _Filing:
    """Stores batches into the folders of one import."""

    def __init__(self, account_id: int, folder_name: str) -> None:
        self._account_id = account_id
        self._root = folder_name

    def store(self, letters: Sequence[Found]) -> _Outcome:
        """One transaction. What is here already is recognised by its bytes, or by id and body."""
        new = self._without_same_bytes(letters)
        if not new:
            return _Outcome(0, len(letters))
        read = [(found, read_letter(found.content)) for found in new]
        kept = dict(zip(map(id, new), keeping.make_durable([found.content for found in new]), strict=True))
        with transaction.atomic():
            # Nobody else stores into this account meanwhile: neither the engine nor a second import.
            Account.objects.select_for_update().get(pk=self._account_id)
            wanted, refused = self._unknown(read)
            folders = {path: self._folder(path) for path in {found.folder for found, _ in wanted}}
            arrivals = tuple(
                Arrival(
                    letter=letter,
                    folder_id=folders[found.folder],
                    kept=kept[id(found)],
                    size=len(found.content),
                    flags=found.flags,
                    internal_at=found.internal_at,
                )
                for found, letter in wanted
            )
            if arrivals:
                store(Batch(self._account_id, arrivals, timezone.now(), announce=False))
        return _Outcome(len(arrivals), len(letters) - len(arrivals) - len(refused), refused)

    def _without_same_bytes(self, letters: Sequence[Found]) -> list[Found]:
        """The cheap look: a second run over the same files reads no letter at all."""
        digests = [hashlib.sha256(found.content).digest() for found in letters]
        rows = Message.objects.filter(
            _lies_somewhere(), account_id=self._account_id, blob__digest__in=digests
        )
        here = {bytes(digest) for digest in rows.values_list("blob__digest", flat=True)}
        return [found for found, digest in zip(letters, digests, strict=True) if digest not in here]

    def _unknown(
        self, read: Sequence[tuple[Found, Letter]]
    ) -> tuple[list[tuple[Found, Letter]], tuple[Refusal, ...]]:
        keys = [letter.letter_key for _, letter in read]
        rows = (
            Message.objects.filter(account_id=self._account_id, letter_key__in=keys)
            .exclude(body_state=Message.BodyState.HEADER)
            .annotate(placed=_lies_somewhere())
            .values_list("letter_key", "fate", "placed")
        )
        purged = {bytes(key) for key, fate, _ in rows if fate == Message.Fate.PURGED}
        here = {bytes(key) for key, fate, placed in rows if placed or fate == Message.Fate.HIDDEN}
        refused = tuple(
            Refusal(found.file, found.number, "purged")
            for found, letter in read
            if letter.letter_key in purged
        )
        wanted: dict[bytes, tuple[Found, Letter]] = {}
        for found, letter in read:
            if letter.letter_key not in here | purged:
                wanted.setdefault(letter.letter_key, (found, letter))
        return list(wanted.values()), refused

    def _folder(self, path: tuple[str, ...]) -> int:
        parent: int | None = None
        for name in (self._root, *path):
            parent = _local_folder(self._account_id, name, parent)
        assert parent is not None
        return parent


def _lies_somewhere() -> Exists:
    return Exists(Placement.objects.filter(message=OuterRef("pk"), state=Placement.State.LIVE))


def _local_folder(account_id: int, name: str, parent: int | None) -> int:
    name = name.replace("\0", "").encode("utf-8", "replace").decode()[:500] or "-"
    same = {"account_id": account_id, "name_key": fold(name)[:500], "parent_id": parent, "local": True}
    found = Folder.objects.filter(**same, role=None).order_by("pk").first()
    return (found or Folder.objects.create(**same, name=name)).pk
