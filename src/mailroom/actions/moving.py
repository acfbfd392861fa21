"""Moving letters between folders, deleting them, and taking either back.

What people see changes at once; whether the server hears of it is the account's choice (C2), and the answer
says which. A move that waits is superseded by the next one; a deletion under *keep* sends nothing, ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction
from django.utils import timezone

from mailroom.core.access import LetterFacts, Verb, Viewer, may
from mailroom.data.mail import rights, rows
from mailroom.data.mail.models import Access, Account, Folder, Intent, Message, News, Placement
from mailroom.data.mail.visibility import visible_to
from mailroom.data.people.models import User

from .consequences import Consequence, Effect, strongest
from .refusals import clash, invalid, not_allowed
from .relocating import destination, is_remnant

UNDO = timedelta(seconds=10)
"""How long a page lets a change rest before the server hears of it."""
UNDO_SALT = "mailroom.moving"
_TOKEN_LIVES = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, and how to take it back."""

    consequence: Consequence
    undo: str = ""
    """For :func:`undo`; empty when nothing was changed."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One placement that changed its folder."""

    placement_id: int
    from_id: int
    to_id: int
    intent_id: int | None


Target = Callable[[Placement], Folder | None]
"""Where a placement goes; None = it stays."""


# ------------------------------------------------------------------ what people do


def move(
    by: User,
    message_ids: Sequence[int],
    folder: Folder,
    *,
    source: Folder | None = None,
    rest: timedelta = timedelta(),
) -> Done:
    """Move letters to a folder of their mailbox; into Trash it is a deletion.

    ``source`` tells which of several places of a letter is meant; ``rest`` holds the server off for a while.
    Letters that the user may not see are left out. Raises NotAllowed, Invalid.
    """
    verb = Verb.DELETE if folder.role == Folder.Role.TRASH else Verb.MOVE
    return _carry_out(by, verb, message_ids, _to(folder, source), rest=rest, account_id=folder.account_id)


def delete(by: User, message_ids: Sequence[int], *, rest: timedelta = timedelta()) -> Done:
    """Put letters into Trash here; on the server by the account's policy. Raises NotAllowed."""
    return _carry_out(by, Verb.DELETE, message_ids, _to_role(Folder.Role.TRASH), rest=rest)


def spam(by: User, message_ids: Sequence[int], *, rest: timedelta = timedelta()) -> Done:
    """Put letters into Spam, here and on the server (S4-23). Raises NotAllowed."""
    return _carry_out(by, Verb.MOVE, message_ids, _to_role(Folder.Role.SPAM), rest=rest)


def not_spam(by: User, message_ids: Sequence[int], *, rest: timedelta = timedelta()) -> Done:
    """Bring letters back from Spam into the inbox. Raises NotAllowed."""
    target = _to_role(Folder.Role.INBOX, only_from=Folder.Role.SPAM)
    return _carry_out(by, Verb.MOVE, message_ids, target, rest=rest)


@transaction.atomic
def undo(by: User, token: str) -> int:
    """Take a move or a deletion back while the server has not heard of it; returns how many letters.

    Letters that were moved on since are left alone. Raises Invalid, Clash.
    """
    try:
        user_id, steps = signing.loads(token, salt=UNDO_SALT, max_age=_TOKEN_LIVES)
    except signing.BadSignature as error:
        raise invalid("undo", "unknown") from error
    if user_id != by.pk:
        raise invalid("undo", "unknown")
    return _take_back(by, [_Step(*step) for step in steps])


def foresee(by: User, placements: Sequence[Placement], *targets: Mapping[int, Folder]) -> list[Consequence]:
    """What filing these places will do, for each of several targets (account id to folder).

    ``placements`` come with message, account, folder and server folder.
    """
    names = colleagues(by, {placement.account_id for placement in placements})
    count = len({placement.message_id for placement in placements})
    return [Consequence(count, strongest(_effects(placements, target)), names) for target in targets]


def _effects(placements: Iterable[Placement], target: Mapping[int, Folder]) -> list[Effect]:
    return [_effect(one, target[one.account_id]) for one in placements if one.account_id in target]


