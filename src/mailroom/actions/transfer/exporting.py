"""Letters out to files: exactly those the user may read, exactly the bytes that came in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from pathlib import Path

from django.db.models import Exists, OuterRef, Q, QuerySet

from mailroom.actions.refusals import clash, invalid
from mailroom.core.search import Query
from mailroom.core.sync.state import Flags
from mailroom.data.blobs import keeping
from mailroom.data.blobs.store import Missing
from mailroom.data.mail import search
from mailroom.data.mail.flagtext import flags_of
from mailroom.data.mail.models import Folder, Message, Placement
from mailroom.data.mail.visibility import Reach, visible_to

from .writers import EmlFiles, Encode, MaildirFiles, MboxFiles, Writer, discard, put_in_place

CHUNK = 200
NO_FOLDER = "_no folder"
"""Letters that lie in no folder any more and are kept for the cards."""


class Format(StrEnum):
    MBOX = "mbox"
    MAILDIR = "maildir"
    EML = "eml"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for: a whole account in its folders, one folder, or what a query finds in either."""

    account_id: int | None = None
    folder_id: int | None = None
    query: Query | None = None
    zone: tzinfo = UTC
    """Where the days of the query begin."""

    @property
    def in_folders(self) -> bool:
        return self.folder_id is None and self.query is None


@dataclass(slots=True)
class Written:
    """What became of a selection."""

    total: int = 0
    written: int = 0
    """A letter in two folders is written twice."""
    without_bytes: int = 0
    """Only their headers are here, or their bytes are missing."""


Tell = Callable[[Written], None]
"""Hears how far it is; it may raise to stop, then nothing is left behind."""


def write_out(
    *, reach: Reach, selection: Selection, to: Path, form: Format, encode: Encode, tell: Tell
) -> Written:
    """Write the letters to ``to``, which must not exist yet (an empty folder may).

    Raises Clash if it does, Invalid if the account or the folder is none that the user reads.
    """
    if to.is_symlink() or to.is_file() or (to.is_dir() and any(to.iterdir())):
        raise clash("exists", "path")
    _insist_on_access(reach, selection)
    shelves = list(_shelves(reach, selection))
    result = Written(total=sum(len(shelf.ids) for shelf in shelves))
    draft = to.with_name(f".{to.name}.part")
    discard(draft)
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(_writer(form, draft, selection, encode)) as writer:
            for shelf in shelves:
                for start in range(0, len(shelf.ids), CHUNK):
                    _write(writer, shelf, shelf.ids[start : start + CHUNK], result)
                    tell(result)
        put_in_place(draft, to)
    finally:
        discard(draft)
    return result


def _insist_on_access(reach: Reach, selection: Selection) -> None:
    """Cards open letters, not mailboxes: who reads an account on cards only cannot take its folders."""
    folder = Folder.objects.filter(pk=selection.folder_id).first() if selection.folder_id else None
    if selection.folder_id and (folder is None or folder.account_id not in reach.account_ids):
        raise invalid("folder", "no_such_folder")
    if selection.account_id and selection.account_id not in reach.account_ids:
        raise invalid("account", "no_such_account")


def _writer(form: Format, at: Path, selection: Selection, encode: Encode) -> Writer:
    match form:
        case Format.MBOX:
            return MboxFiles(at, tree=selection.in_folders)
        case Format.MAILDIR:
            return MaildirFiles(at, encode=encode)
        case Format.EML:
            return EmlFiles(at)


# --- which letters -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Letters that go to one folder of the files, oldest first."""

    path: tuple[str, ...]
    ids: Sequence[int]
    folder_id: int | None = None
    """Whose flags are meant; None = those of any folder."""


def _shelves(reach: Reach, selection: Selection) -> Iterator[_Shelf]:
    if selection.query is not None:
        yield _Shelf((), _found(reach, selection, selection.query), selection.folder_id)
    elif selection.folder_id is not None:
        yield _Shelf((), _in_folder(reach, selection.folder_id), selection.folder_id)
    elif selection.account_id is not None:
        folders = {folder.pk: folder for folder in Folder.objects.filter(account=selection.account_id)}
        for folder in sorted(folders.values(), key=lambda each: (each.name_key, each.pk)):
            ids = _in_folder(reach, folder.pk)
            if ids:
                yield _Shelf(_path(folder, folders), ids, folder.pk)
        nowhere = _shown(reach).filter(account=selection.account_id).exclude(_placed())
        if nowhere.exists():
            yield _Shelf((NO_FOLDER,), list(nowhere.order_by("pk").values_list("pk", flat=True)))


def _in_folder(reach: Reach, folder_id: int) -> list[int]:
    letters = _shown(reach).filter(_placed(folder_id)).order_by("pk")
    return list(letters.values_list("pk", flat=True))


def _shown(reach: Reach) -> QuerySet[Message]:
    return visible_to(reach).exclude(fate=Message.Fate.HIDDEN)


def _placed(folder_id: int | None = None) -> Exists:
    rows = Placement.objects.filter(message=OuterRef("pk"), state=Placement.State.LIVE)
    return Exists(rows.filter(folder=folder_id) if folder_id else rows)


def _path(folder: Folder, folders: dict[int, Folder]) -> tuple[str, ...]:
    names = [folder.name]
    seen = {folder.pk}
    while folder.parent_id in folders and folder.parent_id not in seen:
        folder = folders[folder.parent_id]
        seen.add(folder.pk)
        names.append(folder.name)
    return tuple(reversed(names))


def _found(reach: Reach, selection: Selection, tree: Query) -> list[int]:
    within = Q(account=selection.account_id) if selection.account_id else Q()
    if selection.folder_id:
        within &= Q(_placed(selection.folder_id))
    ids: list[int] = []
    before: int | None = None
    while True:
        page = search.query(reach, tree, before=before, limit=1000, zone=selection.zone, within=within)
        ids += page.message_ids
        before = page.next
        if before is None:
            return sorted(ids)


# --- writing -----------------------------------------------------------------------------------------


def _write(writer: Writer, shelf: _Shelf, ids: Sequence[int], result: Written) -> None:
    flags = _flags(shelf, ids)
    letters = Message.objects.select_related("blob", "from_address").in_bulk(list(ids))
    for pk in ids:
        letter = letters.get(pk)
        content = _content(letter) if letter else None
        if letter is None or content is None:
            result.without_bytes += 1
            continue
        writer.add(
            shelf.path,
            content,
            pk=pk,
            flags=flags[pk],
            at=letter.internal_at or letter.sorted_at,
            sender=letter.from_address.email if letter.from_address else "",
        )
        result.written += 1


def _content(letter: Message) -> bytes | None:
    if letter.blob is None:
        return None
    try:
        return keeping.content_of(letter.blob)
    except Missing:
        return None


def _flags(shelf: _Shelf, ids: Sequence[int]) -> dict[int, Flags]:
    rows = Placement.objects.filter(message__in=ids, state=Placement.State.LIVE)
    if shelf.folder_id:
        rows = rows.filter(folder=shelf.folder_id)
    found: dict[int, Flags] = defaultdict(frozenset)
    for pk, local in rows.values_list("message_id", "local"):
        found[pk] |= flags_of(local)
    return found
