"""What a folder needs, decided without I/O: (base, local, remote) and the intents in, steps out.

No clock, no randomness, no socket: the same arguments give the same plan, so a plan can be printed,
counted and refused before anything happens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailroom.core.flags import canonical_flags, merge, storable
from mailroom.core.sync.state import (
    Checkpoint,
    Flags,
    LocalFolder,
    PlacementState,
    RemoteListing,
    Selected,
)
from mailroom.core.sync.steps import (
    Advance,
    Fetch,
    Forget,
    FullScan,
    Hold,
    HoldReason,
    Outcome,
    Plan,
    Rekey,
    Restore,
    ScanReason,
    SetFlags,
    Settle,
    Skip,
    Step,
    StoreFlags,
    Unlink,
)
from mailroom.core.sync.view import View, believed, view_of

STORE_LIMIT = 500
"""UIDs in one STORE; Zimbra and Microsoft 365 refuse long command lines."""

GONE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Intent:
    """A change of flags made here that the server must still hear of; a delta, never a full set."""

    intent_id: int
    """Rises with time: of two intents about one flag the later wins."""
    placement_id: int
    add: Flags = frozenset()
    remove: Flags = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """What the account and the moment allow."""

    in_window: frozenset[int] | None = None
    """UIDs that SEARCH SINCE found after SELECT; None = no start date. The exact day is judged later, on
    INTERNALDATE."""
    guard_count: int = 20
    guard_share: float = 0.2
    """More than this many, and more than this part of the folder, never leave a view on one testimony."""
    guard_everything: int = 5
    """Nor does a whole folder of more than this many."""
    witnessed: frozenset[int] = frozenset()
    """UIDs that another complete listing, over another connection and a minute earlier, found absent too."""
    shows_newest: int | None = None
    """The server shows only so many of the newest messages (Yahoo: 10,000); older ones are out of sight."""


WARY = Policy()
"""No start date, and a guard that trips at the usual figures."""


def plan(
    local: LocalFolder,
    selected: Selected,
    listing: RemoteListing | None = None,
    intents: Sequence[Intent] = (),
    policy: Policy = WARY,
) -> Plan:
    """Decide what one folder needs.

    ``listing`` is None when SELECT itself told the changes (QRESYNC), or when nothing was asked yet.
    Played to the end, a plan makes local, base and remote agree; planning again then gives no step.
    Playing may stop after any step: the next plan leads to the same end.
    """
    # The server numbered everything anew (or never keeps its numbers): no UID means what it meant.
    if not selected.uidvalidity or local.checkpoint.uidvalidity not in (None, selected.uidvalidity):
        return Plan(
            (Rekey(local.checkpoint.uidvalidity, selected.uidvalidity, stable=bool(selected.uidvalidity)),)
        )
    view = view_of(local, selected, listing, shows_newest=policy.shows_newest)
    if isinstance(view, FullScan):
        return Plan((view,))
    return _reconcile(local, selected, view, intents, policy)


def push(local: LocalFolder, selected: Selected, intents: Sequence[Intent]) -> tuple[StoreFlags, ...]:
    """The STOREs due before the changes are asked for, so that their echo arrives with the changes.

    Judged by the base alone. Sending one again is harmless.
    """
    placements = {placement.placement_id: placement for placement in local.placements.values()}
    deltas = {}
    for placement_id, (add, remove) in _wishes(intents, selected).items():
        placement = placements.get(placement_id)
        if placement is not None and not placement.unlinked:
            deltas[placement.uid] = (add - placement.base, remove & placement.base)
    return tuple(_stores(deltas))


def long_gone(*, unlinked_at: datetime, unlinked_cycle: int, at: datetime, cycle: int) -> bool:
    """True when a message that left its folder has had its chance to turn up in another one.

    ``cycle`` counts complete passes over all folders of the account.
    """
    return cycle > unlinked_cycle + 1 and at - unlinked_at >= GONE_AFTER


def _reconcile(
    local: LocalFolder, selected: Selected, view: View, intents: Sequence[Intent], policy: Policy
) -> Plan:
    wishes = _wishes(intents, selected)
    new = sorted(view.seen.keys() - local.known_uids - local.placements.keys(), reverse=True)
    skipped = _before_start(new, selected, local.checkpoint, policy)
    steps: list[Step] = list(_stores(_unsatisfied(local, view, wishes)))
    steps += _flag_steps(local, view)
    steps += _settlements(local, selected, view, intents)
    steps += _restores(local, view)
    # Read new mail before anything is removed: what left as one UID may have come back as another.
    wanted = tuple(uid for uid in new if uid not in skipped)
    if wanted:
        steps.append(Fetch(wanted))
    if skipped:
        steps.append(Skip(tuple(sorted(skipped))))
    removals, hold = _removals(local, view, policy)
    steps += removals
    last = _advance(local, selected, view, held=hold)
    if last is not None:
        steps.append(last)
    missed = sum(uid < local.checkpoint.uidnext for uid in wanted) if local.checkpoint.uidvalidity else 0
    return Plan(tuple(steps), missed=missed)


def _before_start(
    new: Iterable[int], selected: Selected, checkpoint: Checkpoint, policy: Policy
) -> frozenset[int]:
    if policy.in_window is None:
        return frozenset()
    # What arrived after the SEARCH could not be found by it: only older UIDs can be called too old.
    searched = selected.uidnext or max(policy.in_window | {checkpoint.uidnext - 1}) + 1
    return frozenset(uid for uid in new if uid < searched and uid not in policy.in_window)


def _wishes(intents: Iterable[Intent], selected: Selected) -> dict[int, tuple[Flags, Flags]]:
    """Per placement what to set and clear on the server: what it can keep, later intents winning."""
    wishes: dict[int, tuple[Flags, Flags]] = {}
    for intent in sorted(intents, key=lambda intent: intent.intent_id):
        add, remove = _can_be_stored(intent, selected)
        before_add, before_remove = wishes.get(intent.placement_id, (frozenset[str](), frozenset[str]()))
        wishes[intent.placement_id] = ((before_add - remove) | add, (before_remove - add) | remove)
    return wishes


def _can_be_stored(intent: Intent, selected: Selected) -> tuple[Flags, Flags]:
    def keeps(flags: Flags) -> Flags:
        return storable(
            canonical_flags(flags), permanent=selected.permanent_flags, read_only=selected.read_only
        )

    return keeps(intent.add), keeps(intent.remove)


def _unsatisfied(
    local: LocalFolder, view: View, wishes: Mapping[int, tuple[Flags, Flags]]
) -> dict[int, tuple[Flags, Flags]]:
    deltas: dict[int, tuple[Flags, Flags]] = {}
    if not wishes:
        return deltas
    for uid, placement in _linked(local, view):
        if placement.placement_id in wishes:
            add, remove = wishes[placement.placement_id]
            remote = _remote(placement, view)
            # Changed here, and the server has not heard of it yet.
            deltas[uid] = (add - remote, remove & remote)
    return deltas


def _stores(deltas: Mapping[int, tuple[Flags, Flags]]) -> Iterator[StoreFlags]:
    """One command for all messages that need the same change."""
    alike: dict[tuple[Flags, Flags], list[int]] = defaultdict(list)
    for uid in sorted(deltas):
        if any(deltas[uid]):
            alike[deltas[uid]].append(uid)
    for (add, remove), uids in alike.items():
        for start in range(0, len(uids), STORE_LIMIT):
            yield StoreFlags(tuple(uids[start : start + STORE_LIMIT]), add, remove)


def _flag_steps(local: LocalFolder, view: View) -> Iterator[SetFlags]:
    placements = local.placements
    # Where the server says what it said before there is nothing to do: nearly all, in nearly every pass.
    told = [uid for uid, now in view.seen.items() if uid in placements and now.flags != placements[uid].base]
    for uid in sorted(told):
        placement, remote = placements[uid], view.seen[uid]
        merged = merge(placement.base, placement.local, remote.flags)
        # Changed there, or our own change came back; older than the flag window, only the base hears of it.
        shown = placement.local if placement.frozen else merged.local
        if (merged.base, shown) != (placement.base, placement.local):
            yield SetFlags(placement.placement_id, merged.base, shown, remote.modseq)


def _settlements(
    local: LocalFolder, selected: Selected, view: View, intents: Sequence[Intent]
) -> Iterator[Settle]:
    if not intents:
        return
    by_id = {placement.placement_id: placement for _, placement in _linked(local, view)}
    together: dict[int, list[Intent]] = defaultdict(list)
    for intent in intents:
        together[intent.placement_id].append(intent)
    for intent in intents:
        placement = by_id.get(intent.placement_id)
        if placement is None:
            # Not in this folder any more: the change waits for the message to turn up elsewhere.
            continue
        add, remove = _can_be_stored(intent, selected)
        remote = _remote(placement, view)
        # The server keeps none of it: it stays a fact of this side.
        if not add and not remove:
            yield Settle(intent.intent_id, Outcome.LOCAL_ONLY)
        # Seen on the server: whoever made it so, the wish is fulfilled.
        elif add <= remote and not remove & remote:
            yield Settle(intent.intent_id, Outcome.DONE)
        # A later change of mind names the same flags: the earlier one has nothing left to say.
        elif _absorbed(intent, together[intent.placement_id]):
            yield Settle(intent.intent_id, Outcome.SUPERSEDED)


def _absorbed(intent: Intent, of_message: Sequence[Intent]) -> bool:
    later = [other for other in of_message if other.intent_id > intent.intent_id]
    named = frozenset[str]().union(*(other.add | other.remove for other in later))
    return (intent.add | intent.remove) <= named


def _linked(local: LocalFolder, view: View) -> Iterator[tuple[int, PlacementState]]:
    """Placements that are in the folder: not proven absent, nor unlinked before and still out of sight."""
    for uid, placement in local.placements.items():
        if uid not in view.absent and (not placement.unlinked or uid in view.seen):
            yield uid, placement


def _remote(placement: PlacementState, view: View) -> Flags:
    """The server's flags; where it told no change, the base still holds."""
    told = view.seen.get(placement.uid)
    return canonical_flags(told.flags if told else placement.base)