def require(by: User, verb: Verb, letters: Iterable[Message]) -> None:
    """Raise NotAllowed unless the user may do this with every one of these letters, which they may read."""
    viewer = rights.viewer_of(by)
    asked: dict[tuple[int, int | None], bool] = {}
    for letter in letters:
        key = letter.account_id, letter.private_to_id
        if key not in asked:
            asked[key] = _allowed(viewer, verb, letter)
        if not asked[key]:
            raise not_allowed(_OBSTACLES[verb] if verb is not Verb.PURGE or by.can_purge else "no_purging")


# ------------------------------------------------------------------ doing it


_OBSTACLES = {
    Verb.MOVE: "may_not_move",
    Verb.DELETE: "may_not_delete",
    Verb.PURGE: "may_not_purge_here",
}


def _allowed(viewer: Viewer, verb: Verb, letter: Message) -> bool:
    facts = LetterFacts(rights.account_facts(letter.account), private_to=letter.private_to_id)
    return bool(may(viewer, verb, facts))


@transaction.atomic
def _carry_out(
    by: User,
    verb: Verb,
    message_ids: Sequence[int],
    target: Target,
    *,
    rest: timedelta,
    account_id: int | None = None,
) -> Done:
    letters = list(visible_to(by).filter(pk__in=message_ids).select_related("account"))
    require(by, verb, letters)
    if account_id is not None and any(letter.account_id != account_id for letter in letters):
        raise invalid("folder_id", "folder_of_another_mailbox")
    at = timezone.now()
    steps: list[_Step] = []
    effects: list[Effect] = []
    for placement in _placements(letters, lock=True):
        folder = target(placement)
        if folder is not None and folder.pk != placement.folder_id:
            effect, step = _file(placement, folder, by=by, at=at, next_at=at + rest)
            effects.append(effect)
            steps.append(step)
    _tell(letters, at)
    return Done(consequence(by, letters, effects), _token(by, steps) if steps else "")


def _to(folder: Folder, source: Folder | None) -> Target:
    """One place of each letter: the one in ``source``, else the first one."""
    moved: set[int] = set()

    def target(placement: Placement) -> Folder | None:
        if source is not None and placement.folder_id != source.pk:
            return None
        # What was left marked on a server without UIDPLUS goes along with the letter.
        if is_remnant(placement):
            return folder
        if placement.message_id in moved:
            return None
        moved.add(placement.message_id)
        return folder

    return target


def _to_role(role: Folder.Role, *, only_from: Folder.Role | None = None) -> Target:
    """Every place of each letter, to the folder of its own mailbox."""
    known: dict[int, Folder] = {}

    def target(placement: Placement) -> Folder | None:
        if only_from is not None and placement.folder.role != only_from:
            return None
        if placement.account_id not in known:
            known[placement.account_id] = system_folder(placement.account_id, role)
        return known[placement.account_id]

    return target


def system_folder(account_id: int, role: Folder.Role) -> Folder:
    """The folder of a role, which every mailbox has (S1-27)."""
    defaults = {"name": role.value.title(), "name_key": role.value}
    return Folder.objects.get_or_create(account_id=account_id, role=role, defaults=defaults)[0]


def _placements(letters: Iterable[Message], *, lock: bool = False) -> list[Placement]:
    found = Placement.objects.filter(message__in=list(letters), state=Placement.State.LIVE)
    if lock:
        found = found.select_for_update(of=("self",))
    return list(found.select_related("message", "account", "folder", "server_folder").order_by("pk"))


def _file(
    placement: Placement, folder: Folder, *, by: User, at: datetime, next_at: datetime
) -> tuple[Effect, _Step]:
    """Show a placement in another folder, and ask the server for it where the policy says so."""
    effect = _effect(placement, folder)
    came_from = placement.folder_id
    under_way = _supersede(placement, at)
    placement.folder = folder
    placement.save(update_fields=["folder"])
    sits_in = (
        under_way.target_id if under_way else placement.server_folder and placement.server_folder.folder_id
    )
    wanted = effect is Effect.MOVED or (under_way is not None and _sends(placement.account, folder))
    if not wanted or sits_in == folder.pk:
        return effect, _Step(placement.pk, came_from, folder.pk, None)
    intent = Intent.objects.create(
        account_id=placement.account_id,
        kind=Intent.Kind.MOVE,
        message_id=placement.message_id,
        placement=placement,
        server_folder_id=placement.server_folder_id,
        target=folder,
        next_at=next_at,
        by=by,
        created_at=at,
    )
    return Effect.MOVED, _Step(placement.pk, came_from, folder.pk, intent.pk)


