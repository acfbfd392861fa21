"""Mailboxes of the firm: connecting one is a single transaction, and the engine starts by itself.

Who may do what stands in the four functions at the top (design: rights); the page and REST ask them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from mailroom.core.fold import fold
from mailroom.data.contacts.models import Claim
from mailroom.data.mail.models import Access, Account, Folder, Message, News, ServerFolder
from mailroom.data.people.models import Firm, Role, User
from mailroom.data.vault.models import Secret

from .account_values import Server, Values, WayIn, read_settings
from .contacts import address_row
from .folder_wishes import read_wishes
from .refusals import clash, not_allowed

# ------------------------------------------------------------------ rights


def may_create(user: User) -> bool:
    """Administrators and directors; employees who have a mailbox or where the firm lets them (C17)."""
    if user.role in (Role.ADMINISTRATOR, Role.DIRECTOR):
        return True
    firm = Firm.objects.first()
    return Access.objects.filter(user=user).exists() or bool(firm and firm.employees_connect)


def may_configure(user: User, account: Account) -> bool:
    """Change its settings: administrators, guardian, users listed, groups with the action (S5-46, S5-48)."""
    return configurable(user).filter(pk=account.pk).exists()


def configurable(user: User) -> QuerySet[Account]:
    """The accounts whose settings the user may change."""
    if user.role == Role.ADMINISTRATOR:
        return Account.objects.all()
    allowed = [group for group in user.mail_groups.all() if "configure" in group.actions]
    mates = User.objects.filter(mail_groups__in=allowed)
    mine = Q(owner=user) | Q(accesses__user=user)
    if allowed:
        mine |= Q(accesses__user__in=mates)
    return Account.objects.filter(pk__in=Account.objects.filter(mine).values("pk"))


def may_assign(user: User, account: Account) -> bool:
    """Say who has access: administrators and directors, of any mailbox (S5-48, S5-51)."""
    return user.role in (Role.ADMINISTRATOR, Role.DIRECTOR)


def listed_for(user: User, account_ids: Iterable[int]) -> QuerySet[Account]:
    """The accounts shown to a user: those they read (``account_ids``), configure or assign."""
    if user.role in (Role.ADMINISTRATOR, Role.DIRECTOR):
        return Account.objects.all()
    return Account.objects.filter(Q(pk__in=list(account_ids)) | Q(pk__in=configurable(user).values("pk")))


# ------------------------------------------------------------------ verbs


@transaction.atomic
def connect(*, by: User, values: Mapping[str, Any]) -> Account:
    """Connect a mailbox. ``values`` by REST field names; the two servers must be given.

    What is left out: login = address, users = the one who connects, start date = 1 January of this year
    in the firm's zone. Raises Invalid with every fault, or NotAllowed.
    """
    account, users, password = _read_form(by, values)
    account.address = address_row(account.email)
    account.secret = Secret.keep(password)
    account.next_at = timezone.now() if account.active else None
    account.state = Account.State.NEW if account.active else Account.State.INACTIVE
    account.save()
    Claim.objects.filter(address=account.address, reason=Claim.Reason.DOMAIN).delete()
    Folder.objects.bulk_create(_system_folders(account))
    _give_access(account, users)
    _settle_system(account)
    return account


def examine(*, by: User, values: Mapping[str, Any]) -> None:
    """Say what :func:`connect` would say, and write nothing. Raises Invalid, NotAllowed."""
    _read_form(by, values)


def _read_form(by: User, values: Mapping[str, Any]) -> tuple[Account, list[User], str]:
    if not may_create(by):
        raise not_allowed("first_mailbox_by_administrator")
    read = Values(values)
    account = _new_account(read, by)
    users = _users(read, by)
    password = read.secret("password")
    _set_owner(account, read, by)
    read.check()
    return account, users, password


def _new_account(read: Values, by: User) -> Account:
    protocol = read.choice("protocol", list(Account.Protocol.values)) if read.has("protocol") else "imap"
    account = Account(email=read.address(), protocol=protocol)
    account.name = _name(read) if read.has("name") else account.email.partition("@")[0]
    account.name_key = fold(account.name)[:200]
    account.login = read.line("login", limit=320) or account.email
    _set_servers(account, read.server("incoming", protocol), read.server("outgoing", "smtp"))
    account.start_date = new_year()
    account.active = read.yes("active") if read.has("active") else True
    account.folder_wishes = read_wishes(read)
    _apply(account, read, by)
    return account


def new_year() -> date:
    """1 January of this year in the firm's zone (C7)."""
    firm = Firm.objects.first()
    today = timezone.now().astimezone(ZoneInfo(firm.timezone if firm else "UTC"))
    return date(today.year, 1, 1)


