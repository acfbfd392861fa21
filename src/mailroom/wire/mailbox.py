"""What the engine asks of a mailbox, whoever answers: a socket (``wire.imap``) or memory (``wire.memory``).

One conformance suite runs against both. Every method may raise a Failure (``wire.failures``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from mailroom.core.sync.state import Fetched, ListedFolder, RemoteFlags, RemoteListing, Selected, Tier


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """The answer to STATUS; None is what the server did not say."""

    uidvalidity: int | None = None
    uidnext: int | None = None
    messages: int | None = None
    unseen: int | None = None
    highestmodseq: int | None = None
    mailbox_id: str | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """The folder now has ``count`` messages."""

    count: int


@dataclass(frozen=True, slots=True)
class Expunged:
    """A message left; only its sequence number is told, so look which one it was."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Vanished:
    """Messages left (RFC 7162 3.2.10). ``ranges`` are closed intervals and may be absurdly wide."""

    ranges: tuple[tuple[int, int], ...]
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    """Flags of a message changed; ``remote`` is None where the server gave no UID."""

    sequence: int
    remote: RemoteFlags | None


@dataclass(frozen=True, slots=True)
class Alert:
    """Words that the server wants a person to read (``[ALERT]``)."""

    words: str


Event = Exists | Expunged | Vanished | FlagsChanged | Alert


@dataclass(frozen=True, slots=True)
class QResync:
    """What we know of a folder, for a SELECT that tells what has changed since (RFC 7162 3.2.5).

    ``known``: the UIDs we hold; only these can be reported as vanished (none held: nothing vanishes).
    """

    uidvalidity: int
    modseq: int
    known: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this server can do, so that a caller chooses its way beforehand."""

    tier: Tier
    move: bool
    uidplus: bool
    idle: bool
    capabilities: frozenset[str] = frozenset()
    """CAPABILITY after login, upper case."""


class MailServer(Protocol):
    """One signed-in session. Folders are named by the raw bytes that LIST gave."""

    events: deque[Event]
    """What the server said unasked since the last look, in order; emptied by whoever reads it."""

    @property
    def abilities(self) -> Abilities: ...

    @property
    def exists(self) -> int:
        """Messages in the selected folder, as last announced."""

    def tier(self, selected: Selected) -> Tier:
        """How changes of this folder can be found: a folder without mod-sequences is PLAIN."""

    def list_folders(self, *, with_status: bool = True) -> list[ListedFolder]: ...

    def status(self, raw_name: bytes) -> FolderStatus: ...

    def create_folder(self, raw_name: bytes) -> None:
        """Make a folder; one that exists already is no failure."""

    def select(
        self, raw_name: bytes, *, qresync: QResync | None = None, read_only: bool = False
    ) -> Selected: ...

    def search(self, criteria: bytes = b"ALL") -> list[int]: ...

    def search_since(self, day: date) -> list[int]:
        """UIDs stored on ``day`` or later by the server's clock, a day of grace included."""

    def fetch_flags(
        self, uids: Iterable[int] | None = None, *, changed_since: int | None = None, vanished: bool = False
    ) -> tuple[list[RemoteFlags], list[int]]:
        """Flags of ``uids`` (None = all), and with ``vanished`` the known UIDs that left since."""

    def listing(self) -> RemoteListing:
        """All flags of the folder, and whether the answer is complete: only then may anything be missing."""

    def fetch_headers(self, uids: Iterable[int]) -> Iterator[Fetched]:
        """Everything but the body; a UID that the server does not give is missing from the answer."""

    def fetch_bodies(
        self, uids: Iterable[int], *, sizes: Mapping[int, int] | None = None, budget: int = 8 * 1024 * 1024
    ) -> Iterator[Fetched]:
        """The exact bytes, in the order of ``uids``' batches; ``sizes`` keep a batch under ``budget``."""

    def store_flags(
        self, uids: Iterable[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> None: ...

    def move(self, uids: Iterable[int], raw_name: bytes) -> dict[int, int]:
        """Move; the answer (COPYUID, old UID to new) is a hint and often empty."""

    def copy(self, uids: Iterable[int], raw_name: bytes) -> dict[int, int]: ...

    def uid_expunge(self, uids: Iterable[int]) -> None:
        """Remove these UIDs where marked deleted, no others; ``unsupported`` without UIDPLUS."""

    def append(
        self, raw_name: bytes, data: bytes, *, flags: Iterable[str] = (), internaldate: datetime | None = None
    ) -> int | None:
        """Store a letter; the answer (APPENDUID) is a hint and often None."""

    def noop(self) -> None: ...

    def idle_start(self) -> None: ...

    def idle_events(self) -> list[Event]:
        """What has come in while idling, without waiting."""

    def idle_done(self) -> None: ...

    def fileno(self) -> int: ...

    def pending(self) -> bool:
        """Whether bytes wait that a selector cannot see, decrypted already."""

    def logout(self) -> None: ...

    def close(self) -> None:
        """Drop the connection without a word; never fails."""
