"""``/people`` and ``/companies``: the cards, and the whole correspondence on each."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status

from mailroom.actions import contacts
from mailroom.actions.refusals import invalid
from mailroom.data.contacts.models import Company, Person
from mailroom.data.mail import lists
from mailroom.data.people.models import User
from mailroom.web import access

from .letters import AddressOut, MessageOut, shown
from .paging import Page, Paging, by_name
from .problems import REFUSALS
from .written import Written

router = Router(tags=["cards"])
Addresses = list[str | dict[str, str]]
"""As texts or as {name, address}."""


class CompanyIn(Written):
    name: str
    addresses: Addresses = []
    domains: list[str] = []
    labels: list[str] = []
    owner: int | None = None
    phone: str = ""
    notes: str = ""
    vat_number: str = ""
    city: str = ""


class CompanyPatch(Written):
    name: str | None = None
    addresses: Addresses | None = None
    domains: list[str] | None = None
    labels: list[str] | None = None
    owner: int | None = None
    phone: str | None = None
    notes: str | None = None
    vat_number: str | None = None
    city: str | None = None


class CompanyOut(Schema):
    id: int
    name: str
    addresses: list[AddressOut]
    domains: list[str]
    labels: list[str]
    owner: int | None
    phone: str
    notes: str
    vat_number: str
    city: str


class PersonIn(Written):
    name: str
    addresses: Addresses = []
    company_id: int | None = None
    labels: list[str] = []
    owner: int | None = None
    phone: str = ""
    notes: str = ""
    position: str = ""


class PersonPatch(Written):
    name: str | None = None
    addresses: Addresses | None = None
    company_id: int | None = None
    labels: list[str] | None = None
    owner: int | None = None
    phone: str | None = None
    notes: str | None = None
    position: str | None = None


class PersonOut(Schema):
    id: int
    name: str
    addresses: list[AddressOut]
    company_id: int | None
    labels: list[str]
    owner: int | None
    phone: str
    notes: str
    position: str


class NewAddress(Written):
    address: str | dict[str, str]


@router.get("/companies", response={200: Page[CompanyOut], **REFUSALS})
def companies(request: HttpRequest, paging: Query[Paging]) -> dict[str, object]:
    """Companies by name."""
    return by_name(Company.objects.all(), paging, _company_out)


@router.post("/companies", response={201: CompanyOut, **REFUSALS})
def create_company(request: HttpRequest, data: CompanyIn) -> Status[dict[str, Any]]:
    """A new company; its past mail is on the card at once."""
    return Status(201, _company_out(contacts.create_company(**_given(request, data.model_dump()))))


@router.get("/companies/{company_id}", response={200: CompanyOut, **REFUSALS})
def company(request: HttpRequest, company_id: int) -> dict[str, Any]:
    """One company."""
    return _company_out(access.company(request, company_id))


@router.patch("/companies/{company_id}", response={200: CompanyOut, **REFUSALS})
def change_company(request: HttpRequest, company_id: int, data: CompanyPatch) -> dict[str, Any]:
    """Change what is given."""
    found = access.company(request, company_id)
    return _company_out(
        contacts.update_company(company=found, **_given(request, data.model_dump(exclude_unset=True)))
    )


@router.delete("/companies/{company_id}", response={204: None, **REFUSALS})
def delete_company(request: HttpRequest, company_id: int) -> Status[None]:
    """Withdraw the card and its links; mail stays."""
    contacts.delete_company(company=access.company(request, company_id))
    return Status(204, None)


@router.get("/companies/{company_id}/messages", response={200: Page[MessageOut], **REFUSALS}, by_alias=True)
def company_messages(request: HttpRequest, company_id: int, paging: Query[Paging]) -> dict[str, object]:
    """The history of a company that the caller may read, newest first, copies once."""
    return _history(request, access.company(request, company_id), paging)


@router.get("/people", response={200: Page[PersonOut], **REFUSALS})
def people(request: HttpRequest, paging: Query[Paging]) -> dict[str, object]:
    """People by name."""
    return by_name(Person.objects.all(), paging, _person_out)


@router.post("/people", response={201: PersonOut, **REFUSALS})
def create_person(request: HttpRequest, data: PersonIn) -> Status[dict[str, Any]]:
    """A new person; their past mail is on the card at once."""
    return Status(201, _person_out(contacts.create_person(**_given(request, data.model_dump()))))


@router.get("/people/{person_id}", response={200: PersonOut, **REFUSALS})
def person(request: HttpRequest, person_id: int) -> dict[str, Any]:
    """One person."""
    return _person_out(access.person(request, person_id))


@router.patch("/people/{person_id}", response={200: PersonOut, **REFUSALS})
def change_person(request: HttpRequest, person_id: int, data: PersonPatch) -> dict[str, Any]:
    """Change what is given."""
    found = access.person(request, person_id)
    return _person_out(
        contacts.update_person(person=found, **_given(request, data.model_dump(exclude_unset=True)))
    )


@router.delete("/people/{person_id}", response={204: None, **REFUSALS})
def delete_person(request: HttpRequest, person_id: int) -> Status[None]:
    """Withdraw the card and its links; mail stays."""
    contacts.delete_person(person=access.person(request, person_id))
    return Status(204, None)


@router.post("/people/{person_id}/addresses", response={201: PersonOut, **REFUSALS})
def add_address(request: HttpRequest, person_id: int, data: NewAddress) -> Status[dict[str, Any]]:
    """One more address: the letters it ever took part in lie on the card at once (S2-15)."""
    found = access.person(request, person_id)
    contacts.add_address(card=found, address=_written(data.address))
    return Status(201, _person_out(found))


@router.get("/people/{person_id}/messages", response={200: Page[MessageOut], **REFUSALS}, by_alias=True)
def person_messages(request: HttpRequest, person_id: int, paging: Query[Paging]) -> dict[str, object]:
    """The history of a person that the caller may read, newest first, copies once."""
    return _history(request, access.person(request, person_id), paging)


def _history(request: HttpRequest, card: Company | Person, paging: Paging) -> dict[str, object]:
    found = lists.card_page(
        access.reach(request), lists.addresses_of(card), before=paging.before(), limit=paging.limit + 1
    )
    page = found[: paging.limit]
    return {"items": shown(page), "next": str(page[-1].pk) if len(found) > paging.limit else None}


def _given(request: HttpRequest, data: dict[str, Any]) -> dict[str, Any]:
    """The fields as the actions take them: rows instead of ids, texts instead of address objects."""
    for name, value in data.items():
        if value is None and name not in ("company_id", "owner"):
            raise invalid(name, "required")
    if "addresses" in data:
        data["addresses"] = [_written(one) for one in data["addresses"]]
    if "owner" in data:
        data["owner"] = _owner(data["owner"])
    if "company_id" in data:
        company_id = data.pop("company_id")
        data["company"] = None if company_id is None else _company(company_id)
    return data


def _company(company_id: int) -> Company:
    found = Company.objects.filter(pk=company_id).first()
    if found is None:
        raise invalid("company_id", "unknown_company")
    return found


def _owner(wanted: int | None) -> User | None:
    if wanted is None:
        return None
    found = User.objects.filter(pk=wanted, is_active=True).first()
    if found is None:
        raise invalid("owner", "unknown_user")
    return found


def _written(one: str | dict[str, str]) -> str:
    return one if isinstance(one, str) else str(one.get("address", ""))


def _listed(card: Company | Person) -> list[dict[str, str]]:
    return [{"name": row.name, "address": row.email} for row in contacts.listed_addresses(card)]


def _company_out(found: Company) -> dict[str, Any]:
    plain = ("name", "labels", "phone", "notes", "vat_number", "city")
    return {
        "id": found.pk,
        "owner": found.owner_id,
        "addresses": _listed(found),
        "domains": sorted(found.domains.values_list("domain", flat=True)),
        **{name: getattr(found, name) for name in plain},
    }


def _person_out(found: Person) -> dict[str, Any]:
    plain = ("name", "labels", "phone", "notes", "position", "company_id")
    return {
        "id": found.pk,
        "owner": found.owner_id,
        "addresses": _listed(found),
        **{name: getattr(found, name) for name in plain},
    }
