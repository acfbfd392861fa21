"""A mail server and a store of ours, both small enough to hold in the hand, and a player of plans."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mailroom.core.flags import canonical_flags
from mailroom.core.sync.identity import Arrival, Identity
from mailroom.core.sync.plan import WARY, Intent, Policy, plan, push
from mailroom.core.sync.rekey import rekey
from mailroom.core.sync.state import (
    Checkpoint,
    LocalFolder,
    PlacementState,
    RemoteFlags,
    RemoteListing,
    Selected,
    Tier,
)
from mailroom.core.sync.steps import (
    Advance,
    Fetch,
    Forget,
    FullScan,
    Hold,
    Plan,
    Rekey,
    Relink,
    Restore,
    SetFlags,
    Settle,
    Skip,
    Step,
    StoreFlags,
    Unlink,
)
from mailroom.core.sync.view import tier_for, tier_to_ask

CAPABILITIES = {
    Tier.QRESYNC: {"QRESYNC", "CONDSTORE"},
    Tier.CONDSTORE: {"CONDSTORE"},
    Tier.PLAIN: set(),
}


class Stopped(Exception):
    """The process was killed between two steps."""


@dataclass
class Letter:
    content: int
    flags: frozenset[str] = frozenset()
    modseq: int = 1


@dataclass
class Server:
    """One folder, as IMAP sees it."""

    tier: Tier = Tier.PLAIN
    uidvalidity: int = 1
    uidnext: int = 1
    modseq: int = 1
    letters: dict[int, Letter] = field(default_factory=dict)
    expunged: list[tuple[int, int]] = field(default_factory=list)
    contents: int = 0

    def deliver(self, flags=frozenset(), content=None):
        self.contents += 1
        self.modseq += 1
        self.letters[self.uidnext] = Letter(content or self.contents, frozenset(flags), self.modseq)
        self.uidnext += 1

    def store(self, uid, add=frozenset(), remove=frozenset()):
        if uid in self.letters:  # OK and no effect for a UID that is gone, as real servers do
            letter = self.letters[uid]
            flags = (letter.flags | add) - remove
            if flags != letter.flags:
                self.modseq += 1
                letter.flags, letter.modseq = flags, self.modseq

    def expunge(self, uid):
        del self.letters[uid]
        self.modseq += 1
        self.expunged.append((uid, self.modseq))

    def renumber(self, order):
        letters = list(self.letters.values())
        self.uidvalidity += 1
        self.uidnext = 1
        self.letters, self.expunged = {}, []
        for letter in order(letters):
            self.modseq += 1
            self.letters[self.uidnext] = replace(letter, modseq=self.modseq)
            self.uidnext += 1

    def select(self, checkpoint: Checkpoint) -> Selected:
        selected = Selected(
            uidvalidity=self.uidvalidity,
            exists=len(self.letters),
            uidnext=self.uidnext,
            highestmodseq=None if self.tier is Tier.PLAIN else self.modseq,
            permanent_flags=frozenset({"\\Seen", "\\Flagged", "\\Answered"}),
        )
        asked = tier_to_ask(CAPABILITIES[self.tier], checkpoint)
        if asked is not Tier.QRESYNC or checkpoint.uidvalidity != self.uidvalidity:
            return selected
        since = checkpoint.highestmodseq or 0
        return replace(
            selected,
            resynced=True,
            changed=tuple(self.changed(since).values()),
            vanished=tuple(uid for uid, modseq in self.expunged if modseq > since),
        )

    def changed(self, since: int) -> dict[int, RemoteFlags]:
        return {
            uid: RemoteFlags(uid, letter.flags, letter.modseq)
            for uid, letter in self.letters.items()
            if letter.modseq > since
        }

    def everything(self) -> RemoteListing:
        return RemoteListing(self.changed(-1), complete=True)


@dataclass
class Store:
    """What this side has written down. Placements carry the content they were fetched with."""

    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    placements: dict[int, PlacementState] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    intents: dict[int, Intent] = field(default_factory=dict)
    contents: dict[int, int] = field(default_factory=dict)
    last_id: int = 0

    def folder(self) -> LocalFolder:
        return LocalFolder(self.checkpoint, dict(self.placements), frozenset(self.known))

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def by_id(self, placement_id: int) -> PlacementState:
        return next(item for item in self.placements.values() if item.placement_id == placement_id)

    def change(self, placement_id: int, **values) -> None:
        placement = replace(self.by_id(placement_id), **values)
        self.placements[placement.uid] = placement

    def user_sets(self, uid: int, flag: str, *, on: bool) -> None:
        """The click of a person: the visible flag and the intent, in one go."""
        placement = self.placements[uid]
        named = frozenset({flag})
        local = placement.local | named if on else placement.local - named
        if local == placement.local:
            return
        self.placements[uid] = replace(placement, local=local)
        number = self.new_id()
        self.intents[number] = Intent(
            number,
            placement.placement_id,
            add=named if on else frozenset(),
            remove=frozenset() if on else named,
        )


@dataclass
class Player:
    """Plays plans of one folder until nothing is left; ``budget`` steps later it is killed."""

    server: Server
    store: Store
    budget: int = 1_000_000
    commands: int = 0
    writes: int = 0
    fetched: list[int] = field(default_factory=list)

    def passes(self, most: int = 6) -> int:
        policy, holds = WARY, 0
        for number in range(most):
            made = self.once(policy)
            if made.quiet:
                return number - holds
            # The second witness is this same honest server.
            if made.hold is not None:
                policy, holds = Policy(witnessed=frozenset(made.hold.uids)), holds + 1
        raise AssertionError(f"not settled after {most} passes: {self.plan()}")

    def once(self, policy: Policy = WARY) -> Plan:
        made = self.plan(policy)
        for step in made.steps:
            self.play(step, policy)
        return made

    def plan(self, policy: Policy = WARY) -> Plan:
        """What the engine does before it decides: push, select, ask in the folder's tier."""
        store, server = self.store, self.server
        selected = server.select(store.checkpoint)
        intents = tuple(store.intents.values())
        listing = None
        if selected.uidvalidity == store.checkpoint.uidvalidity:
            for step in push(store.folder(), selected, intents):
                self.play(step)
        tier = tier_for(selected, CAPABILITIES[server.tier], store.checkpoint)
        if tier is Tier.PLAIN:
            listing = server.everything()
        elif tier is Tier.CONDSTORE:
            since = store.checkpoint.highestmodseq
            listing = RemoteListing(server.changed(since), complete=False, since=since)
        made = plan(store.folder(), selected, listing, intents, policy)
        if made.steps and isinstance(made.steps[0], FullScan):
            made = plan(store.folder(), selected, server.everything(), intents, policy)
        return made

    def play(self, step: Step, policy: Policy = WARY) -> None:
        if self.budget == 0:
            raise Stopped
        self.budget -= 1
        self.commands += isinstance(step, StoreFlags | Fetch)
        self.writes += not isinstance(step, StoreFlags | Hold | FullScan)
        match step:
            case StoreFlags():
                for uid in step.uids:
                    self.server.store(uid, step.add, step.remove)
            case SetFlags():
                self.store.change(step.placement_id, base=step.base, local=step.local)
            case Settle():
                del self.store.intents[step.intent_id]
            case Fetch():
                self.fetch(step.uids)
            case Skip():
                self.store.known |= set(step.uids)
            case Unlink():
                for number in step.placement_ids:
                    self.store.change(number, unlinked=True)
            case Restore():
                for number in step.placement_ids:
                    self.store.change(number, unlinked=False)
            case Forget():
                self.store.known -= set(step.uids)
            case Advance():
                self.store.checkpoint = step.checkpoint
            case Rekey():
                self.rekey(policy)
            case Hold() | FullScan():
                pass
            case Relink():
                raise AssertionError("only a rekey relinks")

    def fetch(self, uids) -> None:
        for uid in uids:
            letter = self.server.letters.get(uid)
            if letter is None or uid in self.store.placements:
                continue
            self.fetched.append(letter.content)
            number = self.store.new_id()
            flags = canonical_flags(letter.flags)
            self.store.placements[uid] = PlacementState(number, number, uid, flags, flags, letter.modseq)
            self.store.contents[number] = letter.content
            self.store.known.add(uid)

    def rekey(self, policy: Policy) -> None:
        """One transaction, as the engine does it."""
        store, server = self.store, self.server
        selected = server.select(store.checkpoint)
        arrivals = [
            Arrival(uid, identity(letter.content), letter.flags) for uid, letter in server.letters.items()
        ]
        identities = {number: identity(content) for number, content in store.contents.items()}
        made = rekey(store.folder(), selected, arrivals, identities, policy)
        relinks = {
            step.placement_id: step.uid
            for step in made.steps
            if isinstance(step, Relink) and step.placement_id is not None
        }
        if made.hold is None:
            store.placements = {
                relinks[item.placement_id]: replace(
                    item, uid=relinks[item.placement_id], unlinked=False, modseq=None
                )
                for item in store.placements.values()
                if item.placement_id in relinks
            }
            store.known = set(store.placements)
        for step in made.steps:
            if not isinstance(step, Relink | Unlink):
                self.play(step)


def identity(content: int) -> Identity:
    return Identity(message_id=f"{content % 3}@example.com", header_digest=str(content))
