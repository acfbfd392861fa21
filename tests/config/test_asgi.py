"""Requests run on kept threads: connections live on, and a stream takes no thread away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from mailroom.config.asgi import Lanes

seen: list[int] = []


def plain(request: HttpRequest) -> HttpResponse:
    seen.append(threading.get_ident())
    return HttpResponse("plain")


async def stream(request: HttpRequest) -> StreamingHttpResponse:
    async def lines() -> Any:
        yield b"first"
        await asyncio.sleep(60)

    return StreamingHttpResponse(lines())


urlpatterns = [path("plain", plain), path("stream", stream)]
here = override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])


async def ask(application: Lanes, path: str) -> ApplicationCommunicator:
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"host", b"localhost")]}
    talk = ApplicationCommunicator(application, scope)
    await talk.send_input({"type": "http.request", "body": b""})
    return talk


def played(scene: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: a browser test before this one leaves a loop running in the main thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, scene).result(30)


async def answer(application: Lanes, path: str) -> bytes:
    talk = await ask(application, path)
    start = await talk.receive_output(5)
    body = await talk.receive_output(5)
    await talk.wait(5)
    assert start["status"] == 200
    return bytes(body["body"])


@pytest.fixture
def lanes() -> Any:
    seen.clear()
    with here:
        application = Lanes(threads=2)
        yield application
        for lane in application.lanes:
            lane.thread.shutdown()


def test_one_request_after_another_uses_one_thread(lanes: Lanes) -> None:
    async def three() -> list[bytes]:
        return [await answer(lanes, "/plain") for _ in range(3)]

    assert played(three()) == [b"plain"] * 3
    assert len(set(seen)) == 1


def test_requests_at_once_spread_over_the_threads(lanes: Lanes) -> None:
    async def six() -> list[bytes]:
        return await asyncio.gather(*(answer(lanes, "/plain") for _ in range(6)))

    assert played(six()) == [b"plain"] * 6
    assert len(set(seen)) == 2


def test_open_streams_make_no_thread_look_busy(lanes: Lanes) -> None:
    async def streams() -> list[int]:
        talks = [await ask(lanes, "/stream") for _ in range(5)]
        for talk in talks:
            await talk.receive_output(5)
        waiting = [lane.waiting for lane in lanes.lanes]
        assert await answer(lanes, "/plain") == b"plain"
        for talk in talks:
            await talk.send_input({"type": "http.disconnect"})
            await talk.wait(5)
        return waiting

    assert played(streams()) == [0, 0]


def test_only_http_is_spoken(lanes: Lanes) -> None:
    async def lifespan() -> None:
        await lanes({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="only HTTP"):
        played(lifespan())
