"""The main job, whole: set up, connect a mailbox, see mail arrive, open a card, answer, find the answer.

The program as people start it, a real Dovecot, a real SMTP conversation, a real browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import is_refusal, take_shot
from tests.cli.processes import COMMAND, Running, environment, eventually, started
from tests.servers.dovecot import PASSWORD as MAILBOX_PASSWORD
from tests.servers.dovecot import Dovecot
from tests.servers.smtp_sink import SmtpSink
from tests.world import letter

pytestmark = [pytest.mark.browser, pytest.mark.dovecot]
ANSWER: Final = "Dziękujemy, termin 4 grudnia nam pasuje."
OWN_PASSWORD: Final = "correct horse battery"


@pytest.fixture
def serve(data_dir: Path, dovecot: Dovecot) -> Iterator[Running]:
    """`mailroom serve` on an empty data directory, trusting the test's own certificate authority."""
    allowed = {"MAILROOM_CA_FILE": str(dovecot.ca_file), "MAILROOM_ALLOW_HOSTS": "localhost,127.0.0.1,::1"}
    with started([*COMMAND, "serve"], env=environment(data_dir, **allowed), cwd=data_dir.parent) as running:
        yield running


@pytest.fixture
def window(serve: Running, browser: Browser) -> Iterator[Page]:
    """A browser on it; what the page throws fails the test."""
    url = serve.line("Mailroom is at ").split()[-1]
    context = browser.new_context(base_url=url, viewport={"width": 1600, "height": 900}, locale="en-GB")
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.on("console", lambda line: thrown.append(line.text) if is_refusal(line.text) else None)
    yield page
    context.close()
    assert thrown == []


def test_from_nothing_to_an_answer_on_the_server(
    serve: Running, window: Page, dovecot: Dovecot, smtp_sink: SmtpSink, mailbox_user: str
) -> None:
    first = letter("Offer 118/2026", to=mailbox_user, mid="first@nowak.example", ago=timedelta(hours=3))
    dovecot.deliver(mailbox_user, first)
    set_up(window, serve)
    connect(window, mailbox_user, dovecot, smtp_sink)
    see_mail(window, dovecot, mailbox_user)
    open_card(window)
    answer(window)
    find_answer(dovecot, smtp_sink, mailbox_user)


def set_up(page: Page, serve: Running) -> None:
    """The first administrator, with the code the server printed."""
    page.goto("/")
    code = serve.line("No user yet. The code to set it up: ").split()[-1]
    for name, value in {
        "code": code,
        "firm": "Acme",
        "name": "Jan Król",
        "email": "jan@acme.example",
        "password": OWN_PASSWORD,
    }.items():
        page.fill(f"[name={name}]", value)
    page.select_option("[name=timezone]", "Europe/Warsaw")
    page.click("button.primary")


def connect(page: Page, address: str, dovecot: Dovecot, smtp_sink: SmtpSink) -> None:
    """The short form, a wrong password first: its cause is named, nothing is connected."""
    expect(page.locator("h1")).to_have_text("Add account")
    page.fill("[name=address]", address)
    page.fill("[name=name]", "Sales")
    page.fill("[name=start_date]", "")
    # The provider is not known, so the servers stand open to be filled in.
    expect(page.locator("#servers .found")).to_be_visible()
    expect(page.locator("[name=incoming_host]")).to_be_visible()
    for prefix, server, encryption in (("incoming", dovecot, "tls"), ("outgoing", smtp_sink, "starttls")):
        end = server.endpoint(encryption)
        page.fill(f"[name={prefix}_host]", end.host)
        page.fill(f"[name={prefix}_port]", str(end.port))
        page.select_option(f"[name={prefix}_encryption]", encryption)
    page.fill("[name=password]", "not the password")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#verdicts")).to_contain_text(re.compile("password", re.IGNORECASE), timeout=20_000)
    page.fill("[name=password]", MAILBOX_PASSWORD)
    page.get_by_role("button", name="Connect", exact=True).click()


def see_mail(page: Page, dovecot: Dovecot, address: str) -> None:
    """What was there appears, and what comes now is on the open page within a few seconds."""
    expect(page.locator(".modules")).to_be_visible(timeout=20_000)
    page.goto("/mail/")
    expect(page.locator("#rows")).to_contain_text("Offer 118/2026", timeout=20_000)
    expect(page.locator("#nav .chip.good")).to_have_text("live", timeout=20_000)
    dovecot.deliver(
        address, letter("Re: Offer 118/2026", "Czekam.", to=address, answers="first@nowak.example")
    )
    expect(page.locator("#rows .row").first).to_contain_text("Czekam.", timeout=10_000)
    page.locator("#rows .row a").first.click()
    expect(page.locator("#thread .msg")).to_have_count(2)
    take_shot(page, "main-job-thread")
    # Read here is read there.
    eventually(lambda: [path.name for path in dovecot.maildir(address).glob("cur/*:2,*S*")], seconds=20)


def open_card(page: Page) -> None:
    """The stranger becomes a contact; the card shows the past mail at once."""
    page.locator(".ctx .add a").click()
    page.get_by_role("button", name=re.compile("^(Save|Add|Create)")).first.click()
    expect(page.locator("main")).to_contain_text("Marta Nowak")
    expect(page.locator("main")).to_contain_text("Offer 118/2026")
    take_shot(page, "main-job-card")


def answer(page: Page) -> None:
    """By key, in the rich editor."""
    page.goto("/mail/")
    page.wait_for_load_state("load")
    page.locator("#rows .row a").first.click()
    expect(page.locator("#thread .msg").first).to_be_visible()
    page.keyboard.press("r")
    editor = page.locator(".composer [contenteditable=true]")
    expect(editor).to_be_visible(timeout=10_000)
    expect(page.locator(".composer[data-ready=true]")).to_be_visible()
    page.keyboard.type(ANSWER)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".composer")).to_have_count(0)


def find_answer(dovecot: Dovecot, smtp_sink: SmtpSink, address: str) -> None:
    """One copy sent, one copy filed, both the same letter."""
    sent = eventually(
        lambda: [raw for raw in dovecot.letters(address, "Sent") if ANSWER in text_of(raw)], seconds=40
    )
    posted = [one for one in smtp_sink.letters if one.sender == address]
    assert len(sent) == 1
    assert len(posted) == 1
    assert posted[0].recipients == ("marta@nowak.example",)
    filed, posted_message = message_from_bytes(sent[0]), message_from_bytes(posted[0].data)
    assert filed["Message-ID"] == posted_message["Message-ID"]
    assert filed["In-Reply-To"]


def text_of(raw: bytes) -> str:
    """The plain text of a letter."""
    parts = message_from_bytes(raw).walk()
    found = [part.get_payload(decode=True) for part in parts if part.get_content_type() == "text/plain"]
    return b"\n".join(one for one in found if isinstance(one, bytes)).decode("utf-8", "replace")
