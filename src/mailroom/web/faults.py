"""Sentences for refused actions: one table from the key of a fault to words, shared by the page and REST."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mailroom.actions.refusals import Fault, Refused

_SENTENCES: dict[str, str | Promise] = {
    "required": _("This is needed."),
    "line_break": _("Line breaks and control characters are not allowed here."),
    "too_long": _("This is too long: at most %(limit)s characters."),
    "not_a_number": _("Write a whole number."),
    "out_of_range": _("Write a number from %(lowest)s to %(highest)s."),
    "unknown_choice": _("Choose one of: %(allowed)s."),
    "unknown_field": _("There is no such field."),
    "unknown_user": _("There is no such user, or the user is not active."),
    "not_yes_or_no": _("Say true or false."),
    "not_an_object": _("This has to be an object with host, port and encryption."),
    "bad_date": _("Write a date as YYYY-MM-DD."),
    # contacts
    "bad_address": _("“%(value)s” is not an e-mail address."),
    "bad_domain": _("“%(value)s” is not a domain. Write it like acme.example."),
    "free_mail": _("“%(value)s” belongs to everybody who uses that provider. Write the addresses instead."),
    # accounts
    "bad_host": _("“%(value)s” is not a server name. Write only the name, like imap.acme.example."),
    "after_download_is_pop3": _(
        "Deleting after download exists for POP3 only; with IMAP it would empty the mailbox."
    ),
    "protocol_locked": _(
        "The protocol is fixed once mail was fetched. Connect a new account for the same address."
    ),
    "change_server_folders_instead": _("Folders are changed one by one, under the folders of the account."),
    "no_such_folder": _("The server has no folder “%(value)s”."),
    "first_mailbox_by_administrator": _(
        "Your first mailbox is connected by an administrator or a director. After that you can add your own."
    ),
    "for_yourself_only": _("You can connect mailboxes for yourself. A director can give access to others."),
    "may_not_configure": _("You may not change this account."),
    "may_not_assign": _("Only administrators and directors decide who has access."),
    "may_not_fetch": _("You may not fetch mail for this account."),
    "administrators_only": _("Only administrators can do this."),
    "inactive": _("The account is switched off."),
    # moving and deleting
    "may_not_move": _("You may not move letters of this mailbox."),
    "may_not_delete": _("You may not delete letters of this mailbox."),
    "no_purging": _(
        "You may not delete letters for good: that needs a right of its own. Nothing was deleted."
    ),
    "may_not_purge_here": _("You may not delete letters of this mailbox for good. Nothing was deleted."),
    "not_in_trash": _("Only letters in Trash can be deleted for good."),
    "unknown_folder": _("There is no such folder."),
    "folder_of_another_mailbox": _("The folder belongs to another mailbox."),
    "too_late_to_undo": _("Too late: the server has it already. Move it back instead."),
    # writing
    "may_not_send": _("You cannot send from this account: you are not on its list."),
    "no_recipients": _("Write at least one recipient."),
    "too_big": _("The letter would be larger than %(limit)s MB. Take attachments out."),
    "unknown_letter": _("There is no such letter."),
    "unknown_file": _("There is no such attachment."),
    "bad_base64": _("The content is not valid base64."),
    "not_a_list": _("This has to be a list."),
    "sent_already": _("This letter was queued already."),
    "too_late_to_cancel": _("Too late: the letter is on its way."),
    "not_queued": _("The letter is not waiting to be sent."),
    "not_uncertain": _("What became of this letter is known by now."),
    "not_selectable": _("This folder holds no messages on the server."),
    "malformed": _("This is not an e-mail address."),
    "taken": _("This is taken already."),
    "too_short": _("This is too short."),
    "unknown": _("There is no such choice."),
    "done_already": _("This was done already."),
}


def sentence(fault: Fault) -> str:
    """What a fault says to a person, in the reader's language; an unknown key still says something."""
    text = _SENTENCES.get(fault.key)
    if text is None:
        return gettext("This was refused (%(key)s).") % {"key": fault.key}
    return str(text) % defaultdict(str, fault.about)


def sentences(refused: Refused) -> list[str]:
    """Every sentence of a refusal, each once."""
    return list(dict.fromkeys(sentence(fault) for fault in refused.faults))


def show_in(form: forms.Form, refused: Refused, places: Mapping[str, str] | None = None) -> None:
    """Put each fault beside its control: ``incoming.port`` → ``incoming_port``; the rest above the form."""
    for fault in refused.faults:
        name = (places or {}).get(fault.field, fault.field.replace(".", "_"))
        while name and name not in form.fields:
            name = name.rpartition("_")[0]
        form.add_error(name or None, forms.ValidationError(sentence(fault), code=fault.key))


def as_dict(fault: Fault) -> dict[str, Any]:
    """For a problem document (RFC 9457)."""
    return {"field": fault.field, "key": fault.key, "message": sentence(fault)}
