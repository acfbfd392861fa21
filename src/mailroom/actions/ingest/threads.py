"""The thread of each letter of a batch: ids known decide, ids only referred to are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

from mailroom.core.letter import Letter
from mailroom.core.subject import is_reply
from mailroom.core.threads import Join, Merge, Start, decide, tied_ids
from mailroom.data import bulk
from mailroom.data.mail import rows as list_rows
from mailroom.data.mail.models import Message, Thread, ThreadKey

LONGEST_SUBJECT = 500


def threads_for(new: Sequence[tuple[int, Letter]], *, at: datetime) -> dict[int, int]:
    """The thread id of each (message id, letter), made or merged as needed. Call inside a transaction."""
    ties = {pk: _ties(letter) for pk, letter in new}
    known = _known({one for ids in ties.values() for one in ids})
    before = dict(known)
    drawer = _Drawer(known)
    for pk, letter in new:
        drawer.file(pk, letter, ties[pk])
    made = _make(drawer.started, at=at)
    final = {provisional: thread.pk for provisional, thread in made.items()}
    for into, other in drawer.merged:
        _merge(final.get(into, into), other)
    threads = {pk: final.get(thread, thread) for pk, thread in drawer.thread_of.items()}
    _remember({one: final.get(thread, thread) for one, thread in known.items() if before.get(one) != thread})
    return threads


class _Drawer:
    """Threads while a batch is filed; those that are new have negative ids until they have rows."""

    def __init__(self, known: dict[bytes, int]) -> None:
        self.known = known
        self.thread_of: dict[int, int] = {}
        self.started: dict[int, str] = {}
        """Provisional id to base subject."""
        self.merged: list[tuple[int, int]] = []
        """(into, other), where other has a row."""

    def file(self, pk: int, letter: Letter, ids: Sequence[bytes]) -> None:
        match decide(ids, self.known):
            case Start():
                thread = -(len(self.started) + 1)
                self.started[thread] = letter.base_subject[:LONGEST_SUBJECT]
            case Join(thread):
                pass
            case Merge(into, others):
                thread = self._join([into, *others])
        self.thread_of[pk] = thread
        self.known.update(dict.fromkeys(ids, thread))

    def _join(self, threads: Sequence[int]) -> int:
        """One of several threads swallows the rest; one that has a row already, if there is any."""
        into = min((one for one in threads if one > 0), default=max(threads))
        others = {one for one in threads if one != into}
        for key, thread in self.known.items():
            if thread in others:
                self.known[key] = into
        for pk, thread in self.thread_of.items():
            if thread in others:
                self.thread_of[pk] = into
        self.merged += [(into, one) for one in sorted(others) if one > 0]
        for one in others:
            self.started.pop(one, None)
        return into


def _ties(letter: Letter) -> tuple[bytes, ...]:
    ids = tied_ids(
        own=letter.message_id,
        in_reply_to=letter.in_reply_to,
        references=letter.references,
        is_reply=is_reply(letter.subject),
    )
    return tuple(blake2b(one.encode(), digest_size=16).digest() for one in ids)


def _known(keys: set[bytes]) -> dict[bytes, int]:
    rows = ThreadKey.objects.filter(key__in=list(keys)).values_list("key", "thread_id")
    return {bytes(key): thread for key, thread in rows}


def _make(started: dict[int, str], *, at: datetime) -> dict[int, Thread]:
    threads = [Thread(base_subject=subject, created_at=at) for subject in started.values()]
    return dict(zip(started, Thread.objects.bulk_create(threads), strict=True))


def _merge(into: int, other: int) -> None:
    """Everything of ``other`` moves over; with no letter left its list rows go and the counters with them."""
    Message.objects.filter(thread=other).update(thread=into)
    ThreadKey.objects.filter(thread=other).update(thread=into)
    list_rows.refresh([other])
    Thread.objects.filter(pk=other).delete()


def _remember(keys: dict[bytes, int]) -> None:
    bulk.upsert(ThreadKey, ("key", "thread_id"), sorted(keys.items()), unique=("key",))