def _system_folders(account: Account) -> list[Folder]:
    return [
        Folder(account=account, role=role.value, name=role.value.title(), name_key=role.value)
        for role in Folder.Role
    ]


@transaction.atomic
def update(*, by: User, account: Account, values: Mapping[str, Any]) -> Account:
    """Change what is given; a changed way in is tried at once. Raises Invalid, NotAllowed."""
    account = Account.objects.select_for_update().get(pk=account.pk)
    read = Values(values)
    _check_rights(by, account, values)
    was_start, was_active = account.start_date, account.active
    way_changed = _change_way_in(account, read)
    if read.has("name"):
        account.name = _name(read)
        account.name_key = fold(account.name)[:200]
    if read.has("active"):
        account.active = read.yes("active")
    _apply(account, read, by)
    _set_owner(account, read, by)
    users = _users(read, by) if read.has("users") else None
    _set_server_folders(account, read)
    read.check()
    if read.has("address"):
        account.address = address_row(account.email)
    if read.has("password"):
        account.secret.replace(read.secret("password"))
    _start_or_stop(account, was_active, again=way_changed or account.start_date != was_start)
    account.save()
    if users is not None:
        _give_access(account, users)
    _settle_system(account)
    return account


def archive(*, by: User, account: Account) -> None:
    """Switch the account off: nothing is fetched or sent any more, all mail stays readable (S3-14)."""
    if not may_configure(by, account):
        raise not_allowed("may_not_configure")
    Account.objects.filter(pk=account.pk).update(active=False, state=Account.State.INACTIVE, next_at=None)
    News.objects.create(account=account, kind=News.Kind.STATE, at=timezone.now())


def request_fetch(*, by: User, account: Account) -> None:
    """Look at the server now, whatever the plan was (S5-31). Raises NotAllowed, Clash."""
    if not (may_configure(by, account) or Access.objects.filter(account=account, user=by).exists()):
        raise not_allowed("may_not_fetch")
    if not account.active:
        raise clash("inactive")
    Account.objects.filter(pk=account.pk).update(wanted_at=timezone.now())


# ------------------------------------------------------------------ the way in, for a test


def way_in(*, values: Mapping[str, Any], account: Account | None = None) -> WayIn:
    """How one would sign in by an unsaved form; left out = as in ``account``. Raises Invalid."""
    read = Values(values)
    known = (incoming_of(account), outgoing_of(account)) if account else (None, None)
    protocol = account.protocol if account else "imap"
    if read.written.get("protocol"):
        protocol = read.choice("protocol", list(Account.Protocol.values))
    address = read.address() if account is None or read.has("address") else account.email
    login = read.line("login", limit=320) or (account.login if account and not read.has("login") else address)
    stored = account.secret.reveal() if account and not read.written.get("password") else None
    found = WayIn(
        address=address,
        login=login,
        password=read.secret("password") if stored is None else stored,
        protocol=protocol,
        incoming=read.server("incoming", protocol, known[0]),
        outgoing=read.server("outgoing", "smtp", known[1]),
    )
    read.check()
    return found


# ------------------------------------------------------------------ parts of the form


def _check_rights(by: User, account: Account, values: Mapping[str, Any]) -> None:
    settings = values.keys() - {"users"}
    if settings and not may_configure(by, account):
        raise not_allowed("may_not_configure")
    if "users" in values and not may_assign(by, account):
        raise not_allowed("may_not_assign", "users")


def _name(read: Values) -> str:
    return read.line("name", limit=200, required=True)


def _change_way_in(account: Account, read: Values) -> bool:
    """Address, login, servers, protocol; returns whether the engine has to sign in anew."""
    if read.has("protocol"):
        _change_protocol(account, read)
    if read.has("address"):
        account.email = read.address()
    if read.has("login"):
        account.login = read.line("login", limit=320) or account.email
    if read.has("password"):
        read.secret("password")
    known = incoming_of(account), outgoing_of(account)
    _set_servers(
        account,
        read.server("incoming", account.protocol, known[0]),
        read.server("outgoing", "smtp", known[1]),
    )
    if incoming_of(account).host != known[0].host:
        account.capabilities = []
    return bool(read.written.keys() & {"login", "password", "incoming", "outgoing", "protocol"})


def _change_protocol(account: Account, read: Values) -> None:
    """Free until the first message or the first listing, locked for good afterwards (S3-12)."""
    protocol = read.choice("protocol", list(Account.Protocol.values))
    if protocol == account.protocol:
        return
    synced = Message.objects.filter(account=account).exists() or ServerFolder.objects.filter(
        account=account, uidvalidity__isnull=False
    )
    if synced:
        read.fault("protocol", "protocol_locked")
    account.protocol = protocol


