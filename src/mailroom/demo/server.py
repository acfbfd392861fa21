"""The demo's mail server: IMAP and SMTP on loopback, in one thread of this process; stop leaves nothing."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone
from proxyprotocol.noop import ProxyProtocolNoop
from proxyprotocol.reader import ProxyProtocolReader
from pymap.imap import IMAPServer

from mailroom.demo.cast import CAST, Cast
from mailroom.demo.letters import DemoLetter
from mailroom.demo.sink import SentLetter, Sink
from mailroom.demo.store import INBOX, Store

PASSWORD = "trzy-lady-i-regal"  # noqa: S105 - of a throw-away server on loopback
HOST = "127.0.0.1"
LINE_LIMIT = 1 << 20
CALL_SECONDS = 30.0

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the two servers listen on 127.0.0.1; neither speaks TLS."""

    imap: int
    smtp: int


class DemoMail:
    """The mail server of the demo company. Every mailbox signs in with its address and `password`."""

    def __init__(
        self,
        cast: Cast = CAST,
        *,
        password: str = PASSWORD,
        clock: Callable[[], datetime] = timezone.now,
    ) -> None:
        self.cast = cast
        self.password = password
        self.clock = clock
        self._listeners: list[Callable[[SentLetter], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._servers: list[asyncio.AbstractServer] = []
        self._store: Store | None = None

    def start(self) -> Ports:
        """Listen on two free ports; the folders exist when this returns."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_note)
        self._thread = threading.Thread(target=self._run, name="demo-mail", daemon=True)
        self._thread.start()
        return self._call(self._listen())

    def load(self, letters: Iterable[DemoLetter]) -> int:
        """Put letters straight into the store, without a conversation; returns how many."""
        return self._call(self._append_all(tuple(letters)))

    def deliver(self, mailbox: str, raw: bytes) -> int:
        """A letter arrives now, unread, in the Inbox of this mailbox (its address); returns the UID."""
        return self._call(self._append(mailbox, INBOX, raw, (), self.clock()))

    def when_sent(self, listener: Callable[[SentLetter], None]) -> None:
        """Call `listener` for each accepted letter, in the server's thread: it must not block."""
        self._listeners.append(listener)

    def stop(self) -> None:
        """Close both servers and every conversation, and end the thread. Twice does no harm."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._call(self._close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CALL_SECONDS)
        self._loop = self._thread = None

    def _run(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._loop is None:
            work.close()
            raise RuntimeError("the demo mail server is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)

    async def _listen(self) -> Ports:
        self._store = Store(self.cast.mailboxes, self.password)
        await self._store.make_folders()
        sink = Sink(self.cast, self.password, deliver=self._arrive, sent=self._tell, clock=self.clock)
        greet = ProxyProtocolReader(ProxyProtocolNoop()).get_callback(
            IMAPServer(self._store.login, self._store.config)
        )
        imap = await asyncio.start_server(greet, HOST, 0, limit=LINE_LIMIT)
        smtp = await asyncio.get_running_loop().create_server(sink.protocol, HOST, 0)
        self._servers = [imap, smtp]
        return Ports(imap.sockets[0].getsockname()[1], smtp.sockets[0].getsockname()[1])

    async def _append(self, mailbox: str, folder: str, raw: bytes, flags: Iterable[str], at: datetime) -> int:
        assert self._store is not None
        return await self._store.append(mailbox, folder, raw, flags, at)

    async def _append_all(self, letters: tuple[DemoLetter, ...]) -> int:
        for letter in letters:
            await self._append(letter.mailbox, letter.folder, letter.raw, letter.flags, letter.internaldate)
        return len(letters)

    async def _arrive(self, mailbox: str, raw: bytes, at: datetime) -> None:
        await self._append(mailbox, INBOX, raw, (), at)

    def _tell(self, letter: SentLetter) -> None:
        for listener in self._listeners:
            listener(letter)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        this = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not this]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        for server in self._servers:
            await server.wait_closed()


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # A client that hangs up in the middle is everyday life; the library lets the exception escape.
    _log.debug("demo mail: %s", context.get("message"), exc_info=context.get("exception"))
