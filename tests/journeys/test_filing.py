"""Deleting and undoing in a real browser: by key, with the next letter opening, and on a narrow page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from mailroom.data.mail.models import Folder, Placement
from tests.journeys.test_reading import sign_in
from tests.world import World, deliver, letter, make_world

pytestmark = pytest.mark.browser


@pytest.fixture
def world(live: object) -> World:
    made = make_world()
    deliver(made.sales, *(letter(f"Order {n}", mid=f"o{n}@b", ago=timedelta(hours=n)) for n in range(1, 5)))
    Folder.objects.create(account=made.sales, name="Orders", name_key="orders", local=True)
    return made


def where(subject: str) -> str:
    folder = Placement.objects.get(message__subject=subject, state="live").folder
    return folder.role or folder.name


def test_delete_spam_and_move_by_key_and_button_and_take_one_back(page: Page, world: World) -> None:
    """S4-23, S4-26; a thing done by mistake is undone by one click."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    sign_in(page)
    page.keyboard.press("j")
    expect(page.locator(".head h1")).to_have_text("Order 1")

    page.keyboard.press("#")
    expect(page.locator(".toast")).to_contain_text("1 letter to Trash.")
    expect(page.locator(".head h1")).to_have_text("Order 2")
    assert where("Order 1") == "trash"
    page.locator(".toast .undo").click()
    expect(page.locator(".toast", has_text="1 letter is back.")).to_be_visible()
    expect(page.locator("#rows .row")).to_have_count(4)
    assert where("Order 1") == "inbox"

    page.keyboard.press("!")
    expect(page.locator(".toast", has_text="1 letter to Spam.")).to_be_visible()
    expect(page.locator(".head h1")).not_to_have_text("Order 2")
    assert where("Order 2") == "spam"

    subject = page.locator(".head h1").inner_text()
    page.locator(".sure summary", has_text="Move").click()
    page.select_option(".sure select", label="Orders")
    page.locator(".sure .btn.primary").click()
    expect(page.locator(".toast", has_text="1 letter to Orders.")).to_be_visible()
    assert where(subject) == "Orders"
    expect(page.locator("#rows .row")).to_have_count(2)
    assert faults == []


def test_without_scripts_the_same_buttons_work(page: Page, world: World) -> None:
    browser = page.context.browser
    assert browser is not None
    sign_in(page)
    plain = browser.new_context(
        java_script_enabled=False,
        storage_state=page.context.storage_state(),
        base_url=page.url.split("/mail")[0],
    )
    try:
        bare = plain.new_page()
        bare.goto("/mail/")
        bare.locator("#rows .row a").first.click()
        bare.locator("button[value=delete]").click()
        expect(bare.locator(".toast")).to_contain_text("1 letter to Trash.")
        expect(bare.locator("#rows .row")).to_have_count(3)
        bare.locator(".toast .undo").click()
        expect(bare.locator("#rows .row")).to_have_count(4)
    finally:
        plain.close()


def test_the_buttons_fit_a_narrow_page(page: Page, world: World) -> None:
    sign_in(page)
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator("#rows .row a").first.click()
    expect(page.locator("button[value=delete]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".sure summary").first.click()
    expect(page.locator(".sure select")).to_be_in_viewport()
