"""Companies, people and their addresses. A card finds its mail through claims alone: whoever writes an
address on a card sees its past mail at once, and taking it off withdraws the links; mail stays.

Everything here keeps the claims of a company equal to what they follow from: the addresses written on
its card, those of its people, and every known address of its domains.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q

from mailroom.core.address import host_key, parse_addresses
from mailroom.core.matching import is_free_mail
from mailroom.data.contacts.models import Address, Claim, Company, CompanyDomain, Person
from mailroom.data.mail.models import Account

from .refusals import Fault, Invalid, invalid

# ------------------------------------------------------------------ cards


@transaction.atomic
def create_company(
    *, name: str, addresses: Iterable[str] = (), domains: Iterable[str] = (), **fields: Any
) -> Company:
    """A new company. ``fields``: labels, owner, notes, phone, vat_number, city. Raises Invalid."""
    company = Company()
    _fill(company, {"name": name, **fields})
    company.save()
    set_domains(company=company, domains=domains)
    set_addresses(card=company, addresses=addresses)
    return company


@transaction.atomic
def update_company(
    *,
    company: Company,
    addresses: Iterable[str] | None = None,
    domains: Iterable[str] | None = None,
    **fields: Any,
) -> Company:
    """Change what is given; None leaves addresses or domains as they are. Raises Invalid."""
    _fill(company, fields)
    company.save()
    if domains is not None:
        set_domains(company=company, domains=domains)
    if addresses is not None:
        set_addresses(card=company, addresses=addresses)
    return company


@transaction.atomic
def delete_company(*, company: Company) -> None:
    """Withdraw its links and the card; its people and all mail stay."""
    company.delete()


@transaction.atomic
def create_person(
    *, name: str, addresses: Iterable[str] = (), company: Company | None = None, **fields: Any
) -> Person:
    """A new person. ``fields``: labels, owner, notes, phone, position. Raises Invalid."""
    person = Person(company=company)
    _fill(person, {"name": name, **fields})
    person.save()
    set_addresses(card=person, addresses=addresses)
    return person


_SAME: Any = object()


@transaction.atomic
def update_person(
    *,
    person: Person,
    addresses: Iterable[str] | None = None,
    company: Company | None = _SAME,
    **fields: Any,
) -> Person:
    """Change what is given; ``company=None`` takes the person out of their company. Raises Invalid."""
    before = person.company
    _fill(person, fields)
    if company is not _SAME:
        person.company = company
    person.save()
    if addresses is not None:
        set_addresses(card=person, addresses=addresses)
    for one in {card.pk: card for card in (before, person.company) if card}.values():
        settle(one)
    return person


@transaction.atomic
def delete_person(*, person: Person) -> None:
    """Withdraw their links, and those their company has through them; all mail stays."""
    company = person.company
    person.delete()
    if company:
        settle(company)


def _fill(card: Company | Person, fields: dict[str, Any]) -> None:
    allowed = _COMPANY_FIELDS if isinstance(card, Company) else _PERSON_FIELDS
    faults = [Fault(name, "unknown_field") for name in fields.keys() - allowed.keys() - {"labels", "owner"}]
    for name, length in allowed.items():
        if name in fields:
            text = str(fields[name] or "")
            faults += _text_faults(name, text, length)
            setattr(card, name, text.strip())
    if "name" in fields and not card.name:
        faults.append(Fault("name", "required"))
    if faults:
        raise Invalid(faults)
    if "labels" in fields:
        card.labels = _labels(fields["labels"])
    if "owner" in fields:
        card.owner = fields["owner"]


_COMPANY_FIELDS = {"name": 200, "phone": 64, "notes": 20_000, "vat_number": 32, "city": 100}
_PERSON_FIELDS = {"name": 200, "phone": 64, "notes": 20_000, "position": 100}
_LABEL_LENGTH = 64


def _text_faults(name: str, text: str, length: int) -> list[Fault]:
    if "\0" in text or (name != "notes" and not one_line(text)):
        return [Fault(name, "line_break")]
    return [Fault(name, "too_long", {"limit": length})] if len(text) > length else []


def _labels(labels: Iterable[object]) -> list[str]:
    """In the order given, each once, without control characters."""
    cleaned = (" ".join(str(label).replace("\0", "").split())[:_LABEL_LENGTH] for label in labels)
    return list(dict.fromkeys(label for label in cleaned if label))


# ------------------------------------------------------------------ addresses of a card


@transaction.atomic
def add_address(*, card: Company | Person, address: str) -> Address:
    """Write one more address on a card; all its past mail lies there from now on. Raises Invalid."""
    row = address_row(address)
    Claim.objects.get_or_create(**_of(card), address=row, reason=Claim.Reason.LISTED)
    _settle_company_of(card)
    return row


@transaction.atomic
def remove_address(*, card: Company | Person, address: Address) -> None:
    """Take an address off a card: the links go, the mail stays."""
    Claim.objects.filter(**_of(card), address=address, reason=Claim.Reason.LISTED).delete()
    _settle_company_of(card)


@transaction.atomic
def set_addresses(*, card: Company | Person, addresses: Iterable[str]) -> None:
    """Make these the addresses written on the card, in this order of adding. Raises Invalid."""
    wanted = {row.pk: row for row in _address_rows(addresses)}
    listed = Claim.objects.filter(**_of(card), reason=Claim.Reason.LISTED)
    listed.exclude(address_id__in=list(wanted)).delete()
    known = set(listed.values_list("address_id", flat=True))
    Claim.objects.bulk_create(
        [
            Claim(**_of(card), address=row, reason=Claim.Reason.LISTED)
            for pk, row in wanted.items()
            if pk not in known
        ]
    )
    _settle_company_of(card)


def _address_rows(addresses: Iterable[str]) -> list[Address]:
    rows, faults = [], []
    for position, written in enumerate(addresses):
        try:
            rows.append(address_row(written))
        except Invalid as refused:
            faults += [Fault(f"addresses.{position}", one.key, one.about) for one in refused.faults]
    if faults:
        raise Invalid(faults)
    return rows


def _of(card: Company | Person) -> dict[str, Any]:
    return {"company": card} if isinstance(card, Company) else {"person": card}


def _settle_company_of(card: Company | Person) -> None:
    company = card if isinstance(card, Company) else card.company
    if company:
        settle(company)


def listed_addresses(card: Company | Person) -> list[Address]:
    """The addresses written on the card, in the order they were added."""
    claims = Claim.objects.filter(**_of(card), reason=Claim.Reason.LISTED)
    return [claim.address for claim in claims.select_related("address").order_by("pk")]


# ------------------------------------------------------------------ domains and claims


@transaction.atomic
def set_domains(*, company: Company, domains: Iterable[str]) -> None:
    """Make these the domains whose mail lies on the company's card; free-mail never. Raises Invalid."""
    wanted, faults = [], []
    for position, written in enumerate(domains):
        domain, key = _domain(written)
        if key:
            faults.append(Fault(f"domains.{position}", key, {"value": str(written)[:100]}))
        wanted.append(domain)
    if faults:
        raise Invalid(faults)
    company.domains.exclude(domain__in=wanted).delete()
    known = set(company.domains.values_list("domain", flat=True))
    CompanyDomain.objects.bulk_create(
        CompanyDomain(company=company, domain=one) for one in dict.fromkeys(wanted) if one not in known
    )
    settle(company)


