"""The card of a company or a person: details, people, and the correspondence of all co-workers."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext

from mailroom.actions.contacts import listed_addresses
from mailroom.data.contacts.models import Address, Claim, Company, Person
from mailroom.data.mail.lists import COUNTED, addresses_of, card_count
from mailroom.data.mail.visibility import Reach
from mailroom.web import access
from mailroom.web.session.entrance import signed_in

from . import history
from .listing import met_by

SHOWN = 12
"""People and addresses beside the correspondence; beyond, a line says how many more there are."""


@signed_in
def company(request: HttpRequest, pk: int) -> HttpResponse:
    """A company's card (S2-03, S4-45)."""
    card = access.company(request, pk)
    context = {
        "company": card,
        "addresses": listed_addresses(card),
        **_people_of(access.reach(request), card),
    }
    return _show(request, card, "contacts/company.html", context)


@signed_in
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """A person's card."""
    card = access.person(request, pk)
    context = {"person": card, "addresses": listed_addresses(card)}
    return _show(request, card, "contacts/person.html", context)


def _show(
    request: HttpRequest, card: Company | Person, template: str, context: dict[str, Any]
) -> HttpResponse:
    reach = access.reach(request)
    wanted = history.asked(request)
    context |= history.page(reach, addresses_of(card), wanted)
    context |= {"module": "contacts", "card": card, "mailboxes": history.mailboxes(reach)}
    context["write_to"] = next(iter(context["addresses"]), None)
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        part = "more" if wanted.before else "history"
        return render(request, f"contacts/history.html#{part}", context)
    return render(request, template, context)


@signed_in
def company_figures(request: HttpRequest, pk: int) -> HttpResponse:
    """The counts of a company's card, asked for once the card stands: they may take longer than it."""
    card = access.company(request, pk)
    reach = access.reach(request)
    people = _people_of(reach, card)
    for one in people["people"]:
        one.letters = letters(card_count(reach, addresses_of(one)))
    for row in people["strangers"]:
        row.letters = letters(card_count(reach, [row.pk]))
    context = {
        "company": card,
        "card": card,
        **people,
        "total": counted(card_count(reach, addresses_of(card))),
    }
    return render(request, "contacts/company.html#figures", context)


@signed_in
def person_figures(request: HttpRequest, pk: int) -> HttpResponse:
    """The counts of a person's card, by address."""
    card = access.person(request, pk)
    reach = access.reach(request)
    rows: list[Any] = list(listed_addresses(card))
    for row in rows[:SHOWN]:
        row.letters = letters(card_count(reach, [row.pk]))
    context = {"person": card, "card": card, "addresses": rows}
    context["total"] = counted(card_count(reach, addresses_of(card)))
    return render(request, "contacts/person.html#figures", context)


def letters(number: int) -> str:
    """How many, in words."""
    words = ngettext("%(count)s message", "%(count)s messages", number)
    return words % {"count": counted(number)} if number else ""


def counted(number: int) -> str:
    """Exact up to a thousand, "1000+" beyond."""
    return f"{COUNTED}+" if number >= COUNTED else str(number)


def _people_of(reach: Reach, card: Company) -> dict[str, Any]:
    """People of the company, and addresses of its domains that belong to nobody yet."""
    people: list[Any] = list(card.people.order_by("name_key", "pk")[: SHOWN + 1])
    emails = dict(
        Claim.objects.filter(person__in=people).order_by("-pk").values_list("person_id", "address__email")
    )
    for one in people:
        one.email = emails.get(one.pk, "")
    strangers: list[Any] = list(_strangers(reach, card)[: SHOWN + 1])
    return {
        "people": people[:SHOWN],
        "strangers": strangers[:SHOWN],
        "people_total": card.people.count() if len(people) > SHOWN else len(people),
        "strangers_more": len(strangers) > SHOWN,
    }


def _strangers(reach: Reach, card: Company) -> QuerySet[Address]:
    taken = Claim.objects.filter(person__isnull=False).values("address")
    mine = Claim.objects.filter(company=card, reason=Claim.Reason.DOMAIN)
    found = Address.objects.filter(pk__in=mine.values("address")).exclude(pk__in=taken)
    return met_by(reach, found).order_by("-pk")
