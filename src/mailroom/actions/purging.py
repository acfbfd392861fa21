"""Deleting for good: what a letter says is wiped, its row stays so that it does not come back.

The second stage of deleting (S3-30), with a right of its own on every route. On the server only the policy
*purge* removes the copy; every other policy sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from mailroom.core.access import Fate, Verb
from mailroom.data.blobs import keeping
from mailroom.data.mail import rows, search
from mailroom.data.mail.models import (
    Account,
    Attachment,
    Intent,
    Message,
    News,
    Participant,
    Placement,
    Thread,
)
from mailroom.data.mail.visibility import visible_to
from mailroom.data.people.models import User

from .consequences import Consequence, Effect, strongest
from .moving import consequence, delete, require
from .refusals import clash


@transaction.atomic
def purge(by: User, message_ids: Sequence[int]) -> Consequence:
    """Wipe letters that lie in Trash (or are gone from the server). Raises NotAllowed, Clash.

    Letters that the user may not see are left out.
    """
    letters = list(
        visible_to(by).filter(pk__in=message_ids).select_related("account").select_for_update(of=("self",))
    )
    require(by, Verb.PURGE, letters)
    if any(letter.fate == Fate.LIVE and letter.gone_at is None for letter in letters):
        raise clash("not_in_trash")
    at = timezone.now()
    effects = [effect for letter in letters for effect in _ask_server(letter, by, at)]
    told = consequence(by, letters, effects)
    _wipe(letters)
    rows.refresh(letter.thread_id for letter in letters)
    for account_id in sorted({letter.account_id for letter in letters}):
        about = {"messages": [one.pk for one in letters if one.account_id == account_id]}
        News.objects.create(account_id=account_id, kind=News.Kind.CHANGED, about=about, at=at)
    return told


@transaction.atomic
def discard(by: User, message_ids: Sequence[int], *, rest: timedelta = timedelta()) -> Consequence:
    """Delete as a person means it: into Trash, and what lies there for good. Raises NotAllowed.

    One that may not be purged refuses them all, and nothing is changed.
    """
    seen = visible_to(by).filter(pk__in=message_ids)
    lost = set(seen.filter(Q(fate=Fate.TRASH.value) | Q(gone_at__isnull=False)).values_list("pk", flat=True))
    purged = purge(by, sorted(lost)) if lost else None
    rest_of = [pk for pk in message_ids if pk not in lost]
    if not rest_of and purged is not None:
        return purged
    trashed = delete(by, rest_of, rest=rest).consequence
    if purged is None:
        return trashed
    both = strongest([purged.server, trashed.server])
    names = tuple(sorted({*purged.others, *trashed.others}))
    return Consequence(purged.letters + trashed.letters, both, names)


def foresee_purge(by: User, letters: Sequence[Message]) -> Consequence:
    """What purging these, which the user may read, will do."""
    effects = [Effect.REMOVED if _removes(letter) else Effect.NOTHING for letter in letters]
    return consequence(by, letters, effects)


def _removes(letter: Message) -> bool:
    """Whether the server's copy goes too, at once or with the next look."""
    account = letter.account
    if account.protocol == Account.Protocol.IMAP:
        return account.delete_policy == Account.DeletePolicy.PURGE
    deletes = (Account.DeletePolicy.PURGE, Account.DeletePolicy.AFTER_DOWNLOAD)
    return account.delete_policy in deletes and letter.pop_uidls.filter(gone_at=None).exists()


def _ask_server(letter: Message, by: User, at: datetime) -> list[Effect]:
    """What waits for the letter has lost its meaning, except what the server may be doing already."""
    live = Intent.objects.filter(message=letter, phase=Intent.Phase.PENDING).exclude(kind=Intent.Kind.APPEND)
    live.update(phase=Intent.Phase.SUPERSEDED, ended_at=at)
    removes = _removes(letter)
    if letter.account.protocol != Account.Protocol.IMAP:
        # POP3 has no intents: the next look at the maildrop deletes what was purged, if the policy says so.
        return [Effect.REMOVED if removes else Effect.NOTHING]
    effects = []
    for placement in Placement.objects.filter(
        message=letter, state=Placement.State.LIVE, server_folder__isnull=False
    ):
        effects.append(Effect.REMOVED if removes else Effect.NOTHING)
        if removes:
            Intent.objects.create(
                account_id=letter.account_id,
                kind=Intent.Kind.DELETE,
                message=letter,
                placement=placement,
                server_folder_id=placement.server_folder_id,
                next_at=at,
                by=by,
                created_at=at,
            )
    return effects


def _wipe(letters: Sequence[Message]) -> None:
    """Ids and digests by which another sight is recognised stay; everything that was said goes."""
    ids = [letter.pk for letter in letters]
    search.remove(ids)
    Participant.objects.filter(message__in=ids).delete()
    Attachment.objects.filter(message__in=ids).delete()
    kept = sorted({letter.blob_id for letter in letters if letter.blob_id is not None})
    Message.objects.filter(pk__in=ids).update(
        blob=None,
        subject="",
        snippet="",
        from_address=None,
        from_name="",
        has_html=False,
        attachment_count=0,
        defects=[],
        body_state=Message.BodyState.FULL,
        fate=Message.Fate.PURGED,
    )
    _forget_subjects({letter.thread_id for letter in letters})
    transaction.on_commit(lambda: keeping.discard(kept))


def _forget_subjects(thread_ids: set[int]) -> None:
    """A thread of which nothing is left says nothing."""
    left = Message.objects.filter(thread__in=thread_ids).exclude(fate=Message.Fate.PURGED)
    silent = thread_ids - set(left.values_list("thread_id", flat=True))
    Thread.objects.filter(pk__in=silent).update(base_subject="")
