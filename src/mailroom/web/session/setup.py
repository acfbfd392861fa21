"""First start: the firm, its language and time zone, and the first administrator; once, and with the code."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import login, password_validation
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from mailroom.actions import people
from mailroom.actions.refusals import Refused
from mailroom.data.people.models import User

from .entrance import is_first_start
from .preferences import remember

TRIES_PER_MINUTE = 10
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class SetUpForm(forms.Form):
    """What a firm must say to begin."""

    code = forms.CharField(
        label=_("Code"), max_length=64, widget=forms.TextInput(attrs={"autocomplete": "one-time-code"})
    )
    firm = forms.CharField(
        label=_("Name of the firm"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    timezone = forms.ChoiceField(label=_("Time zone"))
    name = forms.CharField(
        label=_("Your name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "minlength": people.MIN_PASSWORD}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = sorted(zoneinfo.available_timezones())
        self.fields["timezone"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    def clean_code(self) -> str:
        """The code printed when the server started."""
        code: str = self.cleaned_data["code"]
        if not people.setup_code_matches(code):
            raise ValidationError(_("This is not the code printed by the server."), code="wrong")
        return code

    def clean_password(self) -> str:
        """Eight characters at least, and none of the most common ones."""
        password: str = self.cleaned_data["password"]
        password_validation.validate_password(password)
        return password


@sensitive_post_parameters("password", "code")
@never_cache
def setup(request: HttpRequest) -> HttpResponse:
    """The set-up page; gone as soon as there is a user."""
    if not is_first_start():
        return HttpResponseRedirect(reverse("inbox:all"))
    form = SetUpForm(request.POST or None, initial=_guesses(request))
    if request.method == "POST":
        if not _may_try(request):
            form.add_error(None, ValidationError(_("Too many tries. Wait a minute.")))
        elif form.is_valid() and (user := _begin(form)) is not None:
            login(request, user, backend=BACKEND)
            response = HttpResponseRedirect(_first_step())
            remember(response, settings.LANGUAGE_COOKIE_NAME, form.cleaned_data["language"])
            return response
    return render(request, "session/setup.html", {"form": form}, status=422 if form.errors else 200)


def _begin(form: SetUpForm) -> User | None:
    said = form.cleaned_data
    try:
        return people.set_up_firm(
            firm=said["firm"],
            language=said["language"],
            timezone_name=said["timezone"],
            name=said["name"],
            email=said["email"],
            password=said["password"],
        )
    except Refused as refusal:
        for fault in refusal.faults:
            field = fault.field if fault.field in form.fields else None
            form.add_error(field, ValidationError(_("This was refused. Look at it again."), code=fault.key))
        return None


def _may_try(request: HttpRequest) -> bool:
    """A code of 64 bits is not guessed, and nobody gets to try often."""
    key = f"setup-tries:{request.META.get('REMOTE_ADDR', '')}"
    cache.add(key, 0, timeout=60)
    return bool(cache.incr(key) <= TRIES_PER_MINUTE)


def _guesses(request: HttpRequest) -> dict[str, str]:
    language = translation.get_language() or "en"
    zones = {"pl": "Europe/Warsaw", "it": "Europe/Rome"}
    return {"language": language, "timezone": zones.get(language, "UTC"), "code": request.GET.get("code", "")}


def _first_step() -> str:
    try:
        return reverse("accounts:add")
    except NoReverseMatch:
        return reverse("inbox:all")
