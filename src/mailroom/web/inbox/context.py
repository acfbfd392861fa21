"""The pane beside a thread: whose letter it is, what else was written with them, and who may read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest

from mailroom.data.contacts.models import Address, Claim, Company, Person
from mailroom.data.mail import lists
from mailroom.data.mail.models import Access, Account, Message
from mailroom.web import access

from .threads import Conversation

RECENT: Final = 4


@dataclass(frozen=True, slots=True)
class Side:
    """What stands beside the thread."""

    address: Address | None
    name: str
    person: Person | None
    company: Company | None
    reasons: tuple[tuple[str, str], ...]
    """Each card that letters of this address lie on, and why (:class:`Claim.Reason`)."""
    recent: tuple[Message, ...]
    readers: tuple[tuple[Account, tuple[str, ...]], ...]
    """Each mailbox of the thread with the names of the users on its list."""

    @property
    def card(self) -> Person | Company | None:
        """The nearest card."""
        return self.person or self.company


def side_of(request: HttpRequest, shown: Conversation) -> Side:
    """The pane for a thread; the correspondent is never one of our own mailboxes if another takes part."""
    leaf = shown.correspondent
    address, name = leaf.message.from_address, leaf.author
    if leaf.message.outgoing and leaf.to:
        address, name = leaf.to[0].address, leaf.to[0].name or leaf.to[0].address.email
    claims = _claims(address)
    person, company = _cards(claims)
    reasons = tuple((str(claim.person or claim.company), claim.reason) for claim in claims)
    # The card's page shows all of it; here the letters of this very address tell enough, and at once.
    owned = [address.pk] if address else []
    recent = lists.card_page(access.reach(request), owned, limit=RECENT + len(shown.leaves)) if owned else []
    here = {each.message.pk for each in shown.leaves}
    others = tuple(letter for letter in recent if letter.pk not in here)[:RECENT]
    readers = _readers(each.message for each in shown.leaves)
    return Side(address, name, person, company, reasons, others, readers)


def companies_of(address_ids: Iterable[int | None]) -> dict[int, str]:
    """The name of the company (or else the person) that owns each address; one query."""
    wanted = {pk for pk in address_ids if pk is not None}
    found: dict[int, str] = {}
    claims = Claim.objects.filter(address_id__in=wanted).values_list(
        "address_id", "company__name", "person__company__name", "person__name"
    )
    for address_id, company, employer, person in claims:
        if company or employer or address_id not in found:
            found[address_id] = company or employer or person
    return found


def _claims(address: Address | None) -> tuple[Claim, ...]:
    if address is None:
        return ()
    cards = ("person__owner", "person__company__owner", "company__owner")
    return tuple(Claim.objects.filter(address=address).select_related(*cards).order_by("pk"))


def _cards(claims: Iterable[Claim]) -> tuple[Person | None, Company | None]:
    person = company = None
    for claim in claims:
        person = person or claim.person
        company = company or claim.company
    return person, (person.company if person and person.company else company)


def _readers(messages: Iterable[Message]) -> tuple[tuple[Account, tuple[str, ...]], ...]:
    accounts = {message.account_id: message.account for message in messages}
    names: dict[int, list[str]] = {pk: [] for pk in accounts}
    listed = Access.objects.filter(account__in=accounts).order_by("user__name_key")
    for account_id, name in listed.values_list("account_id", "user__name"):
        names[account_id].append(name)
    return tuple((account, tuple(names[pk])) for pk, account in accounts.items())
