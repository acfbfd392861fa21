"""One row per normalised address; a new one is claimed at once by the companies whose domain it is of."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from mailroom.core.address import Address
from mailroom.data import bulk
from mailroom.data.contacts.models import Address as AddressRow
from mailroom.data.contacts.models import Claim, CompanyDomain

LONGEST_KEY = 320


def address_rows(addresses: Iterable[Address]) -> dict[str, int]:
    """The row of each address by its matching form, made where missing. Call inside a transaction."""
    by_key = {address.key: address for address in addresses if usable(address)}
    rows = _rows(by_key)
    missing = by_key.keys() - rows.keys()
    if missing:
        _make([by_key[key] for key in sorted(missing)])
        made = _rows(missing)
        _claim_by_domain(made, by_key)
        rows |= made
    return rows


def usable(address: Address) -> bool:
    """An address that can be matched: undisclosed recipients and wrecks have no row."""
    return bool(address.mailbox and address.host) and len(address.key) <= LONGEST_KEY


def _rows(keys: Iterable[str]) -> dict[str, int]:
    return dict(AddressRow.objects.filter(key__in=list(keys)).values_list("key", "pk"))


def _make(addresses: list[Address]) -> None:
    bulk.insert(
        AddressRow,
        ("key", "email", "host", "name"),
        (
            (one.key, one.email[:LONGEST_KEY], one.key.rpartition("@")[2][:255], one.name[:200])
            for one in addresses
        ),
        ignore=True,
    )


def _claim_by_domain(made: dict[str, int], by_key: dict[str, Address]) -> None:
    hosts = {key.rpartition("@")[2] for key in made}
    owners = list(
        CompanyDomain.objects.filter(domain__in=_with_parents(hosts)).values_list("domain", "company_id")
    )
    if not owners:
        return
    at = bulk.moment(timezone.now())
    bulk.insert(
        Claim,
        ("address_id", "company_id", "reason", "created_at"),
        (
            (pk, company_id, Claim.Reason.DOMAIN.value, at)
            for key, pk in made.items()
            for domain, company_id in owners
            if key.endswith(("@" + domain, "." + domain))
        ),
        ignore=True,
    )


def _with_parents(hosts: Iterable[str]) -> list[str]:
    """A company's domain covers its sub-domains."""
    found: set[str] = set()
    for host in hosts:
        labels = host.split(".")
        found.update(".".join(labels[start:]) for start in range(len(labels) - 1))
    return list(found)
