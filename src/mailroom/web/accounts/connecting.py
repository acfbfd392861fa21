"""Connecting a mailbox: servers found by themselves, a test of the unsaved form, then one step (C11, C13)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from mailroom.actions import accounts
from mailroom.actions.refusals import Fault, Invalid, Refused
from mailroom.data.people.models import Role, User
from mailroom.web import access, faults
from mailroom.web.session.entrance import signed_in
from mailroom.wire.discover import Discovery

from . import probing
from .cures import told
from .form import ConnectForm


@sensitive_post_parameters("password")
@signed_in
def add(request: HttpRequest) -> HttpResponse:
    """The form; "Connect" tests both servers and saves, or shows what is wrong and offers to save anyway."""
    user = access.viewer(request)
    if not accounts.may_create(user):
        why = faults.sentence(Fault("", "first_mailbox_by_administrator"))
        return render(request, "accounts/refused.html", {"module": "mail", "why": why}, status=403)
    if request.method != "POST":
        return _page(request, ConnectForm(initial={"users": [user.pk]}, users=offered(user)))
    form = ConnectForm(_with_servers(request.POST), users=offered(user))
    try:
        accounts.examine(by=user, values=form.values())
        verdicts = None if "anyway" in request.POST else probing.probe(accounts.way_in(values=form.values()))
        if verdicts is not None and not verdicts.ok:
            return _page(request, form, verdicts=verdicts, status=422)
        account = accounts.connect(by=user, values=form.values())
    except Refused as refused:
        form.is_valid()
        faults.show_in(form, refused)
        return _page(request, form, status=422)
    messages.success(request, gettext("Connected. The mail arrives, newest first."))
    return HttpResponseRedirect(reverse("accounts:detail", args=[account.pk]))


def offered(user: User) -> list[User]:
    """Whom the user may give access: everyone for those above, oneself for an employee (S5-46)."""
    if user.role == Role.EMPLOYEE:
        return [user]
    return list(User.objects.filter(is_active=True).order_by("name_key", "pk"))


def _with_servers(posted: QueryDict) -> QueryDict:
    """What was posted; servers nobody wrote are filled in, as the page does it while one writes."""
    found = probing.find_servers(posted.get("address", ""))
    if found is None or posted.get("incoming_host") or posted.get("outgoing_host"):
        return posted
    filled = posted.copy()
    for name, value in _server_values(found).items():
        filled[name] = value
    return filled


def _server_values(found: Discovery) -> dict[str, str]:
    ends = {"incoming": found.incoming, "outgoing": found.outgoing}
    return {
        f"{way}_{part}": str(getattr(end, part))
        for way, end in ends.items()
        for part in ("host", "port", "encryption")
    }


@signed_in
@require_safe
def discover(request: HttpRequest) -> HttpResponse:
    """The servers of ``?address=`` as that part of the form (S5-12); 204 when nothing changes."""
    user = access.viewer(request)
    found = probing.find_servers(request.GET.get("address", ""))
    domain = request.GET.get("address", "").rpartition("@")[2].strip().lower()
    if found is None or domain == request.GET.get("found_for"):
        return HttpResponse(status=204)
    form = ConnectForm(initial={**_server_values(found), "found_for": domain}, users=offered(user))
    return render(request, "accounts/add.html#servers", {"form": form, **_about(found)})


def _about(found: Discovery | None) -> dict[str, Any]:
    if found is None:
        return {}
    helps = told("wrong_password", cure=found.help).cure if found.help else ""
    return {"found": found, "known": found.source == "table", "helps": helps}


@sensitive_post_parameters("password")
@signed_in
@require_POST
def test(request: HttpRequest) -> HttpResponse:
    """Try the servers of the form as it stands; nothing is saved (S1-08)."""
    user = access.viewer(request)
    form = ConnectForm(_with_servers(request.POST), users=offered(user))
    try:
        way = accounts.way_in(values=form.values())
    except Invalid as refused:
        context = {"refused": [(fault.field, faults.sentence(fault)) for fault in refused.faults]}
        return render(request, "accounts/verdicts.html", context)
    return render(request, "accounts/verdicts.html", {"verdicts": probing.probe(way)})


def _page(request: HttpRequest, form: ConnectForm, *, status: int = 200, **context: Any) -> HttpResponse:
    found = probing.find_servers(str(form["address"].value() or ""))
    context |= {"module": "mail", "form": form, **_about(found)}
    context["opened"] = status != 200
    return render(request, "accounts/add.html", context, status=status)
