"""The stream of news: quick, only about mailboxes the viewer reads, and gone when the process ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient

from mailroom.data.mail.visibility import reach_of
from mailroom.data.people.models import User
from mailroom.web.inbox.events import Item, newest, speak
from mailroom.web.stopping import STOPPING
from tests.world import World, deliver, letter, make_world

Heard = TypeVar("Heard")


def test_a_page_hears_of_the_mailboxes_its_user_reads(world: World) -> None:
    items = [Item(1, world.sales.pk, "arrived", {}), Item(2, world.alices.pk, "arrived", {})]
    told = speak(items, reach_of(world.bob)).decode()
    assert told.startswith("id: 2\nevent: news\ndata: ")
    assert json.loads(told.partition("data: ")[2]) == {"arrived": [world.sales.pk]}


def test_charlie_hears_nothing(world: World) -> None:
    assert speak([Item(1, world.sales.pk, "arrived", {})], reach_of(world.charlie)) == b""


def run(story: Coroutine[Any, Any, Heard]) -> Heard:
    """Play an asynchronous story, and close the connection of the thread that served its requests."""

    async def played() -> Heard:
        try:
            return await story
        finally:
            await sync_to_async(connections.close_all)()

    # In a thread of its own: a browser of another test may keep a loop running on this one.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, played()).result(30)


def deliver_apart(world: World) -> None:
    """A letter arrives by another connection, which is closed again."""
    deliver(world.sales, letter())
    connection.close()


async def listen(user: User, query: str = "") -> Any:
    client = AsyncClient()
    await client.aforce_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return await client.get(f"/mail/events/{query}")


@pytest.mark.django_db(transaction=True)
def test_a_letter_is_told_within_two_seconds() -> None:
    world = make_world()

    async def hear() -> tuple[bytes, float]:
        answer = await listen(world.alice)
        assert answer["Content-Type"] == "text/event-stream"
        pieces = answer.streaming_content.__aiter__()
        await anext(pieces)
        # The first look only learns where the news stand.
        await asyncio.sleep(0.8)
        await asyncio.to_thread(deliver_apart, world)
        began = time.monotonic()
        heard = await asyncio.wait_for(anext(pieces), 5)
        await pieces.aclose()
        return heard, time.monotonic() - began

    heard, seconds = run(hear())
    assert b'"arrived": [%d]' % world.sales.pk in heard
    assert seconds < 2


@pytest.mark.django_db(transaction=True)
def test_what_came_between_two_streams_is_told_at_once() -> None:
    world = make_world()
    known = newest()
    deliver(world.sales, letter())

    async def begin() -> bytes:
        answer = await listen(world.alice, f"?since={known}")
        pieces = answer.streaming_content.__aiter__()
        first = await asyncio.wait_for(anext(pieces), 5)
        await pieces.aclose()
        return bytes(first)

    assert b'"arrived"' in run(begin())


@pytest.mark.django_db(transaction=True)
def test_the_stream_ends_with_the_process() -> None:
    world = make_world()

    async def end() -> float:
        answer = await listen(world.alice)
        pieces = answer.streaming_content.__aiter__()
        await anext(pieces)
        STOPPING.set()
        began = time.monotonic()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(pieces), 5)
        return time.monotonic() - began

    try:
        assert run(end()) < 1
    finally:
        STOPPING.clear()


@pytest.mark.django_db(transaction=True)
def test_a_visitor_is_told_not_to_ask_again() -> None:
    async def knock() -> int:
        return int((await AsyncClient().get("/mail/events/")).status_code)

    assert run(knock()) == 204
