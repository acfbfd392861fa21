"""Server time of the pages people wait for, over 100,000 letters (or as many as named)."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from bench import filled


def main(arguments: list[str]) -> None:
    number = int(arguments[0]) if arguments else 100_000
    filled.set_up(arguments[1] if len(arguments) > 1 else "")
    began = time.perf_counter()
    world = filled.fill(number)
    spent = time.perf_counter() - began
    print(f"filled with {number} letters in {spent:.0f} s ({number / spent:.0f}/s)", file=sys.stderr)
    print(f"{'what':44} {'p50 ms':>8} {'p95 ms':>8}")
    for name, ask in _questions(world):
        p50, p95 = measure(ask)
        print(f"{name:44} {p50:8.2f} {p95:8.2f}")


def measure(ask: Callable[[int], Any], runs: int = 60) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds; ``ask`` gets the number of the run."""
    spent = []
    for run in range(runs + 3):
        began = time.perf_counter()
        ask(run)
        spent.append((time.perf_counter() - began) * 1000)
    spent = sorted(spent[3:])
    return statistics.median(spent), spent[int(len(spent) * 0.95)]


def _questions(world: filled.Filled) -> list[tuple[str, Callable[[int], Any]]]:
    from mailroom.core.search import parse_query
    from mailroom.data.mail import lists, search
    from mailroom.data.mail.models import Message
    from mailroom.data.mail.visibility import reach_of
    from mailroom.data.people.models import User

    alice = User.objects.get(pk=world.user_id)
    reach = reach_of(alice)
    keys = list(
        Message.objects.order_by("pk").values_list("pk", flat=True)[:: max(1, Message.objects.count() // 97)]
    )
    threads = list(Message.objects.filter(pk__in=keys).values_list("thread_id", flat=True))

    def find(text: str) -> Callable[[int], Any]:
        tree = parse_query(text)
        return lambda run: search.query(reach, tree)

    return [
        ("reach of a user", lambda run: reach_of(alice)),
        ("inbox page of one folder, random place", lambda run: lists.folder_page(
            reach, world.inbox_ids[:1], before=keys[run % len(keys)])),
        ("unified inbox page of 10 folders, random", lambda run: lists.folder_page(
            reach, world.inbox_ids, before=keys[run % len(keys)])),
        ("history of a busy contact", lambda run: lists.card_page(reach, [world.busy_address_id])),
        ("history of a usual contact", lambda run: lists.card_page(reach, [world.usual_address_id])),
        ("count on a card", lambda run: lists.card_count(reach, [world.busy_address_id])),
        ("a thread", lambda run: lists.thread_messages(reach, threads[run % len(threads)])),
        ("search: a common word", find("faktura")),
        ("search: two words", find("faktura oferta")),
        ("search: a phrase", find('"faktura oferta"')),
        ("search: a prefix of two letters", find("fa*")),
        ("search: from:", find("from:person7")),
    ]  # fmt: skip
