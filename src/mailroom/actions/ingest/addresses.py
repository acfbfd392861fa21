"""One row per normalised address; a new one is claimed at once by the companies whose domain it is of."""

from __future__ import annotations

from collections.abc import Iterable

from mailroom.actions.contacts import claim_new
from mailroom.core.address import Address
from mailroom.data import bulk
from mailroom.data.contacts.models import Address as AddressRow

LONGEST_KEY = 320


def address_rows(addresses: Iterable[Address]) -> dict[str, int]:
    """The row of each address by its matching form, made where missing. Call inside a transaction."""
    by_key = {address.key: address for address in addresses if usable(address)}
    rows = _rows(by_key)
    missing = by_key.keys() - rows.keys()
    if missing:
        _make([by_key[key] for key in sorted(missing)])
        rows |= _rows(missing)
        claim_new(AddressRow.objects.filter(key__in=missing))
    return rows


def usable(address: Address) -> bool:
    """An address that can be matched: undisclosed recipients and wrecks have no row."""
    return 0 < len(address.key) <= LONGEST_KEY


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
