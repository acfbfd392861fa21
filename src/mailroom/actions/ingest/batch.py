"""What goes into a store and what comes out: plain values that can cross a process boundary."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mailroom.core.letter import Letter
from mailroom.core.sync.state import Checkpoint, Flags
from mailroom.data.blobs.keeping import Kept


@dataclass(frozen=True, slots=True)
class Arrival:
    """One letter read from somewhere: what it says, where it sits, and its durable bytes.

    ``kept`` is None while only the headers are here. Without a ``server_folder_id`` the letter has no copy
    on a server; with one but without ``uid`` it is ours, and the server's copy is still to be seen.
    """

    letter: Letter
    folder_id: int
    kept: Kept | None
    size: int
    server_folder_id: int | None = None
    uidvalidity: int | None = None
    uid: int | None = None
    flags: Flags = frozenset()
    modseq: int | None = None
    internal_at: datetime | None = None
    email_id: str = ""
    sent_by_id: int | None = None
    confidential: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a folder has been read once the batch is stored; written with it, never before."""

    server_folder_id: int
    checkpoint: Checkpoint | None = None
    known_uids: str | None = None
    counters: dict[str, int] = field(default_factory=dict)
    """Columns of ServerFolder such as on_server, before_start, waiting."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Letters of one account to be stored in one transaction."""

    account_id: int
    arrivals: tuple[Arrival, ...]
    at: datetime
    fence: int | None = None
    """The lease under which they were read; None where no engine is involved."""
    progress: tuple[Progress, ...] = ()
    announce: bool = True
    """False for backfill: open pages are told of progress, not of new mail."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch; ``message_ids`` follow the order of the arrivals."""

    message_ids: tuple[int, ...]
    new: int
    """Letters that were not in this account before."""
    again: int
    """Letters that were here already: another placement, an adopted copy, or nothing at all."""
    threads: frozenset[int]