def _set_servers(account: Account, incoming: Server, outgoing: Server) -> None:
    account.incoming_host, account.incoming_port = incoming.host, incoming.port
    account.incoming_encryption = incoming.encryption
    account.outgoing_host, account.outgoing_port = outgoing.host, outgoing.port
    account.outgoing_encryption = outgoing.encryption


def incoming_of(account: Account) -> Server:
    return Server(account.incoming_host, account.incoming_port, account.incoming_encryption)


def outgoing_of(account: Account) -> Server:
    return Server(account.outgoing_host, account.outgoing_port, account.outgoing_encryption)


def _apply(account: Account, read: Values, by: User) -> None:
    for name, value in read_settings(read).items():
        setattr(account, name, value)
    if account.delete_policy == Account.DeletePolicy.AFTER_DOWNLOAD and account.protocol == "imap":
        read.fault("delete_policy", "after_download_is_pop3")
    if read.has("system"):
        account.system = read.yes("system")
        if account.system and by.role != Role.ADMINISTRATOR:
            raise not_allowed("administrators_only", "system")


def _set_owner(account: Account, read: Values, by: User) -> None:
    """The guardian; whoever connects the mailbox unless somebody else is named."""
    if not read.has("owner"):
        account.owner = account.owner if account.pk else by
        return
    wanted = read.written["owner"]
    owner = _active_users([wanted]).get(_id(wanted)) if wanted is not None else None
    if wanted is not None and owner is None:
        read.fault("owner", "unknown_user")
    elif owner != account.owner and owner != by and by.role == Role.EMPLOYEE:
        raise not_allowed("for_yourself_only", "owner")
    account.owner = owner


def _users(read: Values, by: User) -> list[User]:
    """Who will have access; an employee's mailbox is their own (S5-46)."""
    if not read.has("users"):
        return [by]
    wanted = read.written["users"]
    if not isinstance(wanted, (list, tuple, set)) or not wanted:
        read.fault("users", "required")
        return []
    known = _active_users(wanted)
    users = [known[_id(one)] for one in wanted if _id(one) in known]
    if len(users) < len(wanted):
        read.fault("users", "unknown_user")
    if by.role == Role.EMPLOYEE and any(user != by for user in users):
        raise not_allowed("for_yourself_only", "users")
    return users


def _active_users(wanted: Iterable[object]) -> dict[int, User]:
    return User.objects.filter(is_active=True).in_bulk([_id(one) for one in wanted])


def _id(wanted: object) -> int:
    """0, which nobody has, for what is no id."""
    text = str(wanted)
    return (
        int(text)
        if not isinstance(wanted, bool) and text.isascii() and text.isdigit() and len(text) < 16
        else 0
    )


def _give_access(account: Account, users: list[User]) -> None:
    """List exactly these users; somebody's first mailbox is the one they write from."""
    Access.objects.filter(account=account).exclude(user__in=users).delete()
    listed = set(Access.objects.filter(account=account).values_list("user_id", flat=True))
    writing = set(Access.objects.filter(user__in=users, is_default=True).values_list("user_id", flat=True))
    Access.objects.bulk_create(
        Access(account=account, user=user, is_default=user.pk not in writing)
        for user in {user.pk: user for user in users}.values()
        if user.pk not in listed
    )


def _set_server_folders(account: Account, read: Values) -> None:
    """Which folders on the server take sent mail and drafts (S5-23)."""
    if read.written.get("folders"):
        read.fault("folders", "change_server_folders_instead")
    for field, role in (("sent_folder", "sent"), ("drafts_folder", "drafts")):
        if read.written.get(field) in (None, ""):
            continue
        wanted = str(read.written[field])
        match = Q(name=wanted) | (Q(pk=int(wanted)) if _id(wanted) else Q())
        folder = ServerFolder.objects.filter(match, account=account, selectable=True).first()
        if folder is None:
            read.fault(field, "no_such_folder", value=wanted[:100])
        elif not read.faults:
            ServerFolder.objects.filter(account=account, role=role).exclude(pk=folder.pk).update(role="")
            ServerFolder.objects.filter(pk=folder.pk).update(role=role)


def _start_or_stop(account: Account, was_active: bool, *, again: bool) -> None:
    """The state that follows from a change: off, or due now with a clean slate."""
    if not account.active:
        account.state, account.next_at = Account.State.INACTIVE, None
    elif again or not was_active:
        account.state = Account.State.LIVE if account.last_in_step_at else Account.State.NEW
        account.error_kind = account.error_words = account.error_cure = ""
        account.fail_count = 0
        account.next_at = account.wanted_at = timezone.now()
    else:
        return
    News.objects.create(account=account, kind=News.Kind.STATE, at=timezone.now())


def _settle_system(account: Account) -> None:
    """One account sends Mailroom's own mail."""
    if account.system:
        Account.objects.filter(system=True).exclude(pk=account.pk).update(system=False)
