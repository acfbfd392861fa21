"""Moves and deletions made here, played on the server before the folders are looked at.

The core says the next step, the rows remember what has to survive a kill, and letters that need the same step
share a command.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.utils import timezone

from mailroom.actions import folders, recognising, relocating, syncing
from mailroom.core.sync import moves
from mailroom.core.sync.identity import Candidate, adopt
from mailroom.core.sync.moves import Ask, Can, Phase, Question, Seen, Step
from mailroom.core.sync.plan import push
from mailroom.core.sync.state import DELETED, Selected
from mailroom.data.mail.models import Folder, Intent, Placement, ServerFolder
from mailroom.wire.failures import Failure, GiveUp, Kind

from .job import Job
from .renumbering import arrival_of

logger = logging.getLogger(__name__)

MADE: Mapping[str, bytes] = {
    Folder.Role.TRASH: b"Trash",
    Folder.Role.SPAM: b"Junk",
    Folder.Role.SENT: b"Sent",
    Folder.Role.DRAFTS: b"Drafts",
}
"""Made on a server that has no folder of the role."""

_NO_ANSWER = frozenset({Kind.CONNECTION_LOST, Kind.TIMEOUT, Kind.PROTOCOL})
_NOT_NOW = frozenset({Kind.NO_PERMISSION, Kind.SERVER_ERROR, Kind.UNAVAILABLE, Kind.THROTTLED})
_ROUNDS = 20
"""No letter needs so many steps; a server that makes it so is left until the next pass."""


@dataclass(slots=True)
class Played:
    """What has to be looked at now."""

    folders: set[int] = field(default_factory=set)
    """Server folders that letters left or came to."""
    tree: bool = False
    """Folders were made: the list is to be asked for again."""


@dataclass(slots=True, eq=False)
class _Going:
    """A letter on its way, and what this session knows of it."""

    intent: Intent
    placement: Placement
    place: ServerFolder | None
    """Where it goes; None for a deletion."""
    seen: Seen = field(default_factory=Seen)

    @property
    def uid(self) -> int:
        assert self.placement.uid is not None
        return self.placement.uid

    def step(self, can: Can) -> Step:
        if self.place is None:
            return moves.next_deletion(self.seen, can)
        phase, evidence = Phase(self.intent.phase), relocating.evidence_of(self.intent)
        return moves.next_move(phase, evidence, self.seen, can, attempts=self.intent.attempts)


def play(job: Job) -> Played:
    """Bring every due move and deletion as far as it goes. Raises Failure when the connection is lost."""
    played = Played(relocating.awaited(job.account.pk))
    due = relocating.due(job.account.pk, timezone.now())
    if not due:
        return played
    played.tree = _make_missing(job, due)
    by_source: dict[int, list[Intent]] = defaultdict(list)
    for intent in due:
        assert intent.placement is not None
        assert intent.placement.server_folder_id is not None
        by_source[intent.placement.server_folder_id].append(intent)
    for source_id, intents in sorted(by_source.items()):
        job.check()
        try:
            _leave(job, ServerFolder.objects.get(pk=source_id), intents, played)
        except Failure as refused:
            # This folder does not work now; the rest of the mailbox goes on.
            if refused.kind not in _NOT_NOW and not isinstance(refused, GiveUp):
                raise
            relocating.later(job.lease, intents, timezone.now())
    played.folders |= relocating.awaited(job.account.pk)
    return played


def settle(job: Job, looked_at: Iterable[int]) -> None:
    """At the end of a pass: what was seen in its place has come to its end."""
    relocating.settle(job.lease, frozenset(looked_at), timezone.now())


# ------------------------------------------------------------------ where to


def _make_missing(job: Job, due: Sequence[Intent]) -> bool:
    """Trash and Spam are missing on some servers: they are made when something is to go there."""
    wanted = {intent.target for intent in due if intent.target is not None and intent.target.role is not None}
    missing = [folder for folder in wanted if relocating.destination(folder) is None]
    for folder in missing:
        name = MADE.get(folder.role or "")
        if name is not None:
            job.session.create_folder(_prefix(job) + name)
    if missing:
        folders.apply_listing(job.lease, job.session.list_folders(with_status=False), timezone.now())
    return bool(missing)


def _prefix(job: Job) -> bytes:
    return folders.namespace_of(job.session.list_folders(with_status=False)).encode("ascii", "ignore")


# ------------------------------------------------------------------ one folder


def _leave(job: Job, source: ServerFolder, intents: Sequence[Intent], played: Played) -> None:
    """Everything that is to leave one folder."""
    selected = job.session.select(bytes(source.raw_name))
    played.folders.add(source.pk)
    # Renumbered: no UID means what it meant; the look at the folder matches it anew, and we come back.
    if selected.uidvalidity and selected.uidvalidity != source.uidvalidity:
        return
    # Numbers that do not last, or a folder that nobody may change: nothing is moved or removed there.
    if not selected.uidvalidity or selected.read_only:
        kind = Kind.NO_PERMISSION if selected.read_only else Kind.UNSUPPORTED
        relocating.refused(job.lease, intents, kind, "", timezone.now())
        return
    _push_flags(job, source, selected, intents)
    for group in _by_place(job, source, intents).values():
        _Journey(job, source, group[0].place, played).run(group)


def _by_place(job: Job, source: ServerFolder, intents: Sequence[Intent]) -> dict[int, list[_Going]]:
    """Where each goes; what goes nowhere (a deletion) stands under 0."""
    going: dict[int, list[_Going]] = defaultdict(list)
    for intent in intents:
        assert intent.placement is not None
        place = _place_of(intent)
        if intent.kind == Intent.Kind.DELETE:
            going[0].append(_Going(intent, intent.placement, None))
        elif place is None:
            relocating.refused(job.lease, [intent], Kind.NO_SUCH_FOLDER, "", timezone.now())
        elif place.pk != source.pk:
            going[place.pk].append(_Going(intent, intent.placement, place))
    return going


def _place_of(intent: Intent) -> ServerFolder | None:
    """Evidence is about one folder: what was begun goes there, whatever was mapped anew meanwhile."""
    begun = ServerFolder.objects.filter(pk=intent.evidence.get("folder", 0), missing_since=None).first()
    return begun or (relocating.destination(intent.target) if intent.target else None)


def _push_flags(job: Job, source: ServerFolder, selected: Selected, intents: Sequence[Intent]) -> None:
    """Flags before moves: what was read here arrives read."""
    leaving = {intent.placement_id for intent in intents}
    waiting = [one for one in syncing.flag_intents(source) if one.placement_id in leaving]
    if not waiting:
        return
    local = syncing.load(source, frozen_before=job.frozen_before)
    for store in push(local, selected, syncing.about_to_send(job.lease, waiting)):
        try:
            job.session.store_flags(store.uids, add=store.add, remove=store.remove)
        except Failure as refused:
            if refused.kind in _NO_ANSWER:
                raise
            logger.warning(
                "The server did not take a change of flags: %s", refused, extra={"action": "store"}
            )


class _Journey:
    """Letters that go from one folder to one other (or away)."""

    def __init__(self, job: Job, source: ServerFolder, place: ServerFolder | None, played: Played) -> None:
        self._job = job
        self._session = job.session
        self._source = source
        self._place = place
        self._played = played
        self._can = Can(job.session.abilities.move, job.session.abilities.uidplus)
        self._made = False
        self._open: list[_Going] = []

    def run(self, letters: Sequence[_Going]) -> None:
        """Step by step until each has arrived, failed, or has to wait."""
        if self._place is not None:
            self._played.folders.add(self._place.pk)
        self._open = list(letters)
        for _ in range(_ROUNDS):
            if not self._open:
                return
            alike: dict[Step, list[_Going]] = defaultdict(list)
            for letter in self._open:
                alike[letter.step(self._can)].append(letter)
            for step, ones in alike.items():
                self._job.check()
                self._take(step, ones)

    def _take(self, step: Step, ones: list[_Going]) -> None:
        match step:
            case Ask(Question.SOURCE):
                self._look_at_source(ones)
            case Ask(Question.TARGET):
                self._look_at_target(ones)
            case Ask(Question.COPY):
                self._look_for_copies(ones)
            case moves.Prepare(evidence):
                self._prepare(ones, evidence)
            case moves.Send(how):
                self._send(ones, how)
            case moves.NoteCopied():
                relocating.copied(self._job.lease, [one.intent for one in ones])
            case moves.Mark():
                self._command(ones, lambda uids: self._session.store_flags(uids, add=[DELETED]), marked=True)
            case moves.Expunge():
                self._command(ones, self._session.uid_expunge, expunged=True)
            case _:
                self._end(step, ones)

    def _end(self, step: Step, ones: list[_Going]) -> None:
        """Steps after which nothing more is to be done in this pass."""
        lease, at, intents = self._job.lease, timezone.now(), [one.intent for one in ones]
        match step:
            case moves.Land() if self._place is None:
                pass  # a deletion: the look at the folder unlinks it, and that ends it
            case moves.Land():
                assert self._place is not None
                relocating.landed(lease, intents, self._place, at)
            case moves.Leave() if self._place is None:
                relocating.removed(lease, intents, at)
            case moves.Leave():
                relocating.left_marked(lease, intents, at)
            case moves.Fail(kind):
                relocating.refused(lease, intents, kind, "", at)
            case _:
                pass
        self._drop(ones)

    def _drop(self, ones: Sequence[_Going]) -> None:
        self._open = [one for one in self._open if one not in ones]

    # --- looking

    def _look_at_source(self, ones: Sequence[_Going]) -> None:
        flags = {one.uid: one.flags for one in self._session.fetch_flags([one.uid for one in ones])[0]}
        for one in ones:
            found = flags.get(one.uid)
            one.seen = replace(one.seen, source=found is not None, marked=DELETED in (found or ()))

    def _look_at_target(self, ones: Sequence[_Going]) -> None:
        assert self._place is not None
        try:
            status = self._session.status(bytes(self._place.raw_name))
        except Failure as refused:
            self._refused(ones, refused)
            return
        for one in ones:
            one.seen = replace(one.seen, uidvalidity=status.uidvalidity or 0, uidnext=status.uidnext or 1)

    def _look_for_copies(self, ones: Sequence[_Going]) -> None:
        """Read what came into the destination since, and recognise our letters among it, each once."""
        assert self._place is not None
        now = self._session.select(bytes(self._place.raw_name), read_only=True)
        lowest = min(_first_possible(one, now.uidvalidity) for one in ones)
        new = [uid for uid in self._session.search() if uid >= lowest]
        arrivals = [arrival_of(message) for message in self._session.fetch_headers(new)] if new else []
        known = recognising.identities([one.placement.pk for one in ones])
        wanted = [
            Candidate(one.placement.message_id, known[one.placement.pk], one.placement.pk, one.uid)
            for one in ones
        ]
        found = {relink.placement_id for relink in adopt(arrivals, wanted).relinks}
        self._session.select(bytes(self._source.raw_name))
        for one in ones:
            one.seen = replace(one.seen, copy=one.placement.pk in found)

    # --- telling

    def _prepare(self, ones: list[_Going], evidence: moves.Evidence) -> None:
        assert self._place is not None
        intents = [one.intent for one in ones]
        kept = relocating.copying(self._job.lease, intents, self._place, evidence)
        self._drop([one for one in ones if one.intent not in kept])
        for one in ones:
            one.seen = replace(one.seen, ready=True, answered=False, copy=None)

    def _send(self, ones: list[_Going], how: moves.How) -> None:
        assert self._place is not None
        name = bytes(self._place.raw_name)
        send = self._session.move if how is moves.How.MOVE else self._session.copy
        for one in ones:
            one.seen = replace(one.seen, ready=False, source=None, uidvalidity=None)
        self._command(ones, lambda uids: send(uids, name), answered=True)

    def _command(self, ones: list[_Going], send: Callable[[list[int]], object], **learned: bool) -> None:
        try:
            send([one.uid for one in ones])
        except Failure as refused:
            self._refused(ones, refused)
            return
        for one in ones:
            one.seen = replace(one.seen, source=None, **learned)

    def _refused(self, ones: list[_Going] | Sequence[_Going], refused: Failure) -> None:
        """NO: what left all the same has landed; the folder is made once; else it fails, or waits."""
        if refused.kind in _NO_ANSWER:
            raise refused
        if refused.kind is Kind.NO_SUCH_FOLDER and not self._made and self._place is not None:
            self._made = self._played.tree = True
            self._session.create_folder(bytes(self._place.raw_name))
            return
        self._look_at_source(ones)
        staying = [one for one in ones if one.seen.source]
        intents = [one.intent for one in staying]
        if not refused.permanent:
            relocating.later(self._job.lease, intents, timezone.now())
        else:
            kind, words = str(refused.kind), refused.words
            relocating.refused(self._job.lease, intents, kind, words, timezone.now())
        self._drop(staying)


def _first_possible(letter: _Going, uidvalidity: int) -> int:
    evidence = relocating.evidence_of(letter.intent)
    return moves.first_possible(evidence, uidvalidity) if evidence is not None else 1
