"""LIST and STATUS answers as folders, on servers old and new."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from mailroom.core.sync.state import ListedFolder
from mailroom.wire.failures import Failure
from mailroom.wire.imap import names
from mailroom.wire.imap.connection import Connection, joined, string
from mailroom.wire.imap.grammar import Data, Value, number, pairs
from mailroom.wire.mailbox import FolderStatus

_AT_ONCE = 8
"""STATUS commands in flight where the server has no LIST-STATUS."""


def list_folders(
    connection: Connection, capabilities: Collection[str], items: Iterable[bytes], *, with_status: bool
) -> list[ListedFolder]:
    """List all folders in as few commands as the server allows; ``items`` are those of STATUS."""
    wanted = joined(items)
    extended = "LIST-EXTENDED" in capabilities or "LIST-STATUS" in capabilities
    if with_status and "LIST-STATUS" in capabilities:
        options = b"SPECIAL-USE " if "SPECIAL-USE" in capabilities else b""
        return _list(connection, b'LIST "" "*" RETURN (' + options + b"STATUS " + wanted + b")")
    if extended and "SPECIAL-USE" in capabilities:
        folders = _list(connection, b'LIST "" "*" RETURN (SPECIAL-USE)')
    else:
        # XLIST is what Gmail and iCloud had before SPECIAL-USE; its answer has the shape of LIST.
        old_roles = "XLIST" in capabilities and "SPECIAL-USE" not in capabilities
        folders = _list(connection, b'XLIST "" "*"' if old_roles else b'LIST "" "*"')
    return _with_status(connection, folders, wanted) if with_status else folders


def _list(connection: Connection, command: bytes) -> list[ListedFolder]:
    folders: dict[bytes, ListedFolder] = {}
    figures: dict[bytes, FolderStatus] = {}

    def take(data: Data) -> bool:
        if data.kind in {"LIST", "XLIST"}:
            folder = listed_folder(data)
            if folder is not None:
                folders[folder.raw_name] = folder
        elif data.kind == "STATUS":
            name, status = folder_status(data)
            figures[_same(name)] = status
        else:
            return False
        return True

    connection.run(command, take=take)
    return [_merged(folder, figures.get(_same(folder.raw_name))) for folder in folders.values()]


def _with_status(connection: Connection, folders: list[ListedFolder], wanted: bytes) -> list[ListedFolder]:
    figures: dict[bytes, FolderStatus] = {}
    for part in _parts([folder for folder in folders if folder.selectable]):
        tags = [connection.send(b"STATUS ", string(folder.raw_name), b" " + wanted) for folder in part]
        for folder, tag in zip(part, tags, strict=True):
            status = _status_answer(connection, tag, folder.raw_name, figures)
            if status is not None:
                figures[_same(folder.raw_name)] = status
    return [_merged(folder, figures.get(_same(folder.raw_name))) for folder in folders]


def _parts(folders: list[ListedFolder]) -> Iterator[list[ListedFolder]]:
    """A name that needs a literal waits for the server's go-ahead, so it goes alone."""
    plain = [folder for folder in folders if isinstance(string(folder.raw_name), bytes)]
    for start in range(0, len(plain), _AT_ONCE):
        yield plain[start : start + _AT_ONCE]
    yield from ([folder] for folder in folders if not isinstance(string(folder.raw_name), bytes))


def _status_answer(
    connection: Connection, tag: bytes, raw_name: bytes, figures: dict[bytes, FolderStatus]
) -> FolderStatus | None:
    def take(data: Data) -> bool:
        if data.kind != "STATUS":
            return False
        name, status = folder_status(data)
        figures[_same(name)] = status
        return True

    try:
        connection.finish(tag, take=take)
    except Failure:
        if connection.closed:
            raise
        return None  # one folder without rights must not hide the others
    return figures.get(_same(raw_name))


