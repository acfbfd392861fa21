"""Adding, changing and deleting cards; a new address says how much past mail it brought."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from mailroom.actions import contacts
from mailroom.actions.refusals import Invalid
from mailroom.data.contacts.models import Address, Company, Person
from mailroom.data.mail.lists import addresses_of, card_count
from mailroom.data.people.models import User
from mailroom.web import access, faults
from mailroom.web.session.entrance import signed_in

from .cards import counted


class _Lines(forms.CharField):
    """One entry a line; commas and semicolons part as well."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 3}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        text = str(value or "").replace(",", "\n").replace(";", "\n")
        return [line.strip() for line in text.splitlines() if line.strip()]


class _CardForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200)
    addresses = _Lines(label=_("E-mail addresses"))
    phone = forms.CharField(label=_("Phone"), max_length=64, required=False)
    labels = forms.CharField(label=_("Labels"), max_length=1000, required=False)
    owner = forms.ModelChoiceField(
        User.objects.none(), label=_("Owner"), required=False, empty_label=_("nobody")
    )
    notes = forms.CharField(
        label=_("Notes"), max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        users = User.objects.filter(is_active=True).order_by("name_key")
        self.fields["owner"].queryset = users  # type: ignore[attr-defined]

    def clean_labels(self) -> list[str]:
        return [label.strip() for label in self.cleaned_data["labels"].split(",")]


class CompanyForm(_CardForm):
    """A company."""

    domains = _Lines(label=_("Domains"))
    vat_number = forms.CharField(label=_("VAT no."), max_length=32, required=False)
    city = forms.CharField(label=_("City"), max_length=100, required=False)


class PersonForm(_CardForm):
    """A person."""

    company = forms.ModelChoiceField(
        Company.objects.order_by("name_key"), label=_("Company"), required=False, empty_label=_("none")
    )
    position = forms.CharField(label=_("Position"), max_length=100, required=False)


@signed_in
def add_company(request: HttpRequest) -> HttpResponse:
    """A new company; ``?name=&domain=`` fill the form."""
    access.viewer(request)
    initial = {"name": request.GET.get("name", ""), "domains": [request.GET.get("domain", "")]}
    form = CompanyForm(request.POST or None, initial=initial)
    if request.method == "POST" and (card := _done(form, contacts.create_company)):
        _say_letters(request, card)
        return HttpResponseRedirect(reverse("contacts:company", args=[card.pk]))
    return _form(request, form, gettext("New company"), reverse("contacts:list"))


@signed_in
def add_person(request: HttpRequest) -> HttpResponse:
    """A new person; ``?name=&address=&company=`` fill the form."""
    access.viewer(request)
    initial = {
        "name": request.GET.get("name", ""),
        "addresses": [request.GET.get("address", "")],
        "company": request.GET.get("company", ""),
    }
    form = PersonForm(request.POST or None, initial=initial)
    if request.method == "POST" and (card := _done(form, contacts.create_person)):
        _say_letters(request, card)
        return HttpResponseRedirect(reverse("contacts:person", args=[card.pk]))
    return _form(request, form, gettext("New person"), reverse("contacts:people"))


@signed_in
def edit_company(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a company."""
    card = access.company(request, pk)
    initial = _initial(card) | {"domains": list(card.domains.order_by("pk").values_list("domain", flat=True))}
    initial |= {"vat_number": card.vat_number, "city": card.city}
    form = CompanyForm(request.POST or None, initial=initial)
    here = reverse("contacts:company", args=[card.pk])
    if request.method == "POST" and _done(form, contacts.update_company, company=card):
        messages.success(request, gettext("Saved."))
        return HttpResponseRedirect(here)
    return _form(request, form, card.name, here, delete=reverse("contacts:delete_company", args=[card.pk]))


@signed_in
def edit_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a person."""
    card = access.person(request, pk)
    initial = _initial(card) | {"company": card.company_id, "position": card.position}
    form = PersonForm(request.POST or None, initial=initial)
    here = reverse("contacts:person", args=[card.pk])
    known = set(addresses_of(card))
    if request.method == "POST" and _done(form, contacts.update_person, person=card):
        new = set(addresses_of(card)) - known
        if new:
            _say_letters(request, card, list(new))
        else:
            messages.success(request, gettext("Saved."))
        return HttpResponseRedirect(here)
    return _form(request, form, card.name, here, delete=reverse("contacts:delete_person", args=[card.pk]))


@signed_in
@require_POST
def delete_company(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete the card; the mail stays."""
    card = access.company(request, pk)
    contacts.delete_company(company=card)
    messages.success(request, gettext("%(name)s was deleted. Its mail stays.") % {"name": card.name})
    return HttpResponseRedirect(reverse("contacts:list"))


@signed_in
@require_POST
def delete_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete the card; the mail stays."""
    card = access.person(request, pk)
    contacts.delete_person(person=card)
    messages.success(request, gettext("%(name)s was deleted. Their mail stays.") % {"name": card.name})
    return HttpResponseRedirect(reverse("contacts:people"))


@signed_in
@require_POST
def add_address(request: HttpRequest, pk: int) -> HttpResponse:
    """One more address on a person's card: its past mail lies there at once (S2-15)."""
    card = access.person(request, pk)
    try:
        row = contacts.add_address(card=card, address=request.POST.get("address", ""))
    except Invalid as refused:
        for words in faults.sentences(refused):
            messages.error(request, words)
    else:
        _say_letters(request, card, [row.pk])
    return HttpResponseRedirect(reverse("contacts:person", args=[card.pk]))


@signed_in
@require_POST
def remove_address(request: HttpRequest, pk: int, address: int) -> HttpResponse:
    """Take an address off a person's card."""
    card = access.person(request, pk)
    row = Address.objects.filter(pk=address).first()
    if row is not None:
        contacts.remove_address(card=card, address=row)
        messages.success(request, gettext("%(address)s was taken off the card.") % {"address": row.email})
    return HttpResponseRedirect(reverse("contacts:person", args=[card.pk]))


def _done(form: forms.Form, action: Any, **subject: Any) -> Any:
    """The card when the action was done; else None, with the faults in the form."""
    if not form.is_valid():
        return None
    try:
        return action(**subject, **form.cleaned_data)
    except Invalid as refused:
        faults.show_in(form, refused)
        return None


def _initial(card: Company | Person) -> dict[str, Any]:
    return {
        "name": card.name,
        "addresses": [row.email for row in contacts.listed_addresses(card)],
        "phone": card.phone,
        "labels": ", ".join(card.labels),
        "owner": card.owner_id,
        "notes": card.notes,
    }


def _say_letters(request: HttpRequest, card: Company | Person, address_ids: list[int] | None = None) -> None:
    found = card_count(access.reach(request), address_ids or addresses_of(card))
    words = ngettext("Saved. %(count)s letter found.", "Saved. %(count)s letters found.", found)
    messages.success(request, words % {"count": counted(found)} if found else gettext("Saved."))


def _form(request: HttpRequest, form: forms.Form, title: str, back: str, delete: str = "") -> HttpResponse:
    context = {"module": "contacts", "form": form, "heading": title, "back": back, "delete": delete}
    return render(request, "contacts/form.html", context, status=422 if form.errors else 200)
