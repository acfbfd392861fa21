"""The reading pane: every letter of a thread that the viewer may read, which of them stand open, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from django.http import HttpRequest

from mailroom.data.blobs.models import Blob
from mailroom.data.mail.models import Attachment, Message, Participant, Placement
from mailroom.web import access

from .letters import Reading, reading_of

# A long thread of unread letters must not make one page of them all.
OPEN_AT_MOST: Final = 5
SHOWN_FIELDS: Final = (Participant.Field.TO, Participant.Field.CC, Participant.Field.BCC)


@dataclass(slots=True)
class Leaf:
    """One letter of the thread as it stands in the pane."""

    message: Message
    open: bool = False
    seen: bool = True
    flagged: bool = False
    to: list[Participant] = field(default_factory=list)
    cc: list[Participant] = field(default_factory=list)
    bcc: list[Participant] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    reading: Reading | None = None

    @property
    def author(self) -> str:
        """The name in From, or the address, or nothing."""
        return self.message.from_name or self.author_email

    @property
    def author_email(self) -> str:
        """The address in From; some letters have none."""
        return self.message.from_address.email if self.message.from_address else ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A thread as the viewer may see it."""

    thread_id: int
    leaves: tuple[Leaf, ...]
    unseen: bool
    """Some letter is unread in a mailbox that lists the viewer: showing the thread marks it read."""
    may_mark: bool

    @property
    def newest(self) -> Leaf:
        """The latest letter."""
        return self.leaves[-1]

    @property
    def subject(self) -> str:
        """Of the latest letter."""
        return self.newest.message.subject

    @property
    def correspondent(self) -> Leaf:
        """Whom it is about: the latest letter that came from outside, else the first."""
        return next((leaf for leaf in reversed(self.leaves) if not leaf.message.outgoing), self.leaves[0])

    @property
    def confidential(self) -> bool:
        """Some shown letter is of the confidential class."""
        return any(leaf.message.confidential for leaf in self.leaves)

    @property
    def mailboxes(self) -> int:
        """In how many mailboxes the shown letters lie."""
        return len({leaf.message.account_id for leaf in self.leaves})


def conversation(request: HttpRequest, thread_id: int, *, opened: int | None = None) -> Conversation:
    """The thread with the newest letter, the unread ones and `opened` standing open; five queries."""
    letters = access.thread(request, thread_id)
    listed = access.reach(request).listed_ids
    leaves = [Leaf(letter) for letter in letters]
    _mark(leaves)
    mine = [leaf for leaf in leaves if leaf.message.account_id in listed]
    unseen = [leaf for leaf in mine if not leaf.seen]
    for leaf in [leaves[-1], *unseen[-OPEN_AT_MOST:]]:
        leaf.open = True
    for leaf in leaves:
        leaf.open |= leaf.message.pk == opened
    _dress(leaves)
    return Conversation(thread_id, tuple(leaves), bool(unseen), bool(mine))


def leaf_of(request: HttpRequest, message_id: int) -> Leaf:
    """One letter by itself, open."""
    leaf = Leaf(access.message(request, message_id), open=True)
    _mark([leaf])
    _dress([leaf])
    return leaf


def _mark(leaves: Sequence[Leaf]) -> None:
    """Read or not, starred or not, from the placements that are live."""
    known = {leaf.message.pk: leaf for leaf in leaves}
    placed = Placement.objects.filter(message__in=known, state=Placement.State.LIVE)
    for message_id, seen, flagged in placed.values_list("message_id", "seen", "flagged"):
        known[message_id].seen &= seen
        known[message_id].flagged |= flagged


def _dress(leaves: Sequence[Leaf]) -> None:
    """Add recipients and files to all, and the words to those that stand open."""
    known = {leaf.message.pk: leaf for leaf in leaves}
    taking_part: dict[int, dict[str, list[Participant]]] = defaultdict(lambda: defaultdict(list))
    participants = Participant.objects.filter(message__in=known, field__in=SHOWN_FIELDS)
    for one in participants.select_related("address").order_by("position"):
        taking_part[one.message_id][one.field].append(one)
    for file in Attachment.objects.filter(message__in=known, inline=False).order_by("index"):
        known[file.message_id].files.append(file)
    _fetch_blobs([leaf.message for leaf in leaves if leaf.open])
    for pk, leaf in known.items():
        leaf.to, leaf.cc, leaf.bcc = (taking_part[pk][name] for name in SHOWN_FIELDS)
        leaf.reading = reading_of(leaf.message) if leaf.open else None


def _fetch_blobs(messages: Sequence[Message]) -> None:
    blobs = Blob.objects.in_bulk([one.blob_id for one in messages if one.blob_id is not None])
    for one in messages:
        if one.blob_id is not None:
            one.blob = blobs[one.blob_id]
