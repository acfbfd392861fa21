"""What is known of a mailbox: the words in which the wire reports and the plan decides.

Three states meet in a folder: what the user sees (local), what the server last confirmed (base) and
what the server says now (remote). Everything here is a value; nothing here acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Flags = frozenset[str]
"""IMAP flags of one placement, system flags in canonical case (``\\Seen``), keywords as sent."""

SEEN, FLAGGED, ANSWERED, DELETED, DRAFT = "\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "\\Draft"


class Role(StrEnum):
    """What a folder is for (RFC 6154); ``ALL``, ``IMPORTANT`` and ``STARRED`` are views of other folders."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    SPAM = "spam"
    TRASH = "trash"
    ARCHIVE = "archive"
    ALL = "all"
    IMPORTANT = "important"
    STARRED = "starred"


class Tier(StrEnum):
    """How changes of a folder are found: by QRESYNC, by CONDSTORE, or by comparing everything."""

    QRESYNC = "qresync"
    CONDSTORE = "condstore"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """One line of LIST, with STATUS figures where the server gives them in the same command.

    ``raw_name`` is sent back exactly as it came (RFC 3501 5.1.3 is often broken); ``name`` is for eyes:
    the full path decoded, with the server's delimiter.
    """

    raw_name: bytes
    name: str
    delimiter: str | None
    attributes: frozenset[str] = frozenset()
    """In lower case: Cyrus writes ``\\sent``."""
    mailbox_id: str | None = None
    """RFC 8474 MAILBOXID, or Dovecot's X-GUID; stable over RENAME."""
    uidvalidity: int | None = None
    uidnext: int | None = None
    messages: int | None = None
    unseen: int | None = None
    highestmodseq: int | None = None

    @property
    def selectable(self) -> bool:
        return not self.attributes & {"\\noselect", "\\nonexistent"}


@dataclass(frozen=True, slots=True)
class RemoteFlags:
    """What the server says of one message without its bytes."""

    uid: int
    flags: Flags
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """The answer to SELECT. With QRESYNC, ``changed`` and ``vanished`` tell what happened since."""

    uidvalidity: int
    exists: int
    uidnext: int | None = None
    """Courier does not say; ask STATUS."""
    highestmodseq: int | None = None
    """None or 0: the folder keeps no mod-sequences (NOMODSEQ)."""
    permanent_flags: Flags = frozenset()
    read_only: bool = False
    changed: tuple[RemoteFlags, ...] = ()
    vanished: tuple[int, ...] = ()
    resynced: bool = False
    """True when the server accepted the QRESYNC parameters, so ``changed`` and ``vanished`` are complete."""


@dataclass(frozen=True, slots=True)
class RemoteListing:
    """A snapshot of one folder taken in one go.

    ``complete`` is true only if the tagged OK came and the number of distinct UIDs agreed with EXISTS:
    only then may anything be taken as gone.
    """

    flags: Mapping[int, RemoteFlags]
    complete: bool
    since: int | None = None
    """Set when the question was CHANGEDSINCE and its tagged OK came: ``flags`` are all changes after this
    mod-sequence (RFC 7162 3.1.4), new messages among them, and say nothing of removals."""
    present: frozenset[int] | None = None
    """Every UID of the folder (UID SEARCH ALL), where it was asked for beside the changes."""
    vanished: frozenset[int] = frozenset()
    """VANISHED (EARLIER) answers to a CHANGEDSINCE with VANISHED (RFC 7162 3.2.6)."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message brought from the server: all of BODY.PEEK[], or only what was asked for."""

    uid: int
    flags: Flags
    internaldate: datetime | None = None
    size: int | None = None
    """RFC822.SIZE; a hint only, it may differ from ``len(raw)``."""
    modseq: int | None = None
    raw: bytes | None = None
    """The exact bytes of BODY[]; None where the server gave NIL or only headers were asked for."""
    header: bytes | None = None
    email_id: str | None = None
    """EMAILID (RFC 8474) or X-GM-MSGID."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a folder has been read; it moves in the transaction of the data it covers, never before."""

    uidvalidity: int | None = None
    uidnext: int = 1
    """Every UID below has an outcome: stored, waiting, filtered, before the start date, or parked."""
    highestmodseq: int | None = None
    """As announced before the fetch began, never after it."""


@dataclass(frozen=True, slots=True)
class PlacementState:
    """A message in a folder as we hold it: ``base`` confirmed by the server, ``local`` what the user sees."""

    placement_id: int
    message_id: int
    uid: int
    base: Flags
    local: Flags
    modseq: int | None = None
    unlinked: bool = False
    frozen: bool = False
    """Older than the flag window: its flags are no longer kept in step."""


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """Everything stored about one server folder that a plan needs."""

    checkpoint: Checkpoint
    placements: Mapping[int, PlacementState] = field(default_factory=dict)
    """By UID."""
    known_uids: frozenset[int] = frozenset()
    """Every UID that has an outcome, also those before the start date and those parked."""
