"""Moving, spam and deleting from the reading pane, each with a sentence of what it will do, and undo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from mailroom.actions import moving, purging
from mailroom.actions.consequences import Consequence, Effect
from mailroom.actions.refusals import NotAllowed, Refused
from mailroom.core.access import Verb
from mailroom.data.mail.models import Folder, Message, Placement
from mailroom.data.mail.visibility import visible_to
from mailroom.web import access, faults
from mailroom.web.session.entrance import signed_in
from mailroom.web.templatetags.mailwords import folder_name

from .navigation import in_order

UNDO_TAG = "undo:"
"""Before the token, in the tags of a message: the toast makes a form of it."""


@dataclass(frozen=True, slots=True)
class Filing:
    """What the viewer may do with the letters of a thread that lie in the list shown."""

    source: int | None
    """The folder shown; None = the inbox of all."""
    in_spam: bool
    in_trash: bool
    folders: tuple[Folder, ...]
    """Where to; empty where nothing may be moved, or letters of several mailboxes are meant."""
    spam: str
    """What pressing Spam (or Not spam) does; empty = not allowed."""
    delete: str
    purge: str
    """Deleting for good, offered in Trash to those who may."""


def filing_of(request: HttpRequest, thread_id: int, source: Folder | None) -> Filing:
    """Look ahead, by the rules of the deed itself; five queries, and nothing is changed."""
    user, places = access.viewer(request), places_in(request, thread_id, source)
    letters = list({place.message_id: place.message for place in places}.values())
    folders = list(Folder.objects.filter(account__in={place.account_id for place in places}))
    role = source.role if source else None
    in_trash, in_spam = role == Folder.Role.TRASH, role == Folder.Role.SPAM
    moves, deletes = (_allowed(request, verb, letters) for verb in (Verb.MOVE, Verb.DELETE))
    unspam = Folder.Role.INBOX if in_spam else Folder.Role.SPAM
    spam, delete = moving.foresee(user, places, _of(folders, unspam), _of(folders, Folder.Role.TRASH))
    purge = ""
    if in_trash and _allowed(request, Verb.PURGE, letters):
        purge = _sentence(purging.foresee_purge(user, letters), _for_good)
    return Filing(
        source=source.pk if source else None,
        in_spam=in_spam,
        in_trash=in_trash,
        folders=_targets(folders, source) if moves else (),
        spam=_sentence(spam, _to_inbox if in_spam else _to_spam) if moves else "",
        delete=_sentence(delete, _to_trash) if deletes and not in_trash else "",
        purge=purge,
    )


def places_in(request: HttpRequest, thread_id: int, source: Folder | None) -> list[Placement]:
    """Where the letters of the thread lie that are meant: those in the folder shown; from elsewhere, what
    came in. Each with its message, account, folder and server folder.
    """
    reach = access.reach(request)
    found = Placement.objects.filter(
        message__in=visible_to(reach).filter(thread_id=access.possible(thread_id)), state=Placement.State.LIVE
    )
    places = list(found.select_related("message__account", "account", "folder", "server_folder"))
    chosen = {place.message_id for place in places if source is not None and place.folder_id == source.pk}
    if source is None:
        own = [place for place in places if place.account_id in reach.listed_ids]
        inbox = {place.message_id for place in own if place.folder.role == Folder.Role.INBOX}
        came = {place.message_id for place in own if place.folder.role not in _WRITTEN}
        chosen = inbox or came or {place.message_id for place in own or places}
    return [place for place in places if place.message_id in chosen]


_WRITTEN = frozenset({Folder.Role.SENT, Folder.Role.DRAFTS})


def _of(folders: Iterable[Folder], role: Folder.Role) -> dict[int, Folder]:
    return {folder.account_id: folder for folder in folders if folder.role == role}


# ------------------------------------------------------------------ what is pressed


@require_POST
@signed_in
def file(request: HttpRequest, thread_id: int) -> HttpResponse:
    """Do `act` (move, spam, not_spam, delete, purge) with the letters that the pane showed."""
    access.thread(request, thread_id)
    source = _folder(request, "source")
    act = _ACTS.get(request.POST.get("act", ""))
    ids = sorted({place.message_id for place in places_in(request, thread_id, source)})
    if act is None or not ids:
        return _back(request, source)
    try:
        told, undo = act(request, ids, source)
    except Refused as refused:
        for sentence in faults.sentences(refused):
            messages.error(request, sentence)
        return _back(request, source)
    messages.success(request, told, extra_tags=UNDO_TAG + undo if undo else "")
    return _back(request, source, event="mailroom:filed")


@require_POST
@signed_in
def undo(request: HttpRequest) -> HttpResponse:
    """Take back what a toast has just told of."""
    try:
        count = moving.undo(access.viewer(request), request.POST.get("token", ""))
    except Refused as refused:
        for sentence in faults.sentences(refused):
            messages.error(request, sentence)
        return _back(request, None)
    told = ngettext("%(count)d letter is back.", "%(count)d letters are back.", count)
    messages.success(request, told % {"count": count})
    return _back(request, None, event="mailroom:unfiled")


Act = Callable[[HttpRequest, Sequence[int], Folder | None], tuple[str, str]]


def _move(request: HttpRequest, ids: Sequence[int], source: Folder | None) -> tuple[str, str]:
    target = _folder(request, "folder")
    if target is None:
        return "", ""
    done = moving.move(access.viewer(request), ids, target, source=source, rest=moving.UNDO)
    return _told(done, lambda count: _moved_to(count, folder_name(target)))


def _spam(request: HttpRequest, ids: Sequence[int], source: Folder | None) -> tuple[str, str]:
    return _told(moving.spam(access.viewer(request), ids, rest=moving.UNDO), _to_spam)


def _not_spam(request: HttpRequest, ids: Sequence[int], source: Folder | None) -> tuple[str, str]:
    return _told(moving.not_spam(access.viewer(request), ids, rest=moving.UNDO), _to_inbox)


def _delete(request: HttpRequest, ids: Sequence[int], source: Folder | None) -> tuple[str, str]:
    return _told(moving.delete(access.viewer(request), ids, rest=moving.UNDO), _to_trash)


def _purge(request: HttpRequest, ids: Sequence[int], source: Folder | None) -> tuple[str, str]:
    return _sentence(purging.purge(access.viewer(request), ids), _for_good), ""


_ACTS: dict[str, Act] = {
    "move": _move,
    "spam": _spam,
    "not_spam": _not_spam,
    "delete": _delete,
    "purge": _purge,
}


def _told(done: moving.Done, happens: Callable[[int], str]) -> tuple[str, str]:
    return _sentence(done.consequence, happens), done.undo


def _back(request: HttpRequest, source: Folder | None, *, event: str = "") -> HttpResponse:
    if request.headers.get("HX-Request"):
        response = render(request, "partials/toasts.html", {"oob": True})
        if event:
            response["HX-Trigger"] = event
        return response
    return HttpResponseRedirect(reverse("inbox:folder", args=[source.pk]) if source else reverse("inbox:all"))


# ------------------------------------------------------------------ what it says


def _sentence(consequence: Consequence, happens: Callable[[int], str]) -> str:
    parts = [happens(consequence.letters), _on_server(consequence.server)]
    if consequence.others:
        parts.append(_("Also for %(names)s.") % {"names": ", ".join(consequence.others)})
    return " ".join(part for part in parts if part)


def _on_server(effect: Effect) -> str:
    match effect:
        case Effect.NOTHING:
            return _("Only here: the copy on the server stays.")
        case Effect.MOVED:
            return _("On the server too.")
        case Effect.REMOVED:
            return _("The copy on the server is removed too.")
    return ""


def _to_trash(count: int) -> str:
    return ngettext("%(count)d letter to Trash.", "%(count)d letters to Trash.", count) % {"count": count}


def _to_spam(count: int) -> str:
    return ngettext("%(count)d letter to Spam.", "%(count)d letters to Spam.", count) % {"count": count}


def _to_inbox(count: int) -> str:
    told = ngettext("%(count)d letter back to Received.", "%(count)d letters back to Received.", count)
    return told % {"count": count}


def _moved_to(count: int, name: str) -> str:
    told = ngettext("%(count)d letter to %(folder)s.", "%(count)d letters to %(folder)s.", count)
    return told % {"count": count, "folder": name}


def _for_good(count: int) -> str:
    told = ngettext("%(count)d letter deleted for good.", "%(count)d letters deleted for good.", count)
    return told % {"count": count}


# ------------------------------------------------------------------ what may be pressed


def _allowed(request: HttpRequest, verb: Verb, letters: Sequence[Message]) -> bool:
    if not letters:
        return False
    listed = access.reach(request).listed_ids
    # The usual case costs no query: who is on the list of a mailbox moves and deletes in it.
    if verb is not Verb.PURGE and all(letter.account_id in listed for letter in letters):
        return True
    try:
        moving.require(access.viewer(request), verb, letters)
    except NotAllowed:
        return False
    return True


def _targets(folders: Sequence[Folder], source: Folder | None) -> tuple[Folder, ...]:
    """Every other folder of the mailbox; letters of several mailboxes have none in common."""
    if len({folder.account_id for folder in folders}) != 1:
        return ()
    role = Folder.Role.INBOX if source is None else None
    shown = [one for one in folders if (role and one.role == role) or (source and one.pk == source.pk)]
    others = [one for one in folders if one not in shown and one.role != Folder.Role.DRAFTS]
    # People file into folders of their own; what was sent stays where it is, mostly.
    return tuple(
        sorted(in_order(others), key=lambda one: (one.role is not None, one.role == Folder.Role.SENT))
    )


def _folder(request: HttpRequest, field: str) -> Folder | None:
    written = request.POST.get(field, "")
    return access.folder(request, int(written)) if written.isascii() and written.isdigit() else None
