"""The correspondence of a card, ready to be drawn: filters read from the address bar, letters by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils import formats, timezone
from django.utils.translation import gettext

from mailroom.data.mail.lists import card_page
from mailroom.data.mail.models import Account, Message, Participant
from mailroom.data.mail.visibility import Reach
from mailroom.data.people.models import User

PAGE = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of a card's correspondence, as the address bar says them."""

    account_id: int | None
    outgoing: bool | None
    attachments: bool
    before: int | None

    @property
    def filtered(self) -> bool:
        """Something is left out."""
        return self.account_id is not None or self.outgoing is not None or self.attachments

    @property
    def direction(self) -> str:
        return {None: "", True: "out", False: "in"}[self.outgoing]

    def query(self, before: int) -> str:
        """The query string of the page below ``before``."""
        kept = {"account": self.account_id, "way": self.direction, "files": "1" if self.attachments else ""}
        return urlencode({name: value for name, value in kept.items() if value} | {"before": before})


def asked(request: HttpRequest) -> Asked:
    """Read the filters; what makes no sense is passed over."""
    return Asked(
        account_id=_number(request.GET.get("account")),
        outgoing={"in": False, "out": True}.get(request.GET.get("way", "")),
        attachments=request.GET.get("files") == "1",
        before=_number(request.GET.get("before")),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 17 else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One letter on a card."""

    letter: Message
    who: str
    """Whom it came from and went to: contact → mailbox, mailbox (colleague) → contact."""


@dataclass(slots=True)
class Day:
    """Letters under one heading: today, yesterday, a day of this week, a month."""

    title: str
    recent: bool
    """Within a week: the hour says more than the date."""
    entries: list[Entry] = field(default_factory=list)


def page(reach: Reach, address_ids: Sequence[int], wanted: Asked) -> dict[str, Any]:
    """One page of the history: ``days``, and ``more``, the query string of the next page or an empty text."""
    letters = card_page(
        reach,
        address_ids,
        before=wanted.before,
        limit=PAGE + 1,
        outgoing=wanted.outgoing,
        account_id=wanted.account_id,
        attachments=wanted.attachments,
    )
    shown = letters[:PAGE]
    more = wanted.query(shown[-1].pk) if len(letters) > PAGE else ""
    return {"days": _by_day(_entries(shown)), "more": more, "wanted": wanted}


def mailboxes(reach: Reach) -> list[Account]:
    """The mailboxes the filter offers, by name."""
    return list(Account.objects.filter(pk__in=reach.on_cards).order_by("name_key", "pk"))


def _entries(letters: Sequence[Message]) -> list[Entry]:
    people = _recipients(letters)
    colleagues = _colleagues(letters)
    return [Entry(letter, _who(letter, people.get(letter.pk, []), colleagues)) for letter in letters]


def _recipients(letters: Sequence[Message]) -> dict[int, list[str]]:
    """Names of those in To, by letter."""
    rows = Participant.objects.filter(message__in=letters, field=Participant.Field.TO).order_by("position")
    found: dict[int, list[str]] = {}
    for pk, name, known, email in rows.values_list("message", "name", "address__name", "address__email"):
        found.setdefault(pk, []).append(name or known or email)
    return found


def _colleagues(letters: Sequence[Message]) -> dict[int, str]:
    ids = {letter.sent_by_id for letter in letters if letter.sent_by_id}
    return {user.pk: user.name for user in User.objects.filter(pk__in=ids)}


def _who(letter: Message, to: list[str], colleagues: dict[int, str]) -> str:
    box = f"{letter.account.email.partition('@')[0]}@"
    if not letter.outgoing:
        sender = letter.from_name or (
            letter.from_address.email if letter.from_address else gettext("unknown")
        )
        return f"{sender} → {box}"
    writer = colleagues.get(letter.sent_by_id or 0) or letter.from_name
    others = ", ".join(to[:2]) + (f" +{len(to) - 2}" if len(to) > 2 else "")
    return f"{box} ({writer}) → {others}" if writer else f"{box} → {others}"


def _by_day(entries: Sequence[Entry]) -> list[Day]:
    today = timezone.localdate()
    days: list[Day] = []
    for entry in entries:
        at = timezone.localtime(entry.letter.sorted_at)
        title = day_title(at, today)
        if not days or days[-1].title != title:
            days.append(Day(title, recent=(today - at.date()).days < 7))
        days[-1].entries.append(entry)
    return days


def day_title(at: datetime, today: date) -> str:
    """Today, yesterday, a day of the last week, then the month, with its year when it is another."""
    age = (today - at.date()).days
    if age <= 0:
        return gettext("Today")
    if age == 1:
        return gettext("Yesterday")
    if age < 7:
        return formats.date_format(at, "l")
    return formats.date_format(at, "F" if at.year == today.year else "F Y")
