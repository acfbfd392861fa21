"""Whose letter is this: addresses and a contact book in, matches with their reasons out.

Every match can say why, and none is made from a domain at which anybody gets a mailbox. Own and
colleagues' addresses are nobody's client.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from mailroom.core.address import Address, host_key
from mailroom.core.freemail import FREE_MAIL


class CardKind(StrEnum):
    """The cards that letters of clients lie on."""

    COMPANY = "company"
    PERSON = "person"


class Reason(StrEnum):
    """Why an address belongs to a card, the surest first."""

    LISTED = "listed"
    """It is written on the card."""
    EMPLOYEE = "employee"
    """It is written on the card of a person of the company."""
    DOMAIN = "domain"
    """It is of a domain of the company."""


STRENGTH = {Reason.LISTED: 3, Reason.EMPLOYEE: 2, Reason.DOMAIN: 1}


@dataclass(frozen=True, slots=True, order=True)
class Card:
    """A card by kind and id."""

    kind: CardKind
    card_id: int


@dataclass(frozen=True, slots=True)
class Match:
    """This address ties the letter to this card, for this reason."""

    card: Card
    reason: Reason
    key: str
    """The address in its matching form."""

    @property
    def strength(self) -> int:
        return STRENGTH[self.reason]


@dataclass(frozen=True, slots=True)
class ContactBook:
    """What is known of clients. Keys are matching forms of addresses, domains as ``host_key`` gives them."""

    listed: Mapping[str, Collection[Card]] = field(default_factory=dict)
    domains: Mapping[str, Collection[int]] = field(default_factory=dict)
    """Ids of the companies of a domain."""
    employers: Mapping[int, int] = field(default_factory=dict)
    """Person id to company id."""
    own: Collection[str] = frozenset()
    """Addresses of the firm's accounts and users."""
    own_domains: Collection[str] = frozenset()
    """Domains of the firm; whoever writes from there is a colleague. Free mail says nothing here either."""
    never_addresses: Collection[tuple[Card, str]] = frozenset()
    """Ties that a person undid for good."""
    never_domains: Collection[tuple[Card, str]] = frozenset()


def match(addresses: Iterable[Address], book: ContactBook) -> tuple[Match, ...]:
    """The cards that a letter with these addresses concerns, each once, by its surest reason.

    The order is that of the addresses. Adding something to the book never takes a match away, unless it
    says who is a colleague or what is never to be tied.
    """
    best: dict[Card, Match] = {}
    for address in addresses:
        for found in _matches_of(address.key, book):
            held = best.get(found.card)
            if held is None or found.strength > held.strength:
                best[found.card] = found
    return tuple(best.values())


def is_free_mail(host: str) -> bool:
    """True for a domain of a mail provider for the public, and for the hosts below it."""
    return any(domain in FREE_MAIL for domain in _upwards(host_key(host)))


def company_domain(address: Address, *, own_domains: Collection[str] = frozenset()) -> str | None:
    """The domain by which all mail of a company can be known; None when it would say nothing.

    It is the one that was registered: ``mail.sales.firma.com.pl`` gives ``firma.com.pl``. None for
    providers of free mail, for the firm's own domains, and for what nobody can register.
    """
    domain = registered_domain(address.host)
    if domain is None or is_free_mail(address.host) or domain in own_domains:
        return None
    return domain


def registered_domain(host: str) -> str | None:
    """The part of a host name that somebody registered, by the Public Suffix List; None if there is none."""
    key = host_key(host)
    if not key or key.startswith("[") or key.replace(".", "").isdigit():
        return None
    found = _suffixes().privatesuffix(key)
    return str(found) if found else None


def _matches_of(key: str, book: ContactBook) -> Iterator[Match]:
    host = key.rpartition("@")[2]
    # Ours, or a colleague's: whoever wrote, the client is somebody else.
    if not key or key in book.own or _is_own(host, book):
        return
    for found in (*_by_list(key, book), *_by_domain(key, host, book)):
        if (found.card, key) not in book.never_addresses:
            yield found


def _is_own(host: str, book: ContactBook) -> bool:
    return any(domain in book.own_domains for domain in _upwards(host)) and not is_free_mail(host)


def _by_list(key: str, book: ContactBook) -> Iterator[Match]:
    for card in sorted(book.listed.get(key, ())):
        yield Match(card, Reason.LISTED, key)
        if card.kind is CardKind.PERSON and card.card_id in book.employers:
            yield Match(Card(CardKind.COMPANY, book.employers[card.card_id]), Reason.EMPLOYEE, key)


def _by_domain(key: str, host: str, book: ContactBook) -> Iterator[Match]:
    # A company cannot own a provider's domain, whatever its card says.
    if is_free_mail(host):
        return
    for domain in _upwards(host):
        for company_id in sorted(book.domains.get(domain, ())):
            card = Card(CardKind.COMPANY, company_id)
            if (card, domain) not in book.never_domains:
                yield Match(card, Reason.DOMAIN, key)


def _upwards(host: str) -> Iterator[str]:
    """The host and every domain above it: ``a.b.pl``, ``b.pl``, ``pl``."""
    while host:
        yield host
        host = host.partition(".")[2]


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    # Reading the bundled list takes 50 ms, so it is not done at import.
    return PublicSuffixList()
