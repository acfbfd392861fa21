"""``/accounts``: connecting mailboxes, testing, and whether everything is here."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema, Status

from mailroom.actions import accounts, folders
from mailroom.actions.account_values import WayIn
from mailroom.actions.ledger import ledger_of
from mailroom.actions.refusals import invalid, not_allowed
from mailroom.data.mail.models import Account, Parked, ServerFolder
from mailroom.web import access
from mailroom.web.accounts import probing
from mailroom.web.accounts.cures import Told
from mailroom.web.accounts.state import trouble
from mailroom.wire.dial import Endpoint
from mailroom.wire.discover import discover

from .paging import Page, Paging, by_name
from .problems import REFUSALS
from .security import caller
from .written import Written

router = Router(tags=["accounts"])


class Server(Schema):
    host: str
    port: int
    encryption: str


class Error(Schema):
    kind: str
    message: str
    cure: str
    words: str
    """What the server itself said."""
    at: datetime | None


class Progress(Schema):
    stored: int
    total: int


class Ledger(Schema):
    on_server: int
    stored: int
    waiting: int
    filtered: int
    before_start: int
    parked: int
    purged: int


class StatusOut(Schema):
    state: str
    last_in_step_at: datetime | None
    next_at: datetime | None
    error: Error | None
    progress: Progress
    ledger: Ledger


class AccountOut(Schema):
    id: int
    address: str
    name: str
    login: str
    protocol: str
    incoming: Server
    outgoing: Server
    active: bool
    users: list[int]
    owner: int | None
    poll_minutes: int
    start_date: date | None
    flag_days: int
    delete_policy: str
    auto_contacts: bool
    auto_tasks: bool
    notify: bool
    card_visibility: str
    header_html: str
    signature_html: str
    sent_folder: str | None
    drafts_folder: str | None
    store: str
    system: bool
    status: StatusOut


class ServerIn(Written):
    host: str | None = None
    port: int | None = None
    encryption: str | None = None


class FolderChoice(Written):
    name: str
    subscribed: bool | None = None
    folder_id: int | None = None
    role: str | None = None


class AccountIn(Written):
    """Fields as in GET, plus ``password``; what is left out gets its default, or stays as it is."""

    address: str | None = None
    name: str | None = None
    login: str | None = None
    password: str | None = None
    protocol: str | None = None
    incoming: ServerIn | None = None
    outgoing: ServerIn | None = None
    active: bool | None = None
    users: list[int] | None = None
    owner: int | None = None
    poll_minutes: int | None = None
    start_date: date | None = None
    flag_days: int | None = None
    delete_policy: str | None = None
    auto_contacts: bool | None = None
    auto_tasks: bool | None = None
    notify: bool | None = None
    card_visibility: str | None = None
    header_html: str | None = None
    signature_html: str | None = None
    sent_folder: str | int | None = None
    drafts_folder: str | int | None = None
    store: str | None = None
    system: bool | None = None
    folders: list[FolderChoice] | None = None


class AddressIn(Written):
    address: str


class Discovered(Schema):
    provider: str | None
    auth: list[str]
    incoming: Server
    outgoing: Server
    source: str
    help: str | None


class IncomingVerdict(Schema):
    ok: bool
    error: Error | None
    capabilities: list[str]
    folders: list[str]


class OutgoingVerdict(Schema):
    ok: bool
    error: Error | None


class Verdicts(Schema):
    incoming: IncomingVerdict
    outgoing: OutgoingVerdict


class ServerFolderOut(Schema):
    id: int
    name: str
    role: str | None
    subscribed: bool
    folder_id: int | None
    messages: int


class ServerFolderPatch(Written):
    subscribed: bool | None = None
    folder_id: int | None = None


class ServerFolders(Schema):
    items: list[ServerFolderOut]
    next: None = None


class ParkedOut(Schema):
    id: int
    folder: str
    uid: int
    reason: str
    words: str
    size: int | None
    attempts: int
    parked_at: datetime
    next_at: datetime | None


class ParkedList(Schema):
    items: list[ParkedOut]
    next: None = None


@router.get("/accounts", response={200: Page[AccountOut], **REFUSALS})
def list_accounts(request: HttpRequest, paging: Query[Paging]) -> dict[str, object]:
    """The mailboxes the caller reads, configures or assigns, by name."""
    return by_name(_mine(request), paging, _shown)


@router.post("/accounts", response={201: AccountOut, **REFUSALS})
def connect(request: HttpRequest, data: AccountIn) -> Status[dict[str, Any]]:
    """Connect a mailbox; the engine starts at once. Servers are found by the address when left out."""
    values = data.model_dump(exclude_unset=True)
    _fill_servers(values)
    return Status(201, _shown(accounts.connect(by=caller(request), values=values)))


@router.post("/accounts/discover", response={200: Discovered, **REFUSALS})
def discovered(request: HttpRequest, data: AddressIn) -> dict[str, Any]:
    """The servers of an address, from the bundled table or guessed; nothing is connected."""
    try:
        found = discover(data.address)
    except ValueError:
        raise invalid("address", "bad_address", value=data.address[:100]) from None
    return {
        "provider": found.provider,
        "auth": [found.auth],
        "incoming": _server(found.incoming),
        "outgoing": _server(found.outgoing),
        "source": found.source,
        "help": found.help,
    }


@router.post("/accounts/test", response={200: Verdicts, **REFUSALS})
def test_unsaved(request: HttpRequest, data: AccountIn) -> dict[str, Any]:
    """Try both servers with the values sent; nothing is saved, 15 seconds at most."""
    if not accounts.may_create(caller(request)):
        raise not_allowed("first_mailbox_by_administrator")
    values = data.model_dump(exclude_unset=True)
    _fill_servers(values)
    return _verdicts(accounts.way_in(values=values))


@router.get("/accounts/{account_id}", response={200: AccountOut, **REFUSALS})
def account(request: HttpRequest, account_id: int) -> dict[str, Any]:
    """One mailbox; its password is never returned."""
    return _shown(access.account(request, account_id))


@router.patch("/accounts/{account_id}", response={200: AccountOut, **REFUSALS})
def change(request: HttpRequest, account_id: int, data: AccountIn) -> dict[str, Any]:
    """Change what is given; a changed way in is tried at once."""
    found = access.account(request, account_id)
    return _shown(
        accounts.update(by=caller(request), account=found, values=data.model_dump(exclude_unset=True))
    )


@router.delete("/accounts/{account_id}", response={204: None, **REFUSALS})
def archive(request: HttpRequest, account_id: int) -> Status[None]:
    """Switch it off: nothing is fetched or sent, all mail stays readable."""
    accounts.archive(by=caller(request), account=access.account(request, account_id))
    return Status(204, None)


@router.post("/accounts/{account_id}/test", response={200: Verdicts, **REFUSALS})
def test_saved(request: HttpRequest, account_id: int) -> dict[str, Any]:
    """Try the servers of a saved mailbox with its own password."""
    found = access.account(request, account_id)
    if not accounts.may_configure(caller(request), found):
        raise not_allowed("may_not_configure")
    return _verdicts(accounts.way_in(values={}, account=found))


@router.post("/accounts/{account_id}/fetch", response={202: None, **REFUSALS})
def fetch(request: HttpRequest, account_id: int) -> Status[None]:
    """Look at the server now."""
    accounts.request_fetch(by=caller(request), account=access.account(request, account_id))
    return Status(202, None)


@router.get("/accounts/{account_id}/server-folders", response={200: ServerFolders, **REFUSALS})
def server_folders(request: HttpRequest, account_id: int) -> dict[str, Any]:
    """The folders on the server, subscribed or not."""
    rows = ServerFolder.objects.filter(account=access.account(request, account_id), missing_since=None)
    return {"items": [_server_folder(row) for row in folders.in_order(rows)]}


@router.patch(
    "/accounts/{account_id}/server-folders/{folder_id}", response={200: ServerFolderOut, **REFUSALS}
)
def change_server_folder(
    request: HttpRequest, account_id: int, folder_id: int, data: ServerFolderPatch
) -> dict[str, Any]:
    """Subscribe it or not; map it to a folder (null = a folder of its own name). No server command."""
    found = ServerFolder.objects.filter(account=access.account(request, account_id), pk=folder_id).first()
    if found is None:
        raise Http404
    given = data.model_dump(exclude_unset=True)
    if given.get("subscribed") is not None:
        found = folders.subscribe(by=caller(request), server_folder=found, subscribed=given["subscribed"])
    if "folder_id" in given:
        found = folders.map_to(by=caller(request), server_folder=found, folder_id=given["folder_id"])
    return _server_folder(found)


@router.get("/accounts/{account_id}/parked", response={200: ParkedList, **REFUSALS})
def parked(request: HttpRequest, account_id: int) -> dict[str, Any]:
    """Letters that could not be processed, and why."""
    rows = Parked.objects.filter(account=access.account(request, account_id)).select_related("server_folder")
    return {
        "items": [{"folder": row.server_folder.name, **_parked(row)} for row in rows.order_by("-pk")[:1000]]
    }


def _mine(request: HttpRequest) -> Any:
    return accounts.listed_for(caller(request), access.reach(request).account_ids)


def _fill_servers(values: dict[str, Any]) -> None:
    """Servers left out are those of the address, as on the page."""
    if values.get("incoming") and values.get("outgoing"):
        return
    try:
        found = discover(str(values.get("address") or ""))
    except ValueError:
        return
    values.setdefault("incoming", _server(found.incoming))
    values.setdefault("outgoing", _server(found.outgoing))


def _server(endpoint: Endpoint) -> dict[str, Any]:
    return {"host": endpoint.host, "port": endpoint.port, "encryption": str(endpoint.encryption)}


def _shown(found: Account) -> dict[str, Any]:
    incoming, outgoing = accounts.incoming_of(found), accounts.outgoing_of(found)
    roles = dict(
        ServerFolder.objects.filter(
            account=found, role__in=("sent", "drafts"), missing_since=None
        ).values_list("role", "name")
    )
    plain = (
        "name", "login", "protocol", "active", "poll_minutes", "start_date", "flag_days", "delete_policy",
        "auto_contacts", "auto_tasks", "notify", "card_visibility", "header_html", "signature_html", "store",
        "system",
    )  # fmt: skip
    return {
        "id": found.pk,
        "address": found.email,
        "incoming": {"host": incoming.host, "port": incoming.port, "encryption": incoming.encryption},
        "outgoing": {"host": outgoing.host, "port": outgoing.port, "encryption": outgoing.encryption},
        "users": sorted(found.accesses.values_list("user_id", flat=True)),
        "owner": found.owner_id,
        "sent_folder": roles.get("sent"),
        "drafts_folder": roles.get("drafts"),
        "status": _status(found),
        **{name: getattr(found, name) for name in plain},
    }


def _status(found: Account) -> dict[str, Any]:
    told = trouble(found)
    return {
        "state": found.state,
        "last_in_step_at": found.last_in_step_at,
        "next_at": found.next_at,
        "error": _error(told, found.error_at) if told else None,
        "progress": {"stored": found.progress_stored, "total": found.progress_total},
        "ledger": ledger_of(found).as_dict(),
    }


def _verdicts(way: WayIn) -> dict[str, Any]:
    found = probing.probe(way)
    return {
        "incoming": {
            **_verdict(found.incoming),
            "capabilities": list(found.incoming.capabilities),
            "folders": list(found.incoming.folders),
        },
        "outgoing": _verdict(found.outgoing),
    }


def _verdict(side: probing.Side) -> dict[str, Any]:
    return {"ok": side.ok, "error": _error(side.trouble) if side.trouble else None}


def _error(told: Told, at: datetime | None = None) -> dict[str, Any]:
    return {"kind": told.kind, "message": told.cause, "cure": told.cure, "words": told.words, "at": at}


def _server_folder(row: ServerFolder) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "role": row.role or None,
        "subscribed": row.subscribed,
        "folder_id": row.folder_id,
        "messages": row.on_server,
    }


def _parked(row: Parked) -> dict[str, Any]:
    plain = ("uid", "reason", "words", "size", "attempts", "parked_at", "next_at")
    return {"id": row.pk, **{name: getattr(row, name) for name in plain}}
