"""Lists of companies and people with a search as you type, and suggestions for the composer."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from mailroom.core.fold import fold
from mailroom.data.contacts.models import Address, Claim, Company, Person
from mailroom.data.mail.models import Participant
from mailroom.data.mail.visibility import Reach
from mailroom.web import access
from mailroom.web.session.entrance import signed_in

PER_PAGE = 50
SUGGESTED = 8


@signed_in
def companies(request: HttpRequest) -> HttpResponse:
    """All companies by name; ``?q=`` looks in names, domains, addresses."""
    access.viewer(request)
    asked = request.GET.get("q", "").strip()
    found = search_companies(asked).annotate(people_count=Count("people", distinct=True))
    return _show(request, found.prefetch_related("domains"), asked, "companies")


@signed_in
def people(request: HttpRequest) -> HttpResponse:
    """All people by name; ``?q=`` looks in names, addresses, companies."""
    access.viewer(request)
    asked = request.GET.get("q", "").strip()
    return _show(request, search_people(asked).select_related("company"), asked, "people")


def search_companies(asked: str) -> QuerySet[Company]:
    """Companies whose name, domain or an address holds what was asked, by name."""
    found = Company.objects.order_by("name_key", "pk")
    if not asked:
        return found
    claims = Claim.objects.filter(company__isnull=False, address__key__contains=asked.lower())
    domains = Q(domains__domain__contains=asked.lower())
    match = Q(name_key__contains=fold(asked)) | domains | Q(pk__in=claims.values("company"))
    return Company.objects.filter(pk__in=found.filter(match).values("pk")).order_by("name_key", "pk")


def search_people(asked: str) -> QuerySet[Person]:
    """People whose name, company or an address holds what was asked, by name."""
    found = Person.objects.order_by("name_key", "pk")
    if not asked:
        return found
    claims = Claim.objects.filter(person__isnull=False, address__key__contains=asked.lower())
    names = Q(name_key__contains=fold(asked)) | Q(company__name_key__contains=fold(asked))
    return found.filter(names | Q(pk__in=claims.values("person")))


def _show(request: HttpRequest, found: QuerySet[Any], asked: str, kind: str) -> HttpResponse:
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    emails = _emails(page, kind)
    for card in page:
        card.email = emails.get(card.pk, "")
    context = {"module": "contacts", "kind": kind, "asked": asked, "page": page}
    part = "#rows" if request.htmx and not request.htmx.boosted else ""  # type: ignore[attr-defined]
    return render(request, f"contacts/list.html{part}", context)


def _emails(page: Page[Any], kind: str) -> dict[int, str]:
    """The first address written on each card of the page."""
    field = "company_id" if kind == "companies" else "person_id"
    claims = Claim.objects.filter(reason=Claim.Reason.LISTED, **{f"{field}__in": [card.pk for card in page]})
    rows = claims.order_by("-pk").values_list(field, "address__email")
    return {pk: email for pk, email in rows if pk is not None}


@signed_in
def suggest(request: HttpRequest) -> JsonResponse:
    """People and addresses for the composer as JSON: ``[{"name", "address"}]``, those on cards first."""
    asked = request.GET.get("q", "").strip()
    reach = access.reach(request)
    if len(asked) < 2:
        return JsonResponse({"items": []})
    return JsonResponse({"items": _suggestions(reach, asked)})


def _suggestions(reach: Reach, asked: str) -> list[dict[str, str]]:
    by_name = Q(person__name_key__contains=fold(asked)) | Q(company__name_key__contains=fold(asked))
    by_key = Q(address__key__contains=asked.lower())
    listed = Q(reason=Claim.Reason.LISTED)
    claims = Claim.objects.filter(listed & (by_name | by_key)).select_related("address", "person", "company")
    found: dict[str, dict[str, str]] = {}
    for claim in claims.order_by("-person", "pk")[: SUGGESTED * 4]:
        name = claim.person.name if claim.person else claim.address.name or (claim.company or "")
        found.setdefault(claim.address.key, {"name": str(name), "address": claim.address.email})
    if len(found) < SUGGESTED:
        match = Q(key__startswith=asked.lower()) | Q(name__istartswith=asked)
        for row in met_by(reach, Address.objects.filter(match)).order_by("pk")[:SUGGESTED]:
            found.setdefault(row.key, {"name": row.name, "address": row.email})
    return list(found.values())[:SUGGESTED]


def met_by(reach: Reach, addresses: QuerySet[Address]) -> QuerySet[Address]:
    """Those that occur in mail the viewer may read: whom colleagues write to is not everybody's business."""
    open_letters = Participant.objects.filter(
        address=OuterRef("pk"),
        account_id__in=reach.on_cards,
        message__confidential=False,
        message__private_to=None,
        message__spam=False,
    )
    return addresses.filter(Exists(open_letters))
