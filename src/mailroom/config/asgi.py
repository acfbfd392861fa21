"""The web application as uvicorn runs it: Django, on a few threads that live as long as the process.

Django would give each request a thread of its own and throw it away with its database connection;
kept threads keep their connections, and SQLite its page cache.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailroom.config.settings")

import django
from asgiref.sync import ThreadSensitiveContext
from django.core.handlers.asgi import ASGIHandler
from django.urls import get_resolver

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS: Final = 6


class Lane:
    """One kept thread; `waiting` counts the requests that have not begun to answer."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="request")
        self.waiting = 0


class Lanes(ASGIHandler):
    """Django's handler, sending each request to the thread with the fewest requests before it."""

    def __init__(self, threads: int = THREADS) -> None:
        super().__init__()
        self.lanes = [Lane() for _ in range(threads)]

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request; `lifespan` and web sockets are not spoken."""
        if scope["type"] != "http":
            raise ValueError(f"only HTTP is served here, not {scope['type']}")
        lane = min(self.lanes, key=lambda each: each.waiting)
        lane.waiting += 1
        counted = True

        async def answer(message: Message) -> None:
            # A stream that has begun only waits: it must not make its lane look busy for hours.
            nonlocal counted
            if counted:
                counted = False
                lane.waiting -= 1
            await send(message)

        try:
            async with ThreadSensitiveContext(executor=lane.thread):
                await self.handle(scope, receive, answer)
        finally:
            if counted:
                lane.waiting -= 1


django.setup(set_prefix=False)
# A screen that cannot be loaded must end the process now, not fail the first request.
_ = get_resolver().url_patterns
application = Lanes()
