"""A mail server in memory that keeps the promises of ``MailServer``, for worlds without a network.

It knows the tiers of real servers, a second client (the methods of ``MemoryServer``), and planned faults.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Self

from mailroom.core.sync.state import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    SEEN,
    Fetched,
    Flags,
    ListedFolder,
    RemoteFlags,
    RemoteListing,
    Selected,
    Tier,
)
from mailroom.wire.failures import AskPerson, GiveUp, Kind, RetryLater
from mailroom.wire.imap import names
from mailroom.wire.imap import uids as uid_sets
from mailroom.wire.mailbox import (
    Abilities,
    Event,
    Exists,
    Expunged,
    FlagsChanged,
    FolderStatus,
    QResync,
    Vanished,
)
from mailroom.wire.sign_in import Credentials, Password

EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""INTERNALDATE of letters delivered without one; each later letter is a minute younger."""


@dataclass(slots=True)
class MemoryLetter:
    """One message in one folder."""

    uid: int
    raw: bytes
    flags: Flags
    internaldate: datetime
    modseq: int


@dataclass(slots=True)
class MemoryFolder:
    """A folder with its numbers, and the log of what left it."""

    raw_name: bytes
    attributes: frozenset[str]
    mailbox_id: str
    uidvalidity: int
    uidnext: int = 1
    modseq: int = 1
    letters: dict[int, MemoryLetter] = field(default_factory=dict)
    gone: dict[int, int] = field(default_factory=dict)
    """UID that left, and the mod-sequence at which it did."""

    def next_modseq(self) -> int:
        self.modseq += 1
        return self.modseq


