"""A signed-in IMAP session in the core's words. It never uses sequence numbers and never a bare EXPUNGE."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Self

from mailroom.core.sync.state import Fetched, ListedFolder, RemoteFlags, RemoteListing, Selected, Tier
from mailroom.wire.dial import Endpoint, Trust
from mailroom.wire.failures import Failure, GiveUp, Kind, OurBug
from mailroom.wire.imap import listing, opening
from mailroom.wire.imap import uids as uid_sets
from mailroom.wire.imap.connection import Connection, Literal, Piece, Taker, joined, string
from mailroom.wire.imap.fetching import MONTHS, Arrivals, batches, flags_in, remote_flags, written_date
from mailroom.wire.imap.grammar import Data, Status, numbers, values
from mailroom.wire.mailbox import (
    Abilities,
    Alert,
    Event,
    Exists,
    Expunged,
    FlagsChanged,
    FolderStatus,
    QResync,
    Vanished,
)
from mailroom.wire.sign_in import Credentials

EVENTS_KEPT = 100_000
_IN_FLIGHT = 2


class ImapSession:
    """One connection after sign-in; see ``MailServer`` for what the methods mean."""

    def __init__(self, connection: Connection, welcome: opening.Welcome) -> None:
        self._line = connection
        self._welcome = welcome
        self.capabilities = welcome.capabilities
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._exists = 0
        self._codes: dict[str, bytes] = {}
        self._selected: Selected | None = None
        self._known: list[int] | None = None
        self._fetching: list[bytes] = []
        self._idling: bytes | None = None

    @classmethod
    def open(
        cls, endpoint: Endpoint, trust: Trust, credentials: Credentials, *, timeout: float = 60.0
    ) -> Self:
        """Connect and sign in. ``timeout``: seconds without progress after which a command has failed."""
        heard: list[ImapSession] = []

        def listener(response: Data | Status) -> None:
            if heard:
                heard[0]._hear(response)

        connection, greeting = opening.connect(endpoint, trust, listener, timeout=timeout)
        try:
            session = cls(connection, opening.sign_in(connection, greeting, credentials, endpoint.host))
        except BaseException:
            connection.close()
            raise
        heard.append(session)
        return session

    # --- what the server can do

    @property
    def abilities(self) -> Abilities:
        enabled = self._welcome.enabled
        condstore = "CONDSTORE" in enabled or "CONDSTORE" in self.capabilities
        tier = Tier.QRESYNC if "QRESYNC" in enabled else Tier.CONDSTORE if condstore else Tier.PLAIN
        return Abilities(
            tier=tier,
            move="MOVE" in self.capabilities,
            uidplus="UIDPLUS" in self.capabilities,
            idle="IDLE" in self.capabilities,
            capabilities=self.capabilities,
        )

    def tier(self, selected: Selected) -> Tier:
        return self.abilities.tier if selected.highestmodseq else Tier.PLAIN

    @property
    def exists(self) -> int:
        return self._exists

    # --- folders

    def list_folders(self, *, with_status: bool = True) -> list[ListedFolder]:
        self._settle()
        items = self._status_items()
        try:
            return listing.list_folders(self._line, self.capabilities, items, with_status=with_status)
        except Failure:
            if self._line.closed:
                raise
            # Offered, but not understood: the oldest form still works.
            return listing.list_folders(self._line, (), _STATUS_ITEMS, with_status=with_status)

    def status(self, raw_name: bytes) -> FolderStatus:
        self._settle()
        return listing.status_of(self._line, raw_name, self._status_items())

    def _status_items(self) -> list[bytes]:
        items = list(_STATUS_ITEMS)
        if self.abilities.tier is not Tier.PLAIN:
            items.append(b"HIGHESTMODSEQ")
        if "OBJECTID" in self.capabilities:
            items.append(b"MAILBOXID")
        elif self._welcome.server_name == "dovecot":
            items.append(b"X-GUID")
        return items

    def create_folder(self, raw_name: bytes) -> None:
        try:
            self._run(b"CREATE ", string(raw_name))
        except GiveUp as refused:
            if refused.kind != Kind.FOLDER_EXISTS:
                raise

    def select(self, raw_name: bytes, *, qresync: QResync | None = None, read_only: bool = False) -> Selected:
        self._settle()
        self._selected, self._exists, self._known = None, 0, None
        self._codes.clear()
        self.events.clear()
        verb = b"EXAMINE " if read_only else b"SELECT "
        if qresync is not None and self.abilities.tier is Tier.QRESYNC and qresync.modseq > 0:
            try:
                return self._select(verb, raw_name, _qresync(qresync), qresync)
            except Failure as refused:
                if self._line.closed or refused.kind not in {Kind.SERVER_ERROR, Kind.PROTOCOL}:
                    raise
        needs_asking = self.abilities.tier is Tier.CONDSTORE and "CONDSTORE" not in self._welcome.enabled
        return self._select(verb, raw_name, b" (CONDSTORE)" if needs_asking else b"", None)

    def _select(self, verb: bytes, raw_name: bytes, parameters: bytes, qresync: QResync | None) -> Selected:
        changed: dict[int, RemoteFlags] = {}
        vanished: list[tuple[int, int]] = []

        def take(data: Data) -> bool:
            if data.kind == "FETCH" and (remote := remote_flags(data)) is not None:
                changed[remote.uid] = remote
                return True
            if data.kind == "VANISHED":
                vanished.extend(_vanished(data).ranges)
                return True
            return False

        status = self._line.run(verb, string(raw_name), parameters, take=take)
        self.events.clear()  # what SELECT itself says is in its answer
        uidnext = _int(self._codes.get("UIDNEXT")) or self.status(raw_name).uidnext
        uidvalidity = _int(self._codes.get("UIDVALIDITY")) or 0
        modseq = None if "NOMODSEQ" in self._codes else _int(self._codes.get("HIGHESTMODSEQ"))
        same = qresync is not None and qresync.uidvalidity == uidvalidity and bool(modseq)
        self._known = sorted(qresync.known) if qresync is not None and same else None
        self._selected = Selected(
            uidvalidity=uidvalidity,
            exists=self._exists,
            uidnext=uidnext,
            highestmodseq=modseq or None,
            permanent_flags=flags_in((values((self._codes.get("PERMANENTFLAGS", b""),)) or [None])[0]),
            read_only=bool(status.code and status.code.name == "READ-ONLY"),
            changed=tuple(changed.values()) if same else (),
            vanished=tuple(self._left(uid_sets.merged(vanished), uidnext)) if same else (),
            resynced=same,
        )
        return self._selected

    def _left(self, ranges: uid_sets.Ranges, uidnext: int | None) -> list[int]:
        """Of what is said to have vanished, only what we hold: the rest is hearsay and may be endless."""
        if self._known is not None:
            return uid_sets.within(ranges, self._known)
        return uid_sets.expand(ranges, below=uidnext)

    # --- looking

    def search(self, criteria: bytes = b"ALL") -> list[int]:
        found: list[int] = []

        def take(data: Data) -> bool:
            if data.kind == "SEARCH":
                found.extend(numbers(data.text()))
            elif data.kind == "ESEARCH":
                found.extend(_esearch(data))
            else:
                return False
            return True

        returning = b"RETURN (ALL) " if "ESEARCH" in self.capabilities else b""
        self._run(b"UID SEARCH " + returning + criteria, take=take)
        return sorted(set(found))

    def search_since(self, day: date) -> list[int]:
        # The server counts days by its own clock; one day of grace, the caller looks at INTERNALDATE.
        early = day - timedelta(days=1) if day > date.min else day
        return self.search(f"SINCE {early.day}-{MONTHS[early.month - 1]}-{early.year:04d}".encode("ascii"))

    def fetch_flags(
        self, uids: Iterable[int] | None = None, *, changed_since: int | None = None, vanished: bool = False
    ) -> tuple[list[RemoteFlags], list[int]]:
        asked = None if uids is None else sorted(set(uids))
        flags: dict[int, RemoteFlags] = {}
        gone: list[tuple[int, int]] = []

        def take(data: Data) -> bool:
            if data.kind == "FETCH" and (remote := remote_flags(data)) is not None:
                flags[remote.uid] = remote
                return True
            if data.kind == "VANISHED":
                said = _vanished(data)
                gone.extend(said.ranges)
                return said.earlier
            return False

        for command in self._flag_commands(asked, changed_since, vanished):
            self._run(command, take=take)
        ranges = uid_sets.merged(gone)
        for uid in uid_sets.within(ranges, sorted(flags)):
            del flags[uid]
        if not vanished:
            return list(flags.values()), []
        left = self._left(ranges, self._uidnext()) if asked is None else uid_sets.within(ranges, asked)
        return list(flags.values()), left

    def _flag_commands(
        self, asked: list[int] | None, changed_since: int | None, vanished: bool
    ) -> Iterator[bytes]:
        modseq = b" MODSEQ" if self._has_modseq() else b""
        items = b" (UID FLAGS" + modseq + b")"
        since = b""
        if changed_since is not None and modseq:
            resync = b" VANISHED" if vanished and self.abilities.tier is Tier.QRESYNC else b""
            since = b" (CHANGEDSINCE %d" % max(1, changed_since) + resync + b")"
        if asked is not None:
            yield from (b"UID FETCH " + _set(chunk) + items + since for chunk in uid_sets.chunks(asked))
        elif since or self._exists:
            # Cyrus reads "*" as the highest UID still visible and so hides that the newest was removed.
            yield b"UID FETCH 1:%d" % uid_sets.MAX_UID + items + since if since else b"UID FETCH 1:*" + items
        else:
            yield b"NOOP"  # an empty folder: some servers call 1:* an error; what has just come in is heard

    def listing(self) -> RemoteListing:
        before = self._exists
        flags, _ = self.fetch_flags()
        if not before and self._exists:
            flags, _ = self.fetch_flags()
        found = {remote.uid: remote for remote in flags}
        return RemoteListing(flags=found, complete=len(found) == self._exists)

    # --- reading

    def fetch_headers(self, uids: Iterable[int]) -> Iterator[Fetched]:
        return self._fetch(uid_sets.chunks(uids), b"RFC822.SIZE BODY.PEEK[HEADER]", "BODY[HEADER]")

    def fetch_bodies(
        self, uids: Iterable[int], *, sizes: Mapping[int, int] | None = None, budget: int = 8 * 1024 * 1024
    ) -> Iterator[Fetched]:
        return self._fetch(batches(uids, sizes or {}, budget=budget), b"BODY.PEEK[]", "BODY[]")

    def _fetch(self, parts: Iterator[list[int]], items: bytes, text: str) -> Iterator[Fetched]:
        """Two commands in flight, so that the server never waits for us; messages are given as they come."""
        self._settle()
        arrivals = Arrivals(text)
        wanted = b" (UID FLAGS INTERNALDATE " + self._extra_items() + items + b")"
        for part in parts:
            self._fetching.append(self._line.send(b"UID FETCH " + _set(part) + wanted))
            if len(self._fetching) >= _IN_FLIGHT:
                yield from self._arriving(self._fetching[0], arrivals)
        while self._fetching:
            yield from self._arriving(self._fetching[0], arrivals)

    def _arriving(self, tag: bytes, arrivals: Arrivals) -> Iterator[Fetched]:
        deadline = self._line.deadline()
        while not self._line.answered(tag):
            self._line.step(take=arrivals.take, deadline=deadline)
            if arrivals.ready:
                yield from arrivals.taken()
                if tag not in self._fetching:
                    raise OurBug(Kind.PROTOCOL, "another command was run while messages were being fetched")
                deadline = self._line.deadline()
        self._fetching.remove(tag)
        self._line.finish(tag)
        if not self._fetching:
            arrivals.end()
        yield from arrivals.taken()

    def _extra_items(self) -> bytes:
        strong = (
            "EMAILID"
            if "OBJECTID" in self.capabilities
            else "X-GM-MSGID"
            if "X-GM-EXT-1" in self.capabilities
            else ""
        )
        return (b"MODSEQ " if self._has_modseq() else b"") + (strong.encode() + b" " if strong else b"")

    def _has_modseq(self) -> bool:
        return self._selected is not None and self.tier(self._selected) is not Tier.PLAIN

    def _uidnext(self) -> int | None:
        return None if self._selected is None else self._selected.uidnext

    # --- changing

    def store_flags(
        self, uids: Iterable[int], *, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> None:
        changes = [(b"+FLAGS.SILENT ", _flag_list(add)), (b"-FLAGS.SILENT ", _flag_list(remove))]
        for chunk in uid_sets.chunks(uids):
            for verb, flags in changes:
                if flags != b"()":
                    self._run(b"UID STORE " + _set(chunk) + b" " + verb + flags)

    def move(self, uids: Iterable[int], raw_name: bytes) -> dict[int, int]:
        if "MOVE" not in self.capabilities:
            raise GiveUp(Kind.UNSUPPORTED, "MOVE")
        return self._transfer(b"UID MOVE ", uids, raw_name)

    def copy(self, uids: Iterable[int], raw_name: bytes) -> dict[int, int]:
        return self._transfer(b"UID COPY ", uids, raw_name)

    def _transfer(self, verb: bytes, uids: Iterable[int], raw_name: bytes) -> dict[int, int]:
        found: dict[int, int] = {}
        for chunk in uid_sets.chunks(uids):
            self._codes.pop("COPYUID", None)
            status = self._run(verb + _set(chunk) + b" ", string(raw_name))
            code = (
                status.code.args
                if status.code and status.code.name == "COPYUID"
                else self._codes.get("COPYUID", b"")
            )
            found.update(_copyuid(code))
        return found

    def uid_expunge(self, uids: Iterable[int]) -> None:
        if "UIDPLUS" not in self.capabilities:
            raise GiveUp(Kind.UNSUPPORTED, "UIDPLUS")
        for chunk in uid_sets.chunks(uids):
            self._run(b"UID EXPUNGE " + _set(chunk))

    def append(
        self, raw_name: bytes, data: bytes, *, flags: Iterable[str] = (), internaldate: datetime | None = None
    ) -> int | None:
        limit = next((int(c[12:]) for c in self.capabilities if re.fullmatch(r"APPENDLIMIT=\d+", c)), None)
        if limit is not None and len(data) > limit:
            raise GiveUp(Kind.TOO_BIG, f"APPENDLIMIT={limit}")
        self._settle()
        middle = (
            b" " + _flag_list(flags) + b" " + (written_date(internaldate) + b" " if internaldate else b"")
        )
        status = self._line.run(b"APPEND ", string(raw_name), middle, Literal(data))
        if status.code is None or status.code.name != "APPENDUID":
            return None
        numbers_told = status.code.args.split()
        return (_int(numbers_told[1]) or None) if len(numbers_told) == 2 else None

    # --- waiting

    def noop(self) -> None:
        self._run(b"NOOP")

    def idle_start(self) -> None:
        if "IDLE" not in self.capabilities:
            raise GiveUp(Kind.UNSUPPORTED, "IDLE")
        self._settle()
        self._idling = self._line.send(b"IDLE")
        self._line.wait_continuation(self._idling)

    def idle_events(self) -> list[Event]:
        self._line.poll()
        found = list(self.events)
        self.events.clear()
        return found

    def idle_done(self) -> None:
        tag, self._idling = self._idling, None
        if tag is None:
            return
        if not self._line.answered(tag):  # some servers end an IDLE by themselves
            self._line.write(b"DONE\r\n")
        self._line.finish(tag)

    def fileno(self) -> int:
        return self._line.fileno()

    def pending(self) -> bool:
        return self._line.pending()

    # --- the end

    def logout(self) -> None:
        """Say goodbye and close; a server that does not answer is not waited for."""
        if not self._line.closed:
            with contextlib.suppress(Failure):
                self._line.run(b"LOGOUT", timeout=5)
        self.close()

    def close(self) -> None:
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.logout()

    # --- inside

    def _run(self, *pieces: Piece, take: Taker | None = None) -> Status:
        self._settle()
        return self._line.run(*pieces, take=take)

    def _settle(self) -> None:
        """End what is still under way: an abandoned fetch would spill into the next folder."""
        if self._idling is not None:
            self.idle_done()
        while self._fetching:
            with contextlib.suppress(GiveUp):
                self._line.finish(self._fetching.pop(0), take=lambda data: data.kind == "FETCH")

    def _hear(self, response: Data | Status) -> None:
        if isinstance(response, Status):
            self._hear_code(response)
        elif response.kind == "EXISTS":
            self._exists = response.number or 0
            self.events.append(Exists(self._exists))
        elif response.kind == "EXPUNGE":
            self._exists = max(0, self._exists - 1)
            self.events.append(Expunged(response.number or 0))
        elif response.kind == "VANISHED":
            self._hear_vanished(_vanished(response))
        elif response.kind == "FETCH":
            self.events.append(FlagsChanged(response.number or 0, remote_flags(response)))

    def _hear_vanished(self, said: Vanished) -> None:
        if not said.earlier:
            count = sum(high - low + 1 for low, high in said.ranges)
            self._exists = max(0, self._exists - count)
        self.events.append(said)

    def _hear_code(self, status: Status) -> None:
        code = status.code
        if code is None:
            return
        if code.name == "CLOSED":
            # RFC 7162 3.2.11: up to here the answers were about the folder left behind.
            self.events.clear()
        elif code.name == "ALERT":
            self.events.append(Alert(status.text))
        self._codes[code.name] = code.args


_STATUS_ITEMS = (b"MESSAGES", b"UNSEEN", b"UIDNEXT", b"UIDVALIDITY")


def _qresync(known: QResync) -> bytes:
    ranges = uid_sets.written(uid_sets.compress(known.known))
    # A set too long for one command is left out: the answer is then cut down to it on our side.
    tail = b" " + ranges if 0 < len(ranges) <= 3500 else b""
    return b" (QRESYNC (%d %d" % (known.uidvalidity, known.modseq) + tail + b"))"


def _vanished(data: Data) -> Vanished:
    text = data.text()
    earlier = text[:9].upper() == b"(EARLIER)"
    return Vanished(uid_sets.parse(text[9:] if earlier else text), earlier)


def _esearch(data: Data) -> list[int]:
    found = data.values()
    for name, value in itertools.pairwise(found):
        if name == b"ALL" and isinstance(value, bytes):
            return uid_sets.expand(uid_sets.parse(value))
    return []


def _copyuid(args: bytes) -> dict[int, int]:
    fields = args.split()
    if len(fields) != 3:
        return {}
    old, new = (uid_sets.expand_in_order(field) for field in fields[1:])
    plausible = len(old) == len(new) and 0 not in new
    return dict(zip(old, new, strict=True)) if plausible else {}


_FLAG = re.compile(r"\\?[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~]+")


def _flag_list(flags: Iterable[str]) -> bytes:
    wanted = sorted(set(flags))
    for flag in wanted:
        if not _FLAG.fullmatch(flag):
            raise OurBug(Kind.PROTOCOL, f"no flag: {flag!r}")
    return joined(flag.encode("ascii") for flag in wanted)


def _set(uids: Iterable[int]) -> bytes:
    return uid_sets.written(uid_sets.compress(uids))


def _int(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) < 20 else None
