"""What was chosen about the server's folders before the server was ever asked: kept until the first listing.

Whoever names folders names all that are to be kept in step; nothing said means the usual choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mailroom.core.sync.state import Role
from mailroom.data.mail.models import Account, Folder, ServerFolder

from .account_values import Values

_MOST = 2000


def read_wishes(read: Values) -> dict[str, Any]:
    """The wishes as kept: ``folders`` (name to {subscribed, role}), ``sent`` and ``drafts`` (names)."""
    wishes: dict[str, Any] = {}
    for field, role in (("sent_folder", "sent"), ("drafts_folder", "drafts")):
        if read.written.get(field):
            wishes[role] = read.line(field, limit=500)
    if read.written.get("folders") is not None:
        wishes["folders"] = _folders(read, read.written["folders"])
    return wishes


def fulfil(account: Account, made: Iterable[ServerFolder]) -> None:
    """Apply the wishes to folders just seen for the first time, and forget them: the next choice is fresh."""
    if not account.folder_wishes:
        return
    wishes, rows = account.folder_wishes, list(made)
    for row in rows:
        _choose(row, wishes.get("folders"))
    for role in ("sent", "drafts"):
        if wishes.get(role):
            _assign(rows, wishes[role], role)
    account.folder_wishes = {}
    account.save(update_fields=["folder_wishes"])


def _folders(read: Values, written: object) -> dict[str, dict[str, Any]]:
    if not isinstance(written, (list, tuple)) or len(written) > _MOST:
        read.fault("folders", "not_a_list")
        return {}
    found: dict[str, dict[str, Any]] = {}
    for position, one in enumerate(written):
        name = one.get("name") if isinstance(one, Mapping) else None
        role = one.get("role") if isinstance(one, Mapping) else None
        if not isinstance(name, str) or not name or "\0" in name:
            read.fault(f"folders.{position}.name", "required")
        elif role is not None and role not in Folder.Role.values:
            read.fault(f"folders.{position}.role", "unknown_choice", allowed=", ".join(Folder.Role.values))
        else:
            found[name] = {"subscribed": one.get("subscribed") is not False, "role": role}
    return found


def _choose(row: ServerFolder, folders: Mapping[str, Any] | None) -> None:
    if folders is None:
        return
    wish = folders.get(row.name)
    row.subscribed = bool(row.selectable and wish and wish["subscribed"])
    row.waiting = row.on_server if row.subscribed else 0
    row.save(update_fields=["subscribed", "waiting"])
    if wish and wish["role"]:
        _assign([row], row.name, wish["role"])


def _assign(rows: Iterable[ServerFolder], name: str, role: str) -> None:
    """The folder called ``name`` has this role, and no other folder of the account has it."""
    wanted = next((row for row in rows if row.name == name), None)
    if wanted is None:
        return
    ServerFolder.objects.filter(account=wanted.account_id, role=role).exclude(pk=wanted.pk).update(role="")
    for row in rows:
        if row.role == role and row is not wanted:
            row.role = ""
    wanted.role = Role(role).value
    wanted.save(update_fields=["role"])