class MemoryServer:
    """The server, and at the same time the hand of a second client that changes things behind our back."""

    def __init__(
        self, *, tier: Tier = Tier.QRESYNC, move: bool = True, uidplus: bool = True, idle: bool = True
    ) -> None:
        self.abilities = Abilities(tier=tier, move=move, uidplus=uidplus, idle=idle)
        self.password: str | None = None
        """None: any credential is good."""
        self.folders: dict[bytes, MemoryFolder] = {}
        self.calls: list[str] = []
        """Every call of every session by name, in order."""
        self.sessions: list[MemorySession] = []
        self.lock = threading.RLock()
        self._faults: dict[int, bool] = {}
        self._numbers = iter(range(1, 1 << 31))
        self.add_folder(b"INBOX")

    def open(self, credentials: Credentials | None = None) -> MemorySession:
        """Sign in."""
        self.called("open")
        if self.password is not None and not (
            isinstance(credentials, Password) and credentials.secret == self.password
        ):
            raise AskPerson(Kind.WRONG_PASSWORD, "Authentication failed.", cure="check_password")
        session = MemorySession(self)
        self.sessions.append(session)
        return session

    # --- faults

    def cut(self, *, after: int, answered: bool = False) -> None:
        """Break the connection at the call that comes ``after`` more calls.

        ``answered`` False: that call has no effect. True: it takes effect and only its answer is lost.
        """
        self._faults[len(self.calls) + after] = answered

    def called(self, name: str) -> bool | None:
        """Count a call; tell whether it is to fail: None no, False before its effect, True after it."""
        self.calls.append(name)
        return self._faults.pop(len(self.calls) - 1, None)

    # --- the second client

    def add_folder(self, raw_name: bytes, attributes: Iterable[str] = ()) -> MemoryFolder:
        with self.lock:
            number = next(self._numbers)
            folder = MemoryFolder(raw_name, frozenset(attributes), f"m{number}", 1_700_000_000 + number)
            self.folders[raw_name] = folder
            return folder

    def rename_folder(self, old: bytes, new: bytes) -> None:
        with self.lock:
            folder = self.folders.pop(old)
            folder.raw_name = new
            self.folders[new] = folder

    def delete_folder(self, raw_name: bytes) -> None:
        with self.lock:
            del self.folders[raw_name]

    def deliver(
        self, raw: bytes, raw_name: bytes = b"INBOX", *, flags: Iterable[str] = (), at: datetime | None = None
    ) -> int:
        """Put a letter in; return its UID."""
        with self.lock:
            folder = self.folders[raw_name]
            uid, folder.uidnext = folder.uidnext, folder.uidnext + 1
            at = at or EPOCH + timedelta(minutes=uid)
            folder.letters[uid] = MemoryLetter(uid, raw, frozenset(flags), at, folder.next_modseq())
            self.tell(folder, Exists(len(folder.letters)))
            return uid

    def set_flags(
        self,
        uids: Iterable[int],
        raw_name: bytes = b"INBOX",
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> None:
        with self.lock:
            folder = self.folders[raw_name]
            for uid in uids:
                letter = folder.letters.get(uid)
                flags = None if letter is None else (letter.flags | set(add)) - set(remove)
                if letter is not None and flags is not None and flags != letter.flags:
                    letter.flags, letter.modseq = frozenset(flags), folder.next_modseq()
                    remote = RemoteFlags(uid, letter.flags, letter.modseq)
                    self.tell(folder, FlagsChanged(_sequence(folder, uid), remote))

    def expunge(self, uids: Iterable[int], raw_name: bytes = b"INBOX") -> None:
        with self.lock:
            folder = self.folders[raw_name]
            for uid in uids:
                if uid in folder.letters:
                    sequence = _sequence(folder, uid)
                    del folder.letters[uid]
                    folder.gone[uid] = folder.next_modseq()
                    resync = self.abilities.tier is Tier.QRESYNC
                    self.tell(folder, Vanished(((uid, uid),)) if resync else Expunged(sequence))

    def transfer(self, uids: Iterable[int], old: bytes, new: bytes, *, keep: bool) -> dict[int, int]:
        """Copy (``keep``) or move; return old UID to new UID."""
        with self.lock:
            if new not in self.folders:
                raise GiveUp(Kind.NO_SUCH_FOLDER, "[TRYCREATE] Mailbox doesn't exist")
            found = [
                self.folders[old].letters[uid]
                for uid in sorted(set(uids))
                if uid in self.folders[old].letters
            ]
            pairs = {
                letter.uid: self.deliver(letter.raw, new, flags=letter.flags, at=letter.internaldate)
                for letter in found
            }
            if not keep:
                self.expunge(pairs, old)
            return pairs

    def rekey(self, raw_name: bytes = b"INBOX", *, reverse: bool = False) -> None:
        """Give the folder a new UIDVALIDITY and every letter a new UID, in the same or the opposite order."""
        with self.lock:
            folder = self.folders[raw_name]
            letters = sorted(folder.letters.values(), key=lambda letter: letter.uid, reverse=reverse)
            folder.uidvalidity = 1_800_000_000 + next(self._numbers)
            folder.modseq, folder.gone = 1, {}
            folder.letters = {
                uid: replace(letter, uid=uid, modseq=1) for uid, letter in enumerate(letters, start=1)
            }
            folder.uidnext = len(letters) + 1

    def tell(self, folder: MemoryFolder, event: Event) -> None:
        for session in self.sessions:
            session.told(folder, event)


def _sequence(folder: MemoryFolder, uid: int) -> int:
    return sorted(folder.letters).index(uid) + 1


class MemorySession:
    """One signed-in session; see ``MailServer``."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self.events: deque[Event] = deque(maxlen=100_000)
        self._folder: MemoryFolder | None = None
        self._known: frozenset[int] | None = None
        self._closed = False
        self._idling = False
        self._bell: tuple[socket.socket, socket.socket] | None = None

    @property
    def abilities(self) -> Abilities:
        return self._server.abilities

    def tier(self, selected: Selected) -> Tier:
        return self.abilities.tier if selected.highestmodseq else Tier.PLAIN

    @property
    def exists(self) -> int:
        return 0 if self._folder is None else len(self._folder.letters)

    # --- folders

    def list_folders(self, *, with_status: bool = True) -> list[ListedFolder]:
        with self._call("list_folders"):
            return [self._listed(folder, with_status) for folder in self._server.folders.values()]

    def _listed(self, folder: MemoryFolder, with_status: bool) -> ListedFolder:
        listed = ListedFolder(folder.raw_name, names.decode(folder.raw_name), "/", folder.attributes)
        if not with_status or not listed.selectable:
            return listed
        status = self._status(folder)
        return replace(
            listed,
            mailbox_id=status.mailbox_id,
            uidvalidity=status.uidvalidity,
            uidnext=status.uidnext,
            messages=status.messages,
            unseen=status.unseen,
            highestmodseq=status.highestmodseq,
        )

    def status(self, raw_name: bytes) -> FolderStatus:
        with self._call("status"):
            return self._status(self._find(raw_name))

    def _status(self, folder: MemoryFolder) -> FolderStatus:
        return FolderStatus(
            uidvalidity=folder.uidvalidity,
            uidnext=folder.uidnext,
            messages=len(folder.letters),
            unseen=sum(SEEN not in letter.flags for letter in folder.letters.values()),
            highestmodseq=self._modseq(folder.modseq),
            mailbox_id=folder.mailbox_id,
        )

    def create_folder(self, raw_name: bytes) -> None:
        with self._call("create_folder"):
            if raw_name not in self._server.folders:
                self._server.add_folder(raw_name)

    def select(self, raw_name: bytes, *, qresync: QResync | None = None, read_only: bool = False) -> Selected:
        with self._call("select"):
            self._folder, self._known = None, None
            self.events.clear()
            folder = self._find(raw_name)
            if {"\\noselect", "\\nonexistent"} & folder.attributes:
                raise GiveUp(Kind.NO_SUCH_FOLDER, "Mailbox isn't selectable")
            self._folder = folder
            return self._resynced(self._selected(folder, read_only), qresync)

    def _selected(self, folder: MemoryFolder, read_only: bool) -> Selected:
        return Selected(
            uidvalidity=folder.uidvalidity,
            exists=len(folder.letters),
            uidnext=folder.uidnext,
            highestmodseq=self._modseq(folder.modseq),
            permanent_flags=frozenset({SEEN, FLAGGED, ANSWERED, DELETED, DRAFT, "\\*"})
            if not read_only
            else frozenset(),
            read_only=read_only,
        )

    def _resynced(self, selected: Selected, qresync: QResync | None) -> Selected:
        if qresync is None or self.abilities.tier is not Tier.QRESYNC:
            return selected
        if qresync.uidvalidity != selected.uidvalidity:
            return selected
        self._known = qresync.known
        changed = tuple(flags for flags in self._all_flags() if (flags.modseq or 0) > qresync.modseq)
        return replace(
            selected, resynced=True, changed=changed, vanished=tuple(self._left_since(qresync.modseq))
        )

    def _left_since(self, modseq: int) -> list[int]:
        gone = (uid for uid, at in self._current().gone.items() if at > modseq)
        return sorted(uid for uid in gone if self._known is None or uid in self._known)

    # --- looking

    def search(self, criteria: bytes = b"ALL") -> list[int]:
        with self._call("search"):
            matches = _criteria(criteria)
            letters = self._current().letters
            return [uid for uid in sorted(letters) if matches(letters[uid])]

    def search_since(self, day: date) -> list[int]:
        with self._call("search_since"):
            early = day - timedelta(days=1) if day > date.min else day
            letters = self._current().letters
            return [uid for uid in sorted(letters) if letters[uid].internaldate.date() >= early]

    def fetch_flags(
        self, uids: Iterable[int] | None = None, *, changed_since: int | None = None, vanished: bool = False
    ) -> tuple[list[RemoteFlags], list[int]]:
        with self._call("fetch_flags"):
            asked = None if uids is None else set(uids)
            found = [flags for flags in self._all_flags() if asked is None or flags.uid in asked]
            if changed_since is None or self.abilities.tier is Tier.PLAIN:
                return found, []
            changed = [flags for flags in found if (flags.modseq or 0) > changed_since]
            if not vanished or self.abilities.tier is not Tier.QRESYNC:
                return changed, []
            return changed, [uid for uid in self._left_since(changed_since) if asked is None or uid in asked]

    def _all_flags(self) -> list[RemoteFlags]:
        letters = self._current().letters
        return [
            RemoteFlags(uid, letters[uid].flags, self._modseq(letters[uid].modseq)) for uid in sorted(letters)
        ]

    def listing(self) -> RemoteListing:
        flags, _ = self.fetch_flags()
        return RemoteListing(flags={remote.uid: remote for remote in flags}, complete=True)

    # --- reading

    def fetch_headers(self, uids: Iterable[int]) -> Iterator[Fetched]:
        for message in self._fetch(sorted(set(uids)), "fetch_headers"):
            raw = message.raw or b""
            header = raw[: raw.find(b"\r\n\r\n") + 4] if b"\r\n\r\n" in raw else raw
            yield replace(message, raw=None, header=header, size=len(raw))

    def fetch_bodies(
        self, uids: Iterable[int], *, sizes: Mapping[int, int] | None = None, budget: int = 8 * 1024 * 1024
    ) -> Iterator[Fetched]:
        yield from self._fetch(dict.fromkeys(uids), "fetch_bodies")

    def _fetch(self, uids: Iterable[int], name: str) -> Iterator[Fetched]:
        for uid in uids:
            with self._call(name):
                letter = self._current().letters.get(uid)
            if letter is not None:
                modseq = self._modseq(letter.modseq)
                yield Fetched(uid, letter.flags, letter.internaldate, modseq=modseq, raw=letter.raw)

    # --- changing

    def store_flags(
        self, uids: Iterable[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> None:
        with self._call("store_flags"):
            self._server.set_flags(uids, self._current().raw_name, add=add, remove=remove)

    def move(self, uids: Iterable[int], raw_name: bytes) -> dict[int, int]:
        with self._call("move"):
            if not self.abilities.move:
                raise GiveUp(Kind.UNSUPPORTED, "MOVE")
            pairs = self._server.transfer(uids, self._current().raw_name, raw_name, keep=False)
            return pairs if self.abilities.uidplus else {}

    def copy(self, uids: Iterable[int], raw_name: bytes) -> dict[int, int]:
        with self._call("copy"):
            pairs = self._server.transfer(uids, self._current().raw_name, raw_name, keep=True)
            return pairs if self.abilities.uidplus else {}

    def uid_expunge(self, uids: Iterable[int]) -> None:
        with self._call("uid_expunge"):
            if not self.abilities.uidplus:
                raise GiveUp(Kind.UNSUPPORTED, "UIDPLUS")
            letters = self._current().letters
            marked = [uid for uid in uids if uid in letters and DELETED in letters[uid].flags]
            self._server.expunge(marked, self._current().raw_name)

    def append(
        self, raw_name: bytes, data: bytes, *, flags: Iterable[str] = (), internaldate: datetime | None = None
    ) -> int | None:
        with self._call("append"):
            self._find(raw_name)
            uid = self._server.deliver(data, raw_name, flags=flags, at=internaldate)
            return uid if self.abilities.uidplus else None

    # --- waiting

    def noop(self) -> None:
        with self._call("noop"):
            pass

    def idle_start(self) -> None:
        with self._call("idle_start"):
            if not self.abilities.idle:
                raise GiveUp(Kind.UNSUPPORTED, "IDLE")
            self._idling = True

    def idle_events(self) -> list[Event]:
        with self._call("idle_events"):
            if self._bell is not None:
                with contextlib.suppress(BlockingIOError):
                    while self._bell[0].recv(4096):
                        pass
            found = list(self.events)
            self.events.clear()
            return found

    def idle_done(self) -> None:
        with self._call("idle_done"):
            self._idling = False

    def fileno(self) -> int:
        """A descriptor that becomes readable when something happens."""
        if self._bell is None:
            self._bell = socket.socketpair()
            self._bell[0].setblocking(False)
        return self._bell[0].fileno()

    def pending(self) -> bool:
        return False

    def told(self, folder: MemoryFolder, event: Event) -> None:
        """The server says something about the selected folder."""
        if folder is self._folder:
            self.events.append(event)
            if self._bell is not None:
                self._bell[1].send(b"!")

    # --- the end

    def logout(self) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        if self in self._server.sessions:
            self._server.sessions.remove(self)
        bell, self._bell = self._bell, None
        for end in bell or ():
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- inside

    @contextlib.contextmanager
    def _call(self, name: str) -> Iterator[None]:
        with self._server.lock:
            if self._closed:
                raise RetryLater(Kind.CONNECTION_LOST, "the connection is closed")
            fault = self._server.called(name)
            if fault is not False:
                yield
            if fault is not None:
                self.close()
                raise RetryLater(Kind.CONNECTION_LOST, "the server closed the connection")

    def _current(self) -> MemoryFolder:
        if self._folder is None:
            raise RetryLater(Kind.PROTOCOL, "No mailbox selected.")
        return self._folder

    def _find(self, raw_name: bytes) -> MemoryFolder:
        folder = self._server.folders.get(raw_name)
        if folder is None:
            raise GiveUp(Kind.NO_SUCH_FOLDER, "Mailbox doesn't exist")
        return folder

    def _modseq(self, modseq: int) -> int | None:
        return None if self.abilities.tier is Tier.PLAIN else modseq


Matcher = Callable[[MemoryLetter], bool]

_FLAG_KEYS = {b"SEEN": SEEN, b"FLAGGED": FLAGGED, b"ANSWERED": ANSWERED, b"DELETED": DELETED, b"DRAFT": DRAFT}


def _criteria(text: bytes) -> Matcher:
    """Read the search keys that we use: ALL, UID, LARGER, flags and their UN-forms, and HEADER."""
    words = re.findall(rb'"(?:[^"\\]|\\.)*"|\S+', text)
    matchers: list[Matcher] = []
    while words:
        word = words.pop(0).upper()
        if word == b"HEADER" and len(words) > 1:
            matchers.append(_header(words.pop(0), words.pop(0).strip(b'"')))
        elif word in (b"UID", b"LARGER") and words:
            matchers.append(_number(word, words.pop(0)))
        elif word != b"ALL":
            matchers.append(_flag(word))
    return lambda letter: all(matcher(letter) for matcher in matchers)


def _number(key: bytes, value: bytes) -> Matcher:
    if key == b"LARGER":
        return lambda letter: len(letter.raw) > int(value)
    ranges = uid_sets.parse(value)
    return lambda letter: any(low <= letter.uid <= high for low, high in ranges)


def _flag(key: bytes) -> Matcher:
    if key in _FLAG_KEYS:
        return lambda letter: _FLAG_KEYS[key] in letter.flags
    if key.startswith(b"UN") and key[2:] in _FLAG_KEYS:
        return lambda letter: _FLAG_KEYS[key[2:]] not in letter.flags
    raise GiveUp(Kind.UNSUPPORTED, f"SEARCH {key.decode('latin-1')}")


def _header(name: bytes, value: bytes) -> Matcher:
    line = re.compile(rb"^" + re.escape(name) + rb":.*" + re.escape(value), re.I | re.M)
    return lambda letter: line.search(letter.raw.partition(b"\r\n\r\n")[0]) is not None