def _supersede(placement: Placement, at: datetime) -> Intent | None:
    """What waits is answered by the new wish; what is under way comes first, and is returned."""
    live = Intent.objects.select_for_update(of=("self",)).filter(
        placement=placement, kind=Intent.Kind.MOVE, phase__in=Intent.LIVE
    )
    under_way = None
    for intent in live.order_by("pk"):
        if intent.phase == Intent.Phase.PENDING:
            intent.phase, intent.ended_at = Intent.Phase.SUPERSEDED, at
            intent.save(update_fields=["phase", "ended_at"])
        else:
            under_way = intent
    return under_way


def _effect(placement: Placement, folder: Folder) -> Effect:
    """What the server will be told."""
    home = placement.server_folder
    if home is None:
        return Effect.NO_COPY
    if not _sends(placement.account, folder) or is_remnant(placement):
        return Effect.NOTHING
    if home.folder_id == folder.pk:
        return Effect.NOTHING
    return Effect.MOVED if _reaches_server(folder) else Effect.NOTHING


def _sends(account: Account, folder: Folder) -> bool:
    """Moves go both ways; a deletion goes by the policy (C2, C3)."""
    if account.protocol != Account.Protocol.IMAP:
        return False
    return folder.role != Folder.Role.TRASH or account.delete_policy == Account.DeletePolicy.TRASH


def _reaches_server(folder: Folder) -> bool:
    """There is a folder for it on the server, or one is made: Trash and Spam are missing on some."""
    return not folder.local and (folder.role is not None or destination(folder) is not None)


# ------------------------------------------------------------------ telling


def consequence(by: User, letters: Sequence[Message], effects: Iterable[Effect]) -> Consequence:
    """Count what was or will be done."""
    return Consequence(
        len(letters), strongest(effects), colleagues(by, {letter.account_id for letter in letters})
    )


def colleagues(by: User, account_ids: Iterable[int]) -> tuple[str, ...]:
    """Names of the others on the lists of these mailboxes."""
    others = Access.objects.filter(account__in=sorted(account_ids), user__is_active=True).exclude(user=by)
    return tuple(sorted(set(others.values_list("user__name", flat=True))))


def _tell(letters: Sequence[Message], at: datetime) -> None:
    rows.refresh(letter.thread_id for letter in letters)
    for account_id in sorted({letter.account_id for letter in letters}):
        own = [letter for letter in letters if letter.account_id == account_id]
        about = {
            "messages": [letter.pk for letter in own],
            "threads": sorted({one.thread_id for one in own})[:50],
        }
        News.objects.create(account_id=account_id, kind=News.Kind.CHANGED, about=about, at=at)


# ------------------------------------------------------------------ taking back


def _token(by: User, steps: Sequence[_Step]) -> str:
    told = [[one.placement_id, one.from_id, one.to_id, one.intent_id] for one in steps]
    return signing.dumps([by.pk, told], salt=UNDO_SALT, compress=True)


def _take_back(by: User, steps: Sequence[_Step]) -> int:
    at = timezone.now()
    found = Placement.objects.select_for_update(of=("self",)).select_related(
        "message", "account", "folder", "server_folder"
    )
    placements = found.filter(message__in=visible_to(by)).in_bulk([step.placement_id for step in steps])
    folders = Folder.objects.in_bulk([step.from_id for step in steps])
    _insist_unsent([step.intent_id for step in steps if step.intent_id is not None])
    letters = []
    for step in steps:
        placement = placements.get(step.placement_id)
        if placement is not None and placement.folder_id == step.to_id and step.from_id in folders:
            _file(placement, folders[step.from_id], by=by, at=at, next_at=at)
            letters.append(placement.message)
    _tell(letters, at)
    return len({letter.pk for letter in letters})


def _insist_unsent(intent_ids: Sequence[int]) -> None:
    waiting = Intent.objects.select_for_update(of=("self",)).filter(pk__in=intent_ids)
    gone = (Intent.Phase.COPYING, Intent.Phase.COPIED, Intent.Phase.OBSERVED)
    if any(intent.phase in gone for intent in waiting):
        raise clash("too_late_to_undo")
