"""The folder tree of an account: what the server lists becomes rows, what people see hangs on them.

A server folder is known by its row, not by its name: renaming keeps mapping, numbers and intents. One that
is missing is believed deleted late, and its letters stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from mailroom.core.fold import fold
from mailroom.core.sync.folders import (
    KnownFolder,
    compare,
    display_parts,
    is_deleted,
    roles,
    subscribed_by_default,
)
from mailroom.core.sync.state import ListedFolder, Role
from mailroom.data.mail import rows
from mailroom.data.mail.models import Account, Folder, News, Placement, ServerFolder
from mailroom.data.people.models import User

from . import folder_wishes
from .accounts import may_configure
from .leases import Lease, insist
from .refusals import clash, invalid, not_allowed

_ORDER = {role: index for index, role in enumerate((Role.INBOX, Role.SENT, Role.DRAFTS))}
_PASSING = frozenset({"\\marked", "\\unmarked", "\\recent"})
"""Attributes that come and go with the mail in a folder."""
_SYSTEM = frozenset(Folder.Role.values)


def apply_listing(lease: Lease, listed: Sequence[ListedFolder], at: datetime) -> list[ServerFolder]:
    """Write down a complete LIST; returns the folders to be kept in step, the inbox first.

    Never call it with half a list: what is not named counts as missing.
    """
    with transaction.atomic():
        insist(lease.account_id, lease.fence)
        account = Account.objects.get(pk=lease.account_id)
        known = {row.pk: row for row in account.server_folders.all()}
        changes = compare([_known(row) for row in known.values()], listed)
        for pk, folder in {**changes.kept, **changes.renamed}.items():
            _update(known[pk], folder, at)
        for pk in changes.gone:
            _miss(known[pk], at)
        _give_roles(list(known.values()), listed)
        by_role = roles(listed, namespace=namespace_of(listed))
        made = [
            _create(account, folder, by_role.get(folder.raw_name), known.values()) for folder in changes.new
        ]
        folder_wishes.fulfil(account, made)
        everything = [*known.values(), *made]
        _show(account, everything, listed)
        if made or changes.renamed:
            News.objects.create(account=account, kind=News.Kind.STATE, about={"folders": True}, at=at)
    return in_order(
        row for row in everything if row.subscribed and row.selectable and row.missing_since is None
    )


def _there(row: ServerFolder) -> bool:
    return row.selectable and row.missing_since is None


def in_order(folders: Iterable[ServerFolder]) -> list[ServerFolder]:
    """The order of reading: inbox, sent, drafts, then the rest by name."""
    return sorted(folders, key=lambda row: (_ORDER.get(Role(row.role), 9) if row.role else 9, row.name))


def namespace_of(listed: Sequence[ListedFolder]) -> str:
    """The personal prefix (``INBOX.``) where every folder but the inbox carries it (Courier, Cyrus)."""
    others = [folder for folder in listed if folder.raw_name.upper() != b"INBOX"]
    delimiter = next((folder.delimiter for folder in others if folder.delimiter), None)
    prefix = f"INBOX{delimiter}" if delimiter else ""
    return prefix if prefix and all(folder.name.startswith(prefix) for folder in others) else ""


def _known(row: ServerFolder) -> KnownFolder:
    return KnownFolder(
        folder_id=row.pk,
        raw_name=bytes(row.raw_name),
        delimiter=row.delimiter or None,
        mailbox_id=row.mailbox_id or None,
        uidvalidity=row.uidvalidity,
        uidnext=row.uidnext,
    )


def _update(row: ServerFolder, folder: ListedFolder, at: datetime) -> None:
    """Still there, perhaps under another name, perhaps back again."""
    was = (bytes(row.raw_name), row.name, row.delimiter, row.attributes, row.selectable, row.missing_since)
    renamed = bytes(row.raw_name) != folder.raw_name
    _describe(row, folder)
    if row.missing_since is not None:
        row.missing_since = None
    now = (bytes(row.raw_name), row.name, row.delimiter, row.attributes, row.selectable, row.missing_since)
    if folder.mailbox_id and row.mailbox_id != folder.mailbox_id[:128]:
        row.mailbox_id = folder.mailbox_id[:128]
        row.save(update_fields=["mailbox_id"])
    if was != now:
        row.save()
    if renamed and row.folder is not None and row.folder.role is None:
        _rename(row.folder, folder)


def _describe(row: ServerFolder, folder: ListedFolder) -> None:
    row.raw_name, row.name = folder.raw_name, folder.name.replace("\0", "")[:500]
    row.delimiter = folder.delimiter or ""
    row.attributes = sorted(folder.attributes - _PASSING)
    row.selectable = folder.selectable


def _rename(seen: Folder, folder: ListedFolder) -> None:
    name = display_parts(folder)[-1].replace("\0", "")[:500]
    if seen.name != name and seen.server_folders.count() == 1:
        seen.name, seen.name_key = name, fold(name)[:500]
        seen.save(update_fields=["name", "name_key"])


def _miss(row: ServerFolder, at: datetime) -> None:
    """Not in the list: missing at first, deleted when a later list says the same."""
    if row.missing_since is None:
        row.missing_since = at
        row.save(update_fields=["missing_since"])
    elif row.subscribed and is_deleted(missing_since_at=row.missing_since, at=at, complete_lists=2):
        _retire(row, at)


def _retire(row: ServerFolder, at: datetime) -> None:
    """Deleted on the server: its letters leave the folder and stay on cards; the row is kept for its past."""
    leaving = Placement.objects.filter(server_folder=row, state=Placement.State.LIVE)
    threads = set(leaving.values_list("message__thread_id", flat=True))
    leaving.update(state=Placement.State.UNLINKED, unlinked_at=at)
    row.subscribed = False
    row.on_server = row.waiting = row.before_start = row.filtered = 0
    row.save(update_fields=["subscribed", "on_server", "waiting", "before_start", "filtered"])
    rows.refresh(threads)


def _give_roles(known: Sequence[ServerFolder], listed: Sequence[ListedFolder]) -> None:
    """A role that no folder has yet, given by the list; what a person chose is never taken back."""
    taken = {row.role for row in known if row.role and row.missing_since is None}
    by_name = roles(listed, namespace=namespace_of(listed))
    for row in known:
        role = by_name.get(bytes(row.raw_name))
        if not row.role and role is not None and role.value not in taken and row.missing_since is None:
            row.role = role.value
            taken.add(role.value)
            row.save(update_fields=["role"])


def _create(
    account: Account, folder: ListedFolder, role: Role | None, known: Iterable[ServerFolder]
) -> ServerFolder:
    for other in known:
        # Deleted and made anew under its old name: the past keeps its row, under a name no server can have.
        if bytes(other.raw_name) == folder.raw_name:
            other.raw_name = folder.raw_name[:900] + b"\0%d" % other.pk
            other.role = ""
            other.save(update_fields=["raw_name", "role"])
    taken = any(other.role == role for other in known if role and other.missing_since is None)
    row = ServerFolder(
        account=account,
        role=role.value if role and not taken else "",
        subscribed=subscribed_by_default(folder, role),
        mailbox_id=(folder.mailbox_id or "")[:128],
    )
    _describe(row, folder)
    row.on_server = folder.messages or 0
    row.waiting = row.on_server if row.subscribed else 0
    row.save()
    return row


def _show(account: Account, everything: Sequence[ServerFolder], listed: Sequence[ListedFolder]) -> None:
    """Give every subscribed folder a place where people see it."""
    namespace = namespace_of(listed)
    by_path = {
        display_parts(folder, namespace=namespace): row
        for folder in listed
        for row in everything
        if bytes(row.raw_name) == folder.raw_name
    }
    for path in sorted(by_path):
        if by_path[path].subscribed and by_path[path].selectable and by_path[path].folder_id is None:
            _place(account, path, by_path)


def _place(
    account: Account, path: tuple[str, ...], by_path: Mapping[tuple[str, ...], ServerFolder]
) -> Folder | None:
    row = by_path.get(path)
    if row is None:
        return None
    if row.folder is None:
        row.folder = _system_folder(account, row.role) or _own_folder(account, path, by_path)
        row.save(update_fields=["folder"])
    return row.folder


def _system_folder(account: Account, role: str) -> Folder | None:
    if role not in _SYSTEM:
        return None
    name = Folder.Role(role).value.title()
    return Folder.objects.get_or_create(
        account=account, role=role, defaults={"name": name, "name_key": fold(name)}
    )[0]


def _own_folder(
    account: Account, path: tuple[str, ...], by_path: Mapping[tuple[str, ...], ServerFolder]
) -> Folder:
    name = path[-1].replace("\0", "")[:500]
    parent = _place(account, path[:-1], by_path) if len(path) > 1 else None
    return Folder.objects.create(account=account, name=name, name_key=fold(name)[:500], parent=parent)


# ------------------------------------------------------------------ what a person decides


@transaction.atomic
def subscribe(*, by: User, server_folder: ServerFolder, subscribed: bool) -> ServerFolder:
    """Keep a folder in step, or stop and keep what is stored. Raises NotAllowed, Clash."""
    _check(by, server_folder)
    if subscribed and (not server_folder.selectable or server_folder.missing_since is not None):
        raise clash("not_selectable", "subscribed")
    if server_folder.subscribed != subscribed:
        server_folder.subscribed = subscribed
        server_folder.counted_at = None
        server_folder.save(update_fields=["subscribed", "counted_at"])
        Account.objects.filter(pk=server_folder.account_id).update(wanted_at=timezone.now())
    if subscribed and server_folder.folder is None:
        system = _system_folder(server_folder.account, server_folder.role)
        server_folder.folder = system or _named_like(server_folder)
        server_folder.save(update_fields=["folder"])
    return server_folder


@transaction.atomic
def map_to(*, by: User, server_folder: ServerFolder, folder_id: int | None) -> ServerFolder:
    """Show a server folder's mail in another folder (None = under its own name).

    Re-files what is stored, keeps ids, sends nothing to the server. Raises NotAllowed, Invalid.
    """
    _check(by, server_folder)
    if folder_id is None:
        folder = _named_like(server_folder)
    else:
        found = Folder.objects.filter(pk=folder_id, account_id=server_folder.account_id).first()
        if found is None:
            raise invalid("folder_id", "no_such_folder")
        folder = found
    if server_folder.folder_id != folder.pk:
        _refile(server_folder, folder)
    return server_folder


def _named_like(server_folder: ServerFolder) -> Folder:
    delimiter = server_folder.delimiter
    name = server_folder.name.split(delimiter)[-1] if delimiter else server_folder.name
    return Folder.objects.create(
        account_id=server_folder.account_id, name=name[:500], name_key=fold(name)[:500]
    )


def _refile(server_folder: ServerFolder, folder: Folder) -> None:
    # Letters that a person filed elsewhere (deleted here, or about to move) stay where they are shown.
    placements = Placement.objects.filter(server_folder=server_folder, folder=server_folder.folder_id)
    server_folder.folder = folder
    server_folder.save(update_fields=["folder"])
    threads = set(placements.values_list("message__thread_id", flat=True))
    placements.update(folder=folder)
    ids = sorted(threads)
    for start in range(0, len(ids), 500):
        rows.refresh(ids[start : start + 500])


def _check(by: User, server_folder: ServerFolder) -> None:
    if not may_configure(by, server_folder.account):
        raise not_allowed("may_not_configure")
