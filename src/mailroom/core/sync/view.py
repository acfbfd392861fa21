"""What is known of the server's side of a folder, however it was learned: by QRESYNC, CONDSTORE or a listing.

Silence proves nothing here. A message is called absent only when a complete answer says so and the
numbers agree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

from mailroom.core.sync.state import Checkpoint, LocalFolder, RemoteFlags, RemoteListing, Selected, Tier
from mailroom.core.sync.steps import FullScan, ScanReason


@dataclass(frozen=True, slots=True)
class View:
    """What is known of the server's side of a folder, however it was learned."""

    seen: Mapping[int, RemoteFlags]
    """Flags as the server tells them: all of them, or those that changed."""
    absent: frozenset[int]
    """UIDs known here that are proven not to be there."""
    proven: bool
    """False when the listing was torn: what was seen is true, what was not seen says nothing."""


def tier_to_ask(
    capabilities: Collection[str], checkpoint: Checkpoint, *, denied: Collection[Tier] = ()
) -> Tier:
    """The form of SELECT to send, before anything is known of the folder's present state.

    ``capabilities`` as after sign-in, in upper case; ``denied`` are tiers that the provider gets wrong
    (iCloud: malformed VANISHED).
    """
    remembered = bool(checkpoint.uidvalidity and checkpoint.highestmodseq)
    if "QRESYNC" in capabilities and remembered and Tier.QRESYNC not in denied:
        return Tier.QRESYNC
    # RFC 7162 3.2.4: a server that offers QRESYNC knows CONDSTORE, whether it says so or not.
    if {"CONDSTORE", "QRESYNC"} & set(capabilities) and Tier.CONDSTORE not in denied:
        return Tier.CONDSTORE
    return Tier.PLAIN


def tier_for(selected: Selected, capabilities: Collection[str], checkpoint: Checkpoint) -> Tier:
    """How to find the changes of a folder just selected."""
    if selected.uidvalidity != checkpoint.uidvalidity or _went_back(selected, checkpoint):
        return Tier.PLAIN
    if selected.resynced:
        return Tier.QRESYNC
    # HIGHESTMODSEQ 0 is an empty folder on some servers: no reason to start over, but nothing to ask with.
    remembers = bool(selected.highestmodseq and checkpoint.highestmodseq)
    if remembers and {"CONDSTORE", "QRESYNC"} & set(capabilities):
        return Tier.CONDSTORE
    return Tier.PLAIN


def view_of(
    local: LocalFolder,
    selected: Selected,
    listing: RemoteListing | None,
    *,
    shows_newest: int | None = None,
) -> View | FullScan:
    """What follows from the answers about the server's side; FullScan when nothing safe follows."""
    # An empty folder needs no listing: SELECT has said all there is.
    if listing is None and not selected.exists:
        listing = RemoteListing({}, complete=True)
    if listing is not None and listing.complete:
        return _view_of_everything(local, listing, shows_newest)
    backwards = _went_back(selected, local.checkpoint)
    # A backup was restored, or a replica lags: what we remember of "since" is void.
    if backwards is not None:
        return FullScan(backwards)
    # The connection broke, or EXISTS and the answers disagree: nothing follows from silence.
    if listing is not None and listing.since is None:
        return View(listing.flags, frozenset(), proven=False)
    if local.checkpoint.uidvalidity is None or not local.checkpoint.highestmodseq:
        return FullScan(ScanReason.FIRST if local.checkpoint.uidvalidity is None else ScanReason.NOT_LISTED)
    # Same mod-sequence as remembered: no flag changed and nothing arrived; EXISTS will speak of removals.
    unchanged = selected.highestmodseq == local.checkpoint.highestmodseq
    if listing is None and not selected.resynced and not unchanged:
        return FullScan(ScanReason.NOT_LISTED)
    # Asked for the changes since a later moment than the one remembered: what lies between is unknown.
    if listing is not None and listing.since is not None and listing.since > local.checkpoint.highestmodseq:
        return FullScan(ScanReason.NOT_LISTED)
    return _view_of_changes(local, selected, listing)


def _went_back(selected: Selected, checkpoint: Checkpoint) -> ScanReason | None:
    if selected.uidnext and selected.uidnext < checkpoint.uidnext:
        return ScanReason.UIDNEXT_WENT_BACK
    remembered = checkpoint.highestmodseq or 0
    if selected.highestmodseq and selected.highestmodseq < remembered:
        return ScanReason.MODSEQ_WENT_BACK
    return None


def _view_of_everything(local: LocalFolder, listing: RemoteListing, shows_newest: int | None) -> View:
    absent = believed(local) - listing.flags.keys()
    # Only the newest are shown, and as many as can be are: the oldest are out of sight, not removed.
    if shows_newest and len(listing.flags) >= shows_newest:
        absent = frozenset(uid for uid in absent if uid > min(listing.flags))
    return View(listing.flags, absent, proven=True)


def _view_of_changes(
    local: LocalFolder, selected: Selected, listing: RemoteListing | None
) -> View | FullScan:
    seen = {item.uid: item for item in selected.changed if selected.resynced}
    vanished = set(selected.vanished) if selected.resynced else set()
    present = None
    if listing is not None:
        seen |= listing.flags
        vanished |= listing.vanished
        present = listing.present
    held = believed(local)
    if present is not None:
        unseen = {uid for uid in present - held if uid not in seen}
        # Messages below the mod-sequence that were never heard of: their flags have to be asked for.
        if unseen:
            return FullScan(ScanReason.COUNT_DIFFERS)
        return View(seen, held - present, proven=True)
    absent = held & vanished
    counted: Set[int] = (held | seen.keys()) - absent
    # Arrived after SELECT counted the folder: true, but no part of the equation.
    if selected.uidnext:
        counted = {uid for uid in counted if uid < selected.uidnext}
    # Our numbers and the server's differ: something came or went that nobody told us of.
    if len(counted) != selected.exists:
        return FullScan(ScanReason.COUNT_DIFFERS)
    return View(seen, absent, proven=True)


def believed(local: LocalFolder) -> frozenset[int]:
    """UIDs that should be in the folder, as far as we know."""
    unlinked = {uid for uid, placement in local.placements.items() if placement.unlinked}
    return (local.known_uids | local.placements.keys()) - unlinked
