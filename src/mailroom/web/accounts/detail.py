"""One account: title bar with state and buttons, and the tabs Settings and Access."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from mailroom.actions import accounts
from mailroom.actions.refusals import Refused
from mailroom.data.mail.models import Account
from mailroom.data.people.models import User
from mailroom.web import access, faults
from mailroom.web.session.entrance import signed_in

from . import probing
from .form import SettingsForm
from .state import shown


def frame(request: HttpRequest, account: Account, tab: str) -> dict[str, Any]:
    """What the title bar and the tabs of an account need on every tab."""
    user, reach = access.viewer(request), access.reach(request)
    configures = accounts.may_configure(user, account)
    return {
        "module": "mail",
        "account": account,
        "shown": shown(account),
        "tab": tab,
        "configures": configures,
        "assigns": accounts.may_assign(user, account),
        "reads": account.pk in reach.account_ids,
        "sends": account.pk in reach.listed_ids and account.active,
        "fetches": account.active and (configures or account.pk in reach.listed_ids),
    }


@sensitive_post_parameters("password")
@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The settings (S5-18 to S5-24); saving with "Fetch" is not needed: a change is acted on by itself."""
    account = access.account(request, pk)
    context = frame(request, account, "settings")
    if request.htmx and request.GET.get("part") == "title":  # type: ignore[attr-defined]
        return render(request, "accounts/detail.html#title", context)
    if not context["configures"]:
        if request.method == "POST":
            return _refuse(request)
        return render(request, "accounts/detail.html", context)
    form = SettingsForm(request.POST or None, account=account)
    if request.method == "POST":
        try:
            accounts.update(by=access.viewer(request), account=account, values=form.values())
        except Refused as refused:
            form.is_valid()
            faults.show_in(form, refused)
            return render(request, "accounts/detail.html", context | {"form": form}, status=422)
        messages.success(request, gettext("Saved."))
        return HttpResponseRedirect(reverse("accounts:detail", args=[pk]))
    return render(request, "accounts/detail.html", context | {"form": form})


@sensitive_post_parameters("password")
@signed_in
@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Try the saved servers, or those in the form if it was sent along."""
    account = configured(request, pk)
    values = SettingsForm(request.POST, account=account).values() if "address" in request.POST else {}
    try:
        way = accounts.way_in(values=values, account=account)
    except Refused as refused:
        context: dict[str, Any] = {"refused": [(one.field, faults.sentence(one)) for one in refused.faults]}
    else:
        context = {"verdicts": probing.probe(way)}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "accounts/verdicts.html", context)
    context |= frame(request, account, "settings") | {"form": SettingsForm(account=account)}
    return render(request, "accounts/detail.html", context)


@signed_in
@require_POST
def fetch(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at the server now (S5-31)."""
    account = access.account(request, pk)
    try:
        accounts.request_fetch(by=access.viewer(request), account=account)
    except Refused as refused:
        _say(request, refused)
    else:
        messages.success(request, gettext("Fetching. New mail appears by itself."))
    return HttpResponseRedirect(reverse("accounts:detail", args=[pk]))


@signed_in
@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch the account off; its mail stays."""
    account = configured(request, pk)
    accounts.archive(by=access.viewer(request), account=account)
    messages.success(request, gettext("Switched off. Its mail stays readable."))
    return HttpResponseRedirect(reverse("accounts:detail", args=[pk]))


@signed_in
@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch it on again."""
    account = configured(request, pk)
    accounts.update(by=access.viewer(request), account=account, values={"active": True})
    messages.success(request, gettext("Switched on."))
    return HttpResponseRedirect(reverse("accounts:detail", args=[pk]))


@signed_in
def access_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Who has access: full, reading and sending (S5-09, S5-21)."""
    account = access.account(request, pk)
    context = frame(request, account, "access")
    if request.method == "POST":
        try:
            values = {"users": request.POST.getlist("users")}
            accounts.update(by=access.viewer(request), account=account, values=values)
        except Refused as refused:
            _say(request, refused)
        else:
            messages.success(request, gettext("Saved."))
        return HttpResponseRedirect(reverse("accounts:access", args=[pk]))
    context["listed"] = set(account.users.values_list("pk", flat=True))
    context["people"] = User.objects.filter(is_active=True).order_by("name_key", "pk")
    if not context["assigns"]:
        context["people"] = context["people"].filter(pk__in=context["listed"])
    return render(request, "accounts/access.html", context)


def configured(request: HttpRequest, pk: int) -> Account:
    """An account whose settings the viewer may change; others do not exist here."""
    account = access.account(request, pk)
    if not accounts.may_configure(access.viewer(request), account):
        raise Http404
    return account


def _refuse(request: HttpRequest) -> HttpResponse:
    why = gettext("You may not change this account.")
    return render(request, "accounts/refused.html", {"module": "mail", "why": why}, status=403)


def _say(request: HttpRequest, refused: Refused) -> None:
    for words in faults.sentences(refused):
        messages.error(request, words)