def _domain(written: object) -> tuple[str, str]:
    """The matching form of a domain, and the key of what is wrong with it."""
    if not one_line(written):
        return "", "line_break"
    text = str(written).strip()
    host = host_key(text.removeprefix("@"))
    if len(host) > 255 or not _HOST.fullmatch(host) or "." not in host:
        return host, "bad_domain"
    return host, "free_mail" if is_free_mail(host) else ""


_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_IPV6 = re.compile(r"(?=.*:)[0-9a-f:.]{2,45}")
_LITERAL = re.compile(r"\[[0-9a-fA-F:.a-z]{2,60}\]")


def settle(company: Company) -> None:
    """Make the company's claims equal to what they follow from; idempotent."""
    wanted = {(pk, Claim.Reason.EMPLOYEE) for pk in _employee_addresses(company)}
    wanted |= {(pk, Claim.Reason.DOMAIN) for pk in _domain_addresses(company)}
    have = {
        (claim.address_id, claim.reason): claim.pk
        for claim in Claim.objects.filter(company=company).exclude(reason=Claim.Reason.LISTED)
    }
    Claim.objects.filter(pk__in=[pk for key, pk in have.items() if key not in wanted]).delete()
    Claim.objects.bulk_create(
        [
            Claim(company=company, address_id=address_id, reason=reason)
            for address_id, reason in sorted(wanted - have.keys())
        ],
        ignore_conflicts=True,
    )


