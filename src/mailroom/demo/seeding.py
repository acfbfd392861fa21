"""The cast made known to Mailroom as a person would do it: through the actions, never around their rules."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from mailroom.actions import accounts, contacts, people
from mailroom.data.contacts.models import Company as Card
from mailroom.data.mail.models import Account
from mailroom.data.mail.visibility import reach_of
from mailroom.data.people.models import Group, User
from mailroom.demo.cast import Cast, Colleague, Company, Mailbox
from mailroom.demo.server import HOST, Ports

TIMEZONE = "Europe/Warsaw"
LABELS = {"client": "klient", "supplier": "dostawca"}
ACTIONS = ["reply", "link", "move", "delete"]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a colleague reads, asked of the rights: names of mailboxes, and of those on cards only."""

    colleague: Colleague
    everything: bool
    mailboxes: tuple[str, ...]
    on_cards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a visitor needs to know; the token is the administrator's."""

    administrator: Colleague
    token: str
    sights: tuple[Sight, ...]


def seed(cast: Cast, ports: Ports, *, password: str) -> Seeded:
    """Make firm, users, groups, cards and mailboxes on an empty database; mail comes by a first sync."""
    first = next(colleague for colleague in cast.colleagues if colleague.role == "administrator")
    administrator = people.set_up_firm(
        firm=cast.firm_name,
        language="en",
        timezone_name=TIMEZONE,
        name=first.name,
        email=first.address,
        password=password,
    )
    users = {first.key: administrator} | _make_users(cast, first, sealed=administrator.password)
    _make_groups(cast, users)
    _make_cards(cast)
    # Somebody's first mailbox is the one they write from: the personal ones come before the shared.
    for mailbox in sorted(cast.mailboxes, key=lambda each: each.shared):
        _connect(mailbox, cast, users, ports, by=administrator, password=password)
    return Seeded(first, people.issue_token(administrator), sights(cast, users))


def _make_users(cast: Cast, first: Colleague, *, sealed: str) -> dict[str, User]:
    """Everybody has the same password, so it is hashed once: each hash is a third of a second of waiting."""
    users = {
        colleague.key: people.create_user(
            email=colleague.address, name=colleague.name, role=colleague.role, password=None
        )
        for colleague in cast.colleagues
        if colleague is not first
    }
    User.objects.filter(pk__in=[user.pk for user in users.values()]).update(password=sealed)
    return users


def _make_groups(cast: Cast, users: dict[str, User]) -> None:
    for group in cast.groups:
        made = Group.objects.create(name=group.name, read_scope=group.read_scope, actions=ACTIONS)
        made.members.set(users[each.key] for each in cast.colleagues if group.key in each.groups)


def _make_cards(cast: Cast) -> None:
    cards = {company.key: _make_company(company) for company in cast.companies}
    for person in cast.people:
        contacts.create_person(
            name=person.name,
            addresses=person.addresses,
            company=cards.get(person.company),
            position=person.title,
            phone=person.phone,
        )


def _make_company(company: Company) -> Card:
    return contacts.create_company(
        name=company.name,
        domains=company.domains,
        city=company.city,
        phone=company.phone,
        vat_number=company.tax_number,
        labels=[LABELS[company.kind]],
        notes=f"{company.street}, {company.city} ({company.country})",
    )


def _connect(
    mailbox: Mailbox, cast: Cast, users: dict[str, User], ports: Ports, *, by: User, password: str
) -> Account:
    return accounts.connect(
        by=by,
        values={
            "address": mailbox.address,
            "name": mailbox.name,
            "password": password,
            "incoming": {"host": HOST, "port": ports.imap, "encryption": "none"},
            "outgoing": {"host": HOST, "port": ports.smtp, "encryption": "none"},
            "users": [users[key].pk for key in mailbox.users],
            "owner": users[mailbox.owner].pk,
            "card_visibility": mailbox.card_visibility,
            # The mail reaches back ten months, and in January that is last year's.
            "start_date": None,
            "signature_html": _signature(cast.colleague(mailbox.owner), mailbox, cast),
        },
    )


def _signature(owner: Colleague, mailbox: Mailbox, cast: Cast) -> str:
    """A person's name and title, or a shared mailbox's own name."""
    lines = (
        (cast.firm_name, mailbox.address)
        if mailbox.shared
        else (owner.name, owner.title, cast.firm_name, f"tel. {owner.phone}")
    )
    return f"<p>{'<br>'.join(map(escape, lines))}</p>"


def sights(cast: Cast, users: dict[str, User]) -> tuple[Sight, ...]:
    """Who reads which mailbox, in the order of the cast."""
    names = dict(Account.objects.order_by("name_key").values_list("pk", "name"))
    found = []
    for colleague in cast.colleagues:
        reach = reach_of(users[colleague.key])
        read, cards = (
            tuple(name for pk, name in names.items() if pk in ids)
            for ids in (reach.account_ids, reach.card_account_ids)
        )
        found.append(Sight(colleague, reach.everything, read, cards))
    return tuple(found)