def status_of(connection: Connection, raw_name: bytes, items: Iterable[bytes]) -> FolderStatus:
    """Ask STATUS of one folder; empty brackets (NetEase) give a value full of None."""
    answers: list[FolderStatus] = []

    def take(data: Data) -> bool:
        if data.kind != "STATUS":
            return False
        answers.append(folder_status(data)[1])
        return True

    connection.run(b"STATUS ", string(raw_name), b" " + joined(items), take=take)
    return answers[-1] if answers else FolderStatus()


def listed_folder(data: Data) -> ListedFolder | None:
    """Read one line of LIST (RFC 3501 7.2.2); None for a line without a name."""
    attributes, delimiter, name = _list_fields(data)
    if name is None:
        return None
    if name.upper() == b"INBOX":
        name = b"INBOX"
    return ListedFolder(
        raw_name=name,
        name=names.decode(name),
        delimiter=delimiter.decode("latin-1")[:1] or None if delimiter else None,
        attributes=frozenset(
            word.decode("latin-1").lower() for word in attributes if word not in {b"", b"\\"}
        ),
    )


def _list_fields(data: Data) -> tuple[list[bytes], bytes | None, bytes | None]:
    text = data.parts[0]
    if len(data.parts) == 1 and b') "\\" ' in text:
        # A backslash as delimiter, not escaped: read as one, not as the start of a longer string.
        text = text.replace(b') "\\" ', b') "\\\\" ', 1)
    found = Data(data.kind, None, (text, *data.parts[1:])).values()
    head = found[0] if found and isinstance(found[0], list) else []
    fields = found[1:] if found and isinstance(found[0], list) else found
    delimiter = fields[0] if fields and isinstance(fields[0], bytes) else None
    return [word for word in head if isinstance(word, bytes)], delimiter, _name(data, text, fields)


def _name(data: Data, text: bytes, fields: list[Value]) -> bytes | None:
    if len(fields) < 2:
        return None
    if len(fields) > 2 and len(data.parts) == 1 and not isinstance(fields[2], list):
        return _unquoted_rest(text)
    name = fields[1]
    if name is None:
        return b"NIL"  # a folder really called so, sent as an atom
    return name if isinstance(name, bytes) else None


def _unquoted_rest(text: bytes) -> bytes | None:
    """A name with unescaped quotes or spaces: everything behind the delimiter, as it stands."""
    _, _, rest = text.partition(b") ")
    _, _, name = rest.partition(b" ")
    name = name.strip()
    return name[1:-1] if len(name) > 1 and name.startswith(b'"') and name.endswith(b'"') else name or None


def folder_status(data: Data) -> tuple[bytes, FolderStatus]:
    """Read one STATUS answer; its last bracket holds the figures, what stands before is the name."""
    found = data.values()
    name = found[0] if found and isinstance(found[0], bytes) else b""
    items = pairs(found[-1]) if found else {}
    mailbox_id = items.get("MAILBOXID") or items.get("X-GUID")
    if isinstance(mailbox_id, list):
        mailbox_id = mailbox_id[0] if mailbox_id else None
    return name, FolderStatus(
        uidvalidity=number(items.get("UIDVALIDITY")),
        uidnext=number(items.get("UIDNEXT")) or None,
        messages=number(items.get("MESSAGES")),
        unseen=number(items.get("UNSEEN")),
        highestmodseq=number(items.get("HIGHESTMODSEQ")),
        mailbox_id=mailbox_id.decode("latin-1") if isinstance(mailbox_id, bytes) else None,
    )


def _merged(folder: ListedFolder, status: FolderStatus | None) -> ListedFolder:
    if status is None:
        return folder
    return replace(
        folder,
        mailbox_id=status.mailbox_id,
        uidvalidity=status.uidvalidity,
        uidnext=status.uidnext,
        messages=status.messages,
        unseen=status.unseen,
        highestmodseq=status.highestmodseq,
    )


def _same(name: bytes) -> bytes:
    return b"INBOX" if name.upper() == b"INBOX" else name