def _employee_addresses(company: Company) -> Collection[int]:
    return Claim.objects.filter(person__company=company).values_list("address_id", flat=True)


def _domain_addresses(company: Company) -> Collection[int]:
    """Every known address of its domains and their sub-domains, never one of a mailbox of the firm."""
    domains = list(company.domains.values_list("domain", flat=True))
    if not domains:
        return ()
    own = Account.objects.values("address_id")
    covered = Q(host__in=domains)
    for domain in domains:
        covered |= Q(host__endswith=f".{domain}")
    return Address.objects.filter(covered).exclude(pk__in=own).values_list("pk", flat=True)


def claim_new(addresses: Iterable[Address]) -> None:
    """For the transaction that first sees these addresses: companies claim those of their domains."""
    if not CompanyDomain.objects.exists():
        return
    rows = list(addresses)
    wide = {parent for row in rows for parent in _with_parents(row.host)}
    owners = list(CompanyDomain.objects.filter(domain__in=wide).values_list("domain", "company_id"))
    Claim.objects.bulk_create(
        [
            Claim(company_id=company_id, address=row, reason=Claim.Reason.DOMAIN)
            for row in rows
            for domain, company_id in owners
            if domain in _with_parents(row.host)
        ],
        ignore_conflicts=True,
    )


def _with_parents(host: str) -> list[str]:
    """A company's domain covers its sub-domains."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


# ------------------------------------------------------------------ one row per address


def address_row(written: str, name: str = "") -> Address:
    """The row of an address, made where it is new, found by its matching form. Raises Invalid("address")."""
    email, key, host, said = read_address(written)
    row, new = Address.objects.get_or_create(
        key=key, defaults={"email": email, "host": host, "name": (name or said)[:200]}
    )
    if new:
        claim_new([row])
    return row


def read_address(written: str) -> tuple[str, str, str, str]:
    """Email as written, matching form, host key and name of the one address given. Raises Invalid."""
    if not one_line(written):
        raise invalid("address", "line_break")
    text = str(written).strip()
    if not text:
        raise invalid("address", "required")
    found = parse_addresses(text)
    # A reader of headers is lenient: "a b@x" gives b@x there, and is a slip of the pen here.
    slip = " " in text and not text.endswith(">")
    if len(found) != 1 or slip or not is_mailbox(found[0].mailbox, found[0].host):
        raise invalid("address", "bad_address", value=text[:100])
    one = found[0]
    return one.email, one.key, host_key(one.host), one.name


def is_mailbox(local: str, host: str) -> bool:
    """Whether local part and host could receive mail, as far as their writing goes (RFC 5321 4.5.3.1)."""
    right_host = is_host(host) or bool(_LITERAL.fullmatch(host))
    return 0 < len(local.encode()) <= 64 and right_host and local.isprintable() and not _EDGES.search(local)


def is_host(written: str) -> bool:
    """Whether this is the writing of a host name or of an IP address."""
    key = host_key(written)
    return len(key) <= 255 and bool(_HOST.fullmatch(key) or _IPV6.fullmatch(key))


_EDGES = re.compile(r"^\.|\.$|\.\.|[\s<>(),;:\\\"\[\]@]")


def one_line(written: object) -> bool:
    """No control character: none may reach a server or a header. Odd spaces at the ends are forgiven."""
    text = str(written)
    return not _BREAKS.search(text) and text.strip().isprintable()


_BREAKS = re.compile(r"[\r\n\0]")
