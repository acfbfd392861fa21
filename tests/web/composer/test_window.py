"""The window in a real browser, under the strict policy: written in, saved by itself, sent, taken back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from mailroom.actions import contacts
from mailroom.core.letter import read_letter
from mailroom.data.blobs.keeping import content_of
from mailroom.data.contacts.models import Company
from mailroom.data.outbox.models import Draft, Outgoing
from mailroom.data.people.models import User
from tests.browser import take_shot
from tests.world import PASSWORD, World, deliver, letter, make_world

pytestmark = pytest.mark.browser


@pytest.fixture
def firm(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def bianchi(firm: World) -> Company:
    company = contacts.create_company(name="Bianchi S.r.l.", domains=["bianchi.example"])
    giulia = "Giulia Rossi <g.rossi@bianchi.example>"
    contacts.create_person(name="Giulia Rossi", addresses=[giulia], company=company)
    deliver(firm.sales, letter("Ordine", "Confermiamo.", sender=giulia, ago=timedelta(hours=2)))
    return company


def sign_in(page: Page, user: User) -> None:
    page.goto(reverse("account_login"))
    page.fill("input[name=login]", user.email)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/mail/**")


def open_window(page: Page) -> None:
    page.get_by_role("link", name="Write e-mail").click()
    page.wait_for_selector(".composer[data-ready]")


def test_a_letter_is_written_sent_and_taken_back(page: Page, firm: World, bianchi: Company) -> None:
    """S4-32, S4-35, S4-37, S4-38, S4-44."""
    sign_in(page, firm.alice)
    page.goto(reverse("contacts:company", args=[bianchi.pk]))
    expect(page.locator("#total")).to_have_text("(1)")
    open_window(page)
    page.keyboard.type("giul")
    expect(page.locator(".offers li")).to_have_count(1)
    page.keyboard.press("Enter")
    page.fill("[name=subject]", "Nota di credito")
    page.click(".ProseMirror")
    page.keyboard.type("Cześć żółć ")
    page.keyboard.press("Control+b")
    page.keyboard.type("gruby")
    file = {"name": "nota.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}
    page.set_input_files(".composer input[type=file]", files=[file])
    expect(page.locator(".composer .file")).to_have_count(1)
    expect(page.locator("[data-saved]")).to_have_text(re.compile(r"draft saved \d"), timeout=8000)
    take_shot(page, "composer")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".follow .link")).to_have_text(re.compile(r"Undo \(\d+\)"))
    expect(page.locator(".composer")).to_have_count(0)
    outgoing = Outgoing.objects.get()
    found = read_letter(content_of(outgoing.blob))
    assert [one.key for one in found.to] == ["g.rossi@bianchi.example"]
    assert "Cześć żółć gruby" in found.text
    assert "<strong>gruby</strong>" in (found.html or "")
    page.click(".follow .link")
    page.wait_for_selector(".composer[data-ready]")
    expect(page.locator(".ProseMirror strong")).to_have_text("gruby")
    expect(page.locator(".composer .file")).to_contain_text("nota.pdf")
    outgoing.refresh_from_db()
    assert (outgoing.state, outgoing.error_kind) == ("failed", "cancelled")


def test_what_was_written_survives_closing_the_window(page: Page, firm: World, bianchi: Company) -> None:
    sign_in(page, firm.alice)
    page.goto(reverse("contacts:company", args=[bianchi.pk]))
    open_window(page)
    page.keyboard.type("half@")
    page.click(".ProseMirror")
    page.keyboard.type("Not finished")
    page.keyboard.press("Escape")
    expect(page.locator(".composer")).to_have_count(0)
    draft = Draft.objects.get()
    assert "Not finished" in draft.html
    assert draft.to == [{"name": "", "address": "half@"}]
    page.goto(reverse("composer:drafts"))
    page.locator("a.entry").click()
    expect(page.locator(".composer .ProseMirror")).to_have_text("Not finished")
    expect(page.locator(".chip.wrong")).to_have_count(1)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".faults")).to_contain_text("is not an e-mail address")
    assert not Outgoing.objects.exists()


def test_the_window_fills_a_phone(page: Page, firm: World, bianchi: Company) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, firm.alice)
    page.goto(reverse("contacts:company", args=[bianchi.pk]))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    open_window(page)
    box = page.locator(".composer").bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 844)


def test_a_signature_is_written_like_a_letter_and_stands_in_it(page: Page, firm: World) -> None:
    """S5-33."""
    sign_in(page, firm.bob)
    page.goto(reverse("accounts:detail", args=[firm.sales.pk]))
    page.click(".ProseMirror")
    page.keyboard.type("Jan Król")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Saved")
    firm.sales.refresh_from_db()
    assert firm.sales.signature_html == "<p>Jan Król</p>"
    page.goto(reverse("composer:new"))
    expect(page.locator(".composer .ProseMirror")).to_contain_text("Jan Król")


def test_servers_appear_while_the_address_is_written(page: Page, firm: World) -> None:
    """S5-11, S5-12."""
    sign_in(page, firm.dora)
    page.goto(reverse("accounts:add"))
    page.fill("#id_address", "anna@gmail.com")
    page.keyboard.press("Tab")
    expect(page.locator("#servers")).to_contain_text("imap.gmail.com")
    expect(page.locator("[name=incoming_host]")).to_have_value("imap.gmail.com")
    expect(page.locator("[name=incoming_host]")).to_be_hidden()
    page.get_by_text("Login, servers, ports").click()
    expect(page.locator("[name=incoming_host]")).to_be_visible()
    page.fill("[name=incoming_host]", "a.invalid")
    page.fill("[name=outgoing_host]", "b.invalid")
    page.fill("[name=password]", "x")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator(".verdicts")).to_contain_text("a.invalid was not found", timeout=20000)
    expect(page.locator(".verdicts")).to_contain_text("b.invalid was not found")
