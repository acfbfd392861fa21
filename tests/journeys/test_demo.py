"""The demo as a visitor sees it: mail there, a card open. The screenshot in the README is made here."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from mailroom.demo.server import PASSWORD
from tests.browser import take_shot
from tests.cli.processes import COMMAND, environment, eventually, started

pytestmark = [pytest.mark.browser]

SCREENSHOT = Path(__file__).resolve().parents[2] / "docs" / "screenshot.png"
# Anna answers the offers, and is listed on her own mailbox and a shared one.
ANNA = "anna.zielinska@warta-meble.example"
CLIENT = "Panificio Moretti"
PATIENCE = 60_000.0


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """Anna's window on a demo of its own, once every mailbox is here."""
    with started([*COMMAND, "demo", "--no-trickle"], env=demo_environment(tmp_path), cwd=tmp_path) as running:
        url = running.line("Mailroom is at ", seconds=120).split()[-1]
        token = running.line("API token").split()[-1]
        eventually(lambda: all_are_live(url, token), seconds=120)
        context = browser.new_context(base_url=url, viewport={"width": 1440, "height": 900}, locale="en-GB")
        context.set_default_timeout(PATIENCE)
        window = context.new_page()
        window.goto("/")
        window.get_by_label("E-mail address").fill(ANNA)
        window.get_by_label("Password").fill(PASSWORD)
        window.get_by_role("button", name="Sign in").click()
        yield window
        context.close()


def demo_environment(folder: Path) -> dict[str, str]:
    return environment(folder / "real", TMPDIR=str(folder))


def all_are_live(url: str, token: str) -> bool:
    """Whether the first sync of every mailbox is over."""
    request = Request(f"{url}/api/v1/accounts", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=60) as answer:
        return all(each["status"]["state"] == "live" for each in json.load(answer)["items"])


def test_a_visitor_opens_a_conversation_and_the_card_beside_it(page: Page) -> None:
    rows = page.locator("#rows > li")
    expect(rows.nth(10)).to_be_visible(timeout=PATIENCE)
    rows.filter(has_text=CLIENT).first.get_by_role("link").click()
    expect(page.locator("#thread details.msg[open]").last).to_be_visible(timeout=PATIENCE)
    company = page.locator("#thread header .chip").first
    name = company.inner_text()
    # The letters stand in their frames, and the list knows that they were read.
    for frame in page.locator("iframe.frame").all():
        expect(frame.content_frame.locator("body")).not_to_be_empty(timeout=PATIENCE)
    expect(rows.filter(has_text=CLIENT).first).not_to_have_class(re.compile("unread"), timeout=PATIENCE)
    page.mouse.move(0, 0)
    shot = take_shot(page, "demo")
    if os.environ.get("MAILROOM_TEST_SCREENSHOT"):
        shutil.copy(shot, SCREENSHOT)
    company.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name, timeout=PATIENCE)
    take_shot(page, "demo-card")
