"""The one form of an account (C10): short at first, the servers behind the three dots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from mailroom.actions.accounts import new_year
from mailroom.data.mail.models import Account
from mailroom.data.people.models import User

ENCRYPTION = [("tls", "TLS"), ("starttls", "STARTTLS"), ("none", _("none"))]
SHARING = [
    ("members", _("those with access to the mailbox")),
    ("group", _("those with access and their groups")),
    ("everyone", _("everyone in the firm")),
]
DELETING = [
    ("keep", _("keep it on the server")),
    ("trash", _("move it to the server's Trash")),
    ("purge", _("delete it there once purged here")),
]


class ServerForm(forms.Form):
    """Address, name, password and the way in."""

    address = forms.CharField(
        label=_("E-mail address"),
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "placeholder": "sales@acme.example"}),
    )
    name = forms.CharField(label=_("Name of the mailbox"), max_length=200)
    password = forms.CharField(
        label=_("Password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    login = forms.CharField(
        label=_("Login"),
        max_length=320,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    incoming_host = forms.CharField(label=_("Incoming server (IMAP)"), max_length=255)
    incoming_port = forms.CharField(
        label=_("Port"), max_length=8, widget=forms.NumberInput(attrs={"min": 1, "max": 65535})
    )
    incoming_encryption = forms.ChoiceField(label=_("Encryption"), choices=ENCRYPTION)
    outgoing_host = forms.CharField(label=_("Outgoing server (SMTP)"), max_length=255)
    outgoing_port = forms.CharField(
        label=_("Port"), max_length=8, widget=forms.NumberInput(attrs={"min": 1, "max": 65535})
    )
    outgoing_encryption = forms.ChoiceField(label=_("Encryption"), choices=ENCRYPTION)

    def values(self) -> dict[str, Any]:
        """What was written, by the field names of the action; nothing is judged here."""
        said = {name: self.data.get(name, "") for name in self.fields if name in self.data}
        for way in ("incoming", "outgoing"):
            parts = {
                key: said.pop(f"{way}_{key}")
                for key in ("host", "port", "encryption")
                if f"{way}_{key}" in said
            }
            if parts:
                said[way] = parts
        return said


def people(form: forms.Form) -> list[str]:
    """The ids of the users ticked."""
    return (
        list(form.data.getlist("users"))
        if hasattr(form.data, "getlist")
        else list(form.data.get("users", []))
    )


class ConnectForm(ServerForm):
    """A new account."""

    users = forms.MultipleChoiceField(label=_("Access"), widget=forms.CheckboxSelectMultiple)
    start_date = forms.CharField(
        label=_("Fetch mail from"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    card_visibility = forms.ChoiceField(
        label=_("Letters on cards are read by"), choices=SHARING, widget=forms.RadioSelect
    )
    found_for = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, users: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["users"].choices = [(user.pk, user.name) for user in users]  # type: ignore[attr-defined]
        self.fields["start_date"].initial = new_year().isoformat()
        self.fields["card_visibility"].initial = "members"
        for way, port in (("incoming", 993), ("outgoing", 465)):
            self.fields[f"{way}_port"].initial = port

    def values(self) -> dict[str, Any]:
        said = super().values()
        said.pop("found_for", None)
        return said | {"users": people(self), "start_date": self.data.get("start_date") or None}


class SettingsForm(ServerForm):
    """A connected account; an empty password keeps the one there is."""

    start_date = forms.CharField(
        label=_("Messages since"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    flag_days = forms.CharField(
        label=_("Read and unread in step for (days)"),
        widget=forms.NumberInput(attrs={"min": 0}),
    )
    poll_minutes = forms.CharField(
        label=_("Look for news every (minutes)"), widget=forms.NumberInput(attrs={"min": 1, "max": 1440})
    )
    delete_policy = forms.ChoiceField(label=_("When mail is deleted here"), choices=DELETING)
    card_visibility = forms.ChoiceField(label=_("Letters on cards are read by"), choices=SHARING)
    notify = forms.BooleanField(label=_("Show the red label “New” for new mail"), required=False)
    signature_html = forms.CharField(
        label=_("Signature"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "data-rich": ""}),
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "initial": initial(account)})
        self.fields["password"].widget.attrs["placeholder"] = "••••••••"
        self.fields["signature_html"].widget.attrs["data-rich"] = static("django_prose_editor/editor.js")
        self.fields["password"].required = False

    def values(self) -> dict[str, Any]:
        said = super().values()
        if not said.get("password"):
            said.pop("password", None)
        return said | {"notify": "notify" in self.data, "start_date": self.data.get("start_date") or None}


def initial(account: Account) -> dict[str, Any]:
    """What the form shows of a connected account; never the password."""
    plain = (
        "name", "login", "incoming_host", "incoming_port", "incoming_encryption", "outgoing_host",
        "outgoing_port", "outgoing_encryption", "flag_days", "poll_minutes", "delete_policy",
        "card_visibility", "notify", "signature_html",
    )  # fmt: skip
    values = {name: getattr(account, name) for name in plain}
    start = account.start_date.isoformat() if account.start_date else ""
    return values | {"address": account.email, "start_date": start}
