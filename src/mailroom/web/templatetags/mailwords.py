"""Words of mail in the reader's language: names of folders, short dates, sizes, who a letter goes to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from mailroom.data.mail.models import Folder, Participant

register = template.Library()

ICONS = {
    Folder.Role.INBOX: "inbox",
    Folder.Role.SENT: "send",
    Folder.Role.DRAFTS: "file-pen",
    Folder.Role.SPAM: "shield-alert",
    Folder.Role.TRASH: "trash-2",
}


@register.filter
def folder_name(folder: Folder) -> str:
    """System folders by their role, the others as they are called."""
    match folder.role:
        case Folder.Role.INBOX:
            return pgettext("folder", "Received")
        case Folder.Role.SENT:
            return pgettext("folder", "Sent")
        case Folder.Role.DRAFTS:
            return pgettext("folder", "Drafts")
        case Folder.Role.SPAM:
            return pgettext("folder", "Spam")
        case Folder.Role.TRASH:
            return pgettext("folder", "Trash")
    return folder.name


@register.filter
def folder_icon(folder: Folder) -> str:
    """The icon of a folder."""
    return ICONS.get(Folder.Role(folder.role), "folder") if folder.role else "folder"


class Calendar:
    """Short dates seen from one moment on: 10:42, Yesterday, Thu, 12 Nov, 12 Nov 2025."""

    def __init__(self) -> None:
        self.zone = timezone.get_current_timezone()
        self.now = timezone.now().astimezone(self.zone)
        self._days: dict[date, str] = {self.now.date() - timedelta(days=1): _("Yesterday")}

    def brief(self, at: datetime) -> str:
        """A date as a list shows it."""
        then = at.astimezone(self.zone)
        day = then.date()
        if day == self.now.date():
            return f"{then:%H:%M}"
        if day not in self._days:
            near = timedelta() < self.now.date() - day < timedelta(days=7)
            self._days[day] = date_format(then, "D" if near else _short_day(then, self.now))
        return self._days[day]


@register.filter
def brief(at: datetime) -> str:
    """One date as a list shows it."""
    return Calendar().brief(at)


@register.filter
def moment(at: datetime) -> str:
    """A date with its hour: Today, 10:05; 18 Nov, 16:20."""
    then, now = timezone.localtime(at), timezone.localtime()
    if then.date() == now.date():
        day = _("Today")
    elif then.date() == now.date() - timedelta(days=1):
        day = _("Yesterday")
    else:
        day = date_format(then, _short_day(then, now))
    return f"{day}, {then:%H:%M}"


@register.filter
def exact(at: datetime) -> str:
    """The whole date, for a tooltip."""
    return date_format(timezone.localtime(at), "l, j E Y, H:i:s")


@register.filter
def size(octets: int) -> str:
    """284 KB."""
    return filesizeformat(octets)


@register.filter
def people(participants: Iterable[Participant]) -> str:
    """Names, or addresses where there is none, with commas."""
    return ", ".join(one.name or one.address.email for one in participants)


def _short_day(then: datetime, now: datetime) -> str:
    return "j M" if then.year == now.year else "j M Y"
