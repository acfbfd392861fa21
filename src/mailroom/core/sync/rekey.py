"""UIDVALIDITY changed: every UID is void, no message is. Links, flags and intents follow the identity.

What was matched is not fetched again; what matches nothing is new mail, including what arrived between
the last pass and the change; what was held and is not found leaves the folder, under the guard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailroom.core.flags import merge
from mailroom.core.sync.identity import Arrival, Candidate, Identity, adopt
from mailroom.core.sync.plan import WARY, Policy, too_many
from mailroom.core.sync.state import Checkpoint, LocalFolder, PlacementState, Selected
from mailroom.core.sync.steps import (
    Advance,
    Fetch,
    Hold,
    HoldReason,
    Plan,
    Relink,
    SetFlags,
    Skip,
    Step,
    Unlink,
)


def rekey(
    local: LocalFolder,
    selected: Selected,
    arrivals: Sequence[Arrival],
    identities: Mapping[int, Identity],
    policy: Policy = WARY,
) -> Plan:
    """Match the placements of the old numbering with a complete listing of the new one.

    ``identities`` is by placement id; ``policy.witnessed`` and the UIDs of a Hold are of the old
    numbering. Under a Hold nothing else is done: the old state stays on view until a second listing says
    the same. Otherwise everything but the Fetch belongs in one transaction, for the old and the new
    numbering must never mix. The new checkpoint carries no mod-sequence: the next pass compares it all.
    """
    placements = {placement.placement_id: placement for placement in local.placements.values()}
    adoption = adopt(arrivals, [_candidate(item, identities) for item in placements.values()])
    lost = [
        placements[item.placement_id]
        for item in adoption.unclaimed
        if item.placement_id is not None and not placements[item.placement_id].unlinked
    ]
    held = sum(not placement.unlinked for placement in placements.values())
    unwitnessed = [placement for placement in lost if placement.uid not in policy.witnessed]
    # A half-restored folder looks like this: renumbered, and most of it missing.
    if too_many(len(unwitnessed), held, policy):
        uids = tuple(sorted(placement.uid for placement in lost))
        return Plan((Hold(HoldReason.REKEY_LOSES_TOO_MUCH, uids, held),))
    steps: list[Step] = []
    # Not found under any new number: gone from this folder. First, so that no old number stands in the
    # way of a new one.
    if lost:
        steps.append(Unlink(tuple(placement.placement_id for placement in lost)))
    steps += adoption.relinks
    steps += _flags(adoption.relinks, placements, {arrival.uid: arrival for arrival in arrivals})
    steps += _newcomers(adoption.new, policy)
    steps.append(Advance(_checkpoint(selected, arrivals)))
    return Plan(tuple(steps))


def _candidate(placement: PlacementState, identities: Mapping[int, Identity]) -> Candidate:
    return Candidate(
        message_id=placement.message_id,
        identity=identities.get(placement.placement_id, Identity()),
        placement_id=placement.placement_id,
        uid=placement.uid,
    )


def _flags(
    relinks: Sequence[Relink],
    placements: Mapping[int, PlacementState],
    arrivals: Mapping[int, Arrival],
) -> list[SetFlags]:
    """The same merge as ever: flags changed on either side while the numbering changed are kept."""
    steps = []
    for relink in relinks:
        if relink.placement_id is None:
            continue
        placement = placements[relink.placement_id]
        merged = merge(placement.base, placement.local, arrivals[relink.uid].flags)
        shown = placement.local if placement.frozen else merged.local
        if (merged.base, shown) != (placement.base, placement.local):
            steps.append(SetFlags(placement.placement_id, merged.base, shown))
    return steps


def _newcomers(new: Sequence[int], policy: Policy) -> list[Step]:
    window = policy.in_window
    wanted = tuple(uid for uid in new if window is None or uid in window)
    skipped = tuple(sorted(set(new) - set(wanted)))
    steps: list[Step] = []
    if wanted:
        steps.append(Fetch(wanted))
    if skipped:
        steps.append(Skip(skipped))
    return steps


def _checkpoint(selected: Selected, arrivals: Sequence[Arrival]) -> Checkpoint:
    top = max((arrival.uid for arrival in arrivals), default=0) + 1
    return Checkpoint(uidvalidity=selected.uidvalidity, uidnext=selected.uidnext or top)
