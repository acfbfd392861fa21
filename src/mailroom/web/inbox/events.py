"""Live news for open pages, as server-sent events.

One poll per process reads the news table, however many pages are open; each page hears only of mailboxes
its user reads. An event carries ids of mailboxes alone: the page then asks for what it may see.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import OperationalError, close_old_connections, connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from mailroom.data.mail.models import News
from mailroom.data.mail.visibility import Reach
from mailroom.data.people.models import User
from mailroom.web import access
from mailroom.web.stopping import is_stopping, pause

POLL_SECONDS: Final = 0.5
BEAT_SECONDS: Final = 20.0
# The browser comes back by itself, and is asked again who it is and what it may see.
STREAM_SECONDS: Final = 300.0
BACKLOG: Final = 500


@dataclass(frozen=True, slots=True)
class Item:
    """One row of news, as pages hear it."""

    id: int
    account_id: int
    kind: str
    about: dict[str, Any]


class Crier:
    """Reads the news once for all streams of this process and hands each its copy."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[list[Item]]] = set()
        self._task: asyncio.Task[None] | None = None
        # One thread, hence one connection, for as long as the process lives.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="news")
        self._last: int | None = None

    def listen(self) -> asyncio.Queue[list[Item]]:
        """A queue that gets everything new from now on; give it back to :meth:`leave`."""
        queue: asyncio.Queue[list[Item]] = asyncio.Queue(maxsize=100)
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._last = None
            self._task = asyncio.get_running_loop().create_task(self._cry())
        return queue

    def leave(self, queue: asyncio.Queue[list[Item]]) -> None:
        """The stream has ended."""
        self._listeners.discard(queue)
        if not self._listeners:
            self._hang_up()

    async def missed(self, since: int | None) -> list[Item]:
        """What came after a row; None = a page that does not ask."""
        if since is None:
            return []
        return await asyncio.get_running_loop().run_in_executor(self._thread, after, since)

    async def _cry(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._listeners and not is_stopping():
                items = await loop.run_in_executor(self._thread, self._read)
                for queue in list(self._listeners) if items else ():
                    if not queue.full():
                        queue.put_nowait(items)
                await pause(POLL_SECONDS)
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        # In the thread that opened it: `connection` means another one here.
        self._thread.submit(lambda: connection.close())

    def _read(self) -> list[Item]:
        close_old_connections()
        try:
            if self._last is None:
                self._last = newest()
                return []
            items = after(self._last)
        except OperationalError:
            # The database is busy or away for a moment: the next look finds the same news.
            connection.close()
            return []
        if items:
            self._last = items[-1].id
        return items


_crier = Crier()


@require_safe
async def events(request: HttpRequest) -> HttpResponseBase:
    """The stream of news. 204 tells a visitor's browser not to ask again."""
    user = await request.auser()
    if not isinstance(user, User) or not user.is_active:
        return HttpResponse(status=204)
    reach = await sync_to_async(access.reach)(request)
    since = _number(request.headers.get("Last-Event-ID") or request.GET.get("since"))
    response = StreamingHttpResponse(_stream(reach, since), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def newest() -> int:
    """Where the news stand: a page shows this, and its stream goes on from here."""
    return News.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def after(known: int) -> list[Item]:
    """The news that came after a row, oldest first."""
    rows = News.objects.filter(pk__gt=known).order_by("pk")[:BACKLOG]
    return [Item(row.pk, row.account_id, row.kind, row.about) for row in rows]


async def _stream(reach: Reach, since: int | None) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    end = loop.time() + STREAM_SECONDS
    queue = _crier.listen()
    try:
        # What happened between the page, or the last stream, and this one; heard twice is no harm.
        yield b"retry: 1000\n\n" + speak(await _crier.missed(since), reach)
        beat = loop.time() + BEAT_SECONDS
        while loop.time() < end and not is_stopping():
            try:
                items = await asyncio.wait_for(queue.get(), timeout=0.2)
            except TimeoutError:
                if loop.time() >= beat:
                    beat = loop.time() + BEAT_SECONDS
                    yield b": still here\n\n"
                continue
            spoken = speak(items, reach)
            if spoken:
                yield spoken
    finally:
        _crier.leave(queue)


def speak(items: Iterable[Item], reach: Reach) -> bytes:
    """The items as one event for this reach: kinds, and the mailboxes each is about; empty = not for you."""
    heard: dict[str, set[int]] = {}
    last = 0
    for item in items:
        last = item.id
        if item.account_id in reach.account_ids:
            heard.setdefault(item.kind, set()).add(item.account_id)
    if not heard:
        return b""
    told = json.dumps({kind: sorted(accounts) for kind, accounts in heard.items()})
    return f"id: {last}\nevent: news\ndata: {told}\n\n".encode()


def _number(written: str | None) -> int | None:
    """The row a browser heard last; nonsense is as good as nothing."""
    return int(written) if written and written.isascii() and written.isdigit() and len(written) < 18 else None
