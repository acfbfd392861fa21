"""The only getters views may use: what one may not see does not exist (404), whatever the reason.

A view asks `reach(request)` once; it is worked out once per request.
"""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from mailroom.actions import accounts
from mailroom.data.contacts.models import Company, Person
from mailroom.data.mail import lists, visibility
from mailroom.data.mail.models import Account, Attachment, Folder, Message
from mailroom.data.mail.visibility import Reach
from mailroom.data.people.models import User

LAST_KEY: Final = (1 << 53) - 1
"""No id is beyond it, so that JSON carries each; a database may refuse what is far beyond."""
MOST_FILES: Final = 32_767


def viewer(request: HttpRequest) -> User:
    """The signed-in user; a visitor finds nothing here."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def reach(request: HttpRequest) -> Reach:
    """What the viewer reaches."""
    known: Reach | None = getattr(request, "_mailroom_reach", None)
    if known is None:
        known = visibility.reach_of(viewer(request))
        request._mailroom_reach = known  # type: ignore[attr-defined]
    return known


def message(request: HttpRequest, message_id: int) -> Message:
    """A letter the viewer may read."""
    found = visibility.may_read(reach(request), possible(message_id))
    if found is None:
        raise Http404
    return found


def attachment(request: HttpRequest, message_id: int, index: int) -> tuple[Message, Attachment]:
    """An attachment of a letter the viewer may read, with the letter."""
    letter = message(request, message_id)
    found = Attachment.objects.filter(message=letter, index=min(index, MOST_FILES)).first()
    if found is None:
        raise Http404
    return letter, found


def thread(request: HttpRequest, thread_id: int) -> list[Message]:
    """The letters of a thread that the viewer may read, oldest first, at least one."""
    letters = lists.thread_messages(reach(request), possible(thread_id))
    if not letters:
        raise Http404
    return letters


def folder(request: HttpRequest, folder_id: int) -> Folder:
    """A folder of a mailbox that the viewer reads as a mailbox."""
    found = folders(request).filter(pk=possible(folder_id)).select_related("account").first()
    if found is None:
        raise Http404
    return found


def folders(request: HttpRequest) -> QuerySet[Folder]:
    """The folders of every mailbox that the viewer reads as a mailbox."""
    return Folder.objects.filter(account_id__in=reach(request).account_ids)


def account(request: HttpRequest, account_id: int) -> Account:
    """A mailbox the viewer reads, configures or assigns; what they may do there is another question."""
    listed = accounts.listed_for(viewer(request), reach(request).account_ids)
    found = listed.filter(pk=possible(account_id)).first()
    if found is None:
        raise Http404
    return found


def mailboxes(request: HttpRequest) -> QuerySet[Account]:
    """The mailboxes that the viewer reads as mailboxes, by name."""
    return Account.objects.filter(pk__in=reach(request).account_ids).order_by("name_key", "pk")


def senders(request: HttpRequest) -> QuerySet[Account]:
    """The mailboxes the viewer writes from: those that list them and are in use."""
    listed = Account.objects.filter(pk__in=reach(request).listed_ids, active=True)
    return listed.order_by("name_key", "pk")


def person(request: HttpRequest, person_id: int) -> Person:
    """A person's card; every user may open every card."""
    viewer(request)
    found = Person.objects.select_related("company", "owner").filter(pk=possible(person_id)).first()
    if found is None:
        raise Http404
    return found


def company(request: HttpRequest, company_id: int) -> Company:
    """A company's card; every user may open every card."""
    viewer(request)
    found = Company.objects.select_related("owner").filter(pk=possible(company_id)).first()
    if found is None:
        raise Http404
    return found


def possible(number: int) -> int:
    """A number of an address that can be an id; others are nobody's."""
    if not 0 <= number <= LAST_KEY:
        raise Http404
    return number