def _restores(local: LocalFolder, view: View) -> Iterator[Restore]:
    back = sorted(uid for uid, item in local.placements.items() if item.unlinked and uid in view.seen)
    # Absent once, present under the same UID now: the server was out of sorts, nothing was removed.
    if back:
        yield Restore(tuple(local.placements[uid].placement_id for uid in back))


def _removals(local: LocalFolder, view: View, policy: Policy) -> tuple[list[Step], bool]:
    """The steps that take absent messages out of view, and whether some wait for a second witness."""
    held = len(believed(local))
    steps: list[Step] = []
    absent = view.absent
    # Half the folder vanished at once: more often a sick server than a person with a broom.
    waits = too_many(len(absent - policy.witnessed), held, policy)
    if waits:
        steps.append(Hold(HoldReason.MASS_REMOVAL, tuple(sorted(absent)), held))
        absent = absent & policy.witnessed
    # Removed there, or moved elsewhere: it leaves this folder now, and the message stays.
    unlinked = [local.placements[uid].placement_id for uid in sorted(absent) if uid in local.placements]
    if unlinked:
        steps.append(Unlink(tuple(unlinked)))
    # Never shown here (too old, filtered, parked), and not there any more.
    forgotten = tuple(sorted(uid for uid in absent if uid not in local.placements))
    if forgotten:
        steps.append(Forget(forgotten))
    return steps, waits


def too_many(leaving: int, held: int, policy: Policy) -> bool:
    """The guard against false mass removal."""
    everything = leaving >= held and leaving > policy.guard_everything
    return everything or (leaving > policy.guard_count and leaving > policy.guard_share * held)


def _advance(local: LocalFolder, selected: Selected, view: View, *, held: bool) -> Step | None:
    # Half a listing: what it told is used, and the checkpoint stays where it was.
    if not view.proven:
        return FullScan(ScanReason.TORN)
    top = max(view.seen.keys() | local.known_uids | local.placements.keys(), default=0) + 1
    reached = Checkpoint(
        uidvalidity=selected.uidvalidity,
        uidnext=selected.uidnext or max(top, local.checkpoint.uidnext),
        # The value SELECT gave, before anything was fetched: a later one would swallow what changed since.
        # While a removal is held back the old one stays, so that the server tells of it again.
        highestmodseq=local.checkpoint.highestmodseq if held else selected.highestmodseq or None,
    )
    return Advance(reached) if reached != local.checkpoint else None
