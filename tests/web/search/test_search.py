"""The search page (S4-29 to S4-31): what is found, by whom, and what odd questions get."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.world import World, deliver, letter


def ask(client: Any, question: str, **more: Any) -> str:
    answer = client.get("/search/", {"q": question, **more})
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def filed(world: World) -> World:
    """A few letters in both mailboxes."""
    pdf = ("faktura.pdf", "application/pdf", b"x" * 50_000)
    deliver(world.sales, letter("Zażółć gęślą", "Oferta na meble.", files=[pdf]))
    deliver(world.sales, letter("Draft offer", "A draft about furniture.", sender="Luca <luca@b.example>"))
    deliver(world.alices, letter("Private offer", "Only for Alice."))
    return world


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("zazolc", {"Zażółć gęślą"}),
        ("offer", {"Draft offer", "Private offer"}),
        ("offer -draft", {"Private offer"}),
        ("from:luca", {"Draft offer"}),
        ("larger:20k", {"Zażółć gęślą"}),
        ("nothing-like-this", set()),
    ],
)
def test_questions_find_letters(filed: World, as_user: Any, question: str, found: set[str]) -> None:
    page = ask(as_user(filed.alice), question)
    titles = {"Zażółć gęślą", "Draft offer", "Private offer"}
    assert {title for title in titles if f">{title}<" in page} == found
    assert ("Nothing found" in page) is (not found)


def test_charlie_finds_nothing_and_bob_only_what_he_reads(filed: World, as_user: Any) -> None:
    assert "Nothing found" in ask(as_user(filed.charlie), "offer")
    bobs = ask(as_user(filed.bob), "offer")
    assert "Draft offer" in bobs
    assert "Private offer" not in bobs


@pytest.mark.parametrize("question", ["before:x", "larger:much", "is:blue", "from:", "a" * 5000])
def test_a_question_without_sense_is_answered_with_the_cure(
    filed: World, as_user: Any, question: str
) -> None:
    answer = as_user(filed.alice).get("/search/", {"q": question})
    assert answer.status_code == 422
    assert 'id="fault"' in answer.content.decode()


def test_the_next_page_goes_on_without_gap_or_repeat(world: World, as_user: Any) -> None:
    deliver(world.sales, *(letter(f"Number {n:03}", "needle", ago=timedelta(minutes=n)) for n in range(70)))
    client = as_user(world.alice)
    first = ask(client, "needle")
    before = re.search(r"before=(\d+)", first)
    assert before is not None
    second = ask(client, "needle", before=before[1])
    seen = [n for page in (first, second) for n in range(70) if f"Number {n:03}" in page]
    assert seen == list(range(70))


def test_without_a_question_the_page_tells_how_to_ask(world: World, as_user: Any) -> None:
    assert "How to ask" in ask(as_user(world.alice), "")


def test_a_page_of_answers_costs_a_few_queries(
    world: World, as_user: Any, django_assert_max_num_queries: Any
) -> None:
    deliver(world.sales, *(letter(f"Number {n}", "needle", ago=timedelta(minutes=n)) for n in range(40)))
    client = as_user(world.alice)
    with django_assert_max_num_queries(13):
        ask(client, "needle")
