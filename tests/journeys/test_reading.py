"""Reading mail in a real browser: panes, keys, live news, hostile letters, and how it looks."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

import pytest
from playwright.sync_api import Page, Request, expect

from mailroom.data.mail.models import Message
from tests.browser import take_shot
from tests.world import PASSWORD, World, deliver, letter, make_world

pytestmark = pytest.mark.browser
SEEN: Final = frozenset({"\\Seen"})
HOSTILE: Final = (
    "<script>window.parent.stolen=1</script>",
    '<img src=x onerror="window.parent.stolen=1">',
    '<svg onload="window.parent.stolen=1"></svg>',
    '<a href="javascript:window.parent.stolen=1" id="bait">click</a>',
    '<iframe srcdoc="<script>parent.parent.stolen=1</script>"></iframe>',
    '<form action="https://spy.example"><button>go</button></form>',
    '<meta http-equiv="refresh" content="0;url=https://spy.example">',
    '<base href="https://spy.example/">',
    '<style>@import "https://spy.example/x.css"; body{background:url(https://spy.example/b.png)}</style>',
    '<div style="background:url(https://spy.example/c.png)">x</div>',
    '<img src="https://spy.example/pixel.gif" srcset="https://spy.example/2x.gif 2x">',
    '<math><mtext><img src=1 onerror="window.parent.stolen=1"></math>',
    '"><script>window.parent.stolen=1</script>',
)


def sign_in(page: Page, email: str = "alice@acme.example") -> None:
    """Come in by the sign-in page."""
    page.goto("/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    expect(page.locator("#list")).to_be_visible()
    page.wait_for_load_state("load")


@pytest.fixture
def world(live: object) -> World:
    """The firm with a few letters of the last days."""
    made = make_world()
    quote = "On 19 Nov 2026, Anna Kowalska wrote:\n> Buongiorno Luca,\n> controlliamo subito.\n"
    now = (
        "Buongiorno,\n\ngrazie per la risposta rapida. In allegato trovate la fattura con le note del nostro "
        f"reparto contabilità.\n\nCordiali saluti,\nLuca Bianchi\n\n{quote}"
    )
    pdf = ("Fattura_2026_311_note.pdf", "application/pdf", b"%PDF" + b"x" * 284_000)
    luca = "Luca Bianchi <luca@bianchi.example>"
    deliver(
        made.sales,
        letter("Umowa serwisowa – podpisany skan", "W załączeniu odsyłam umowę.", ago=timedelta(days=2)),
        letter("Fattura 2026/311", "Manca lo sconto.", sender=luca, mid="f1@b", ago=timedelta(days=1)),
        flags=SEEN,
    )
    ours = letter(
        "Re: Fattura 2026/311",
        "Subito.",
        sender="sales@acme.example",
        to=luca,
        mid="f2@b",
        answers="f1@b",
        ago=timedelta(hours=5),
    )
    deliver(made.sales, ours, role="sent", flags=SEEN)
    title, hour = "Fattura 2026/311 – richiesta", timedelta(hours=1)
    last = letter(title, now, sender=luca, mid="f3@b", answers="f2@b", files=[pdf], ago=hour)
    deliver(made.sales, last)
    deliver(made.sales, letter("Re: Offer 118/2026 – delivery date", ago=hour / 2))
    return made


def test_a_letter_is_opened_by_key_marked_read_and_answered_to_by_the_next(page: Page, world: World) -> None:
    sign_in(page)
    rows = page.locator("#rows .row")
    expect(rows).to_have_count(3)
    expect(rows.first).to_have_class("row unread")
    page.keyboard.press("j")
    expect(page.locator("#thread h1")).to_have_text("Re: Offer 118/2026 – delivery date")
    expect(rows.first).to_have_class("row on")
    page.keyboard.press("j")
    expect(page.locator("#thread h1")).to_have_text("Fattura 2026/311 – richiesta")
    expect(page.locator("#thread .msg")).to_have_count(3)
    assert "thread=" in page.url
    page.keyboard.press("k")
    expect(page.locator("#thread h1")).to_have_text("Re: Offer 118/2026 – delivery date")
    page.go_back()
    expect(page.locator("#thread h1")).to_have_text("Fattura 2026/311 – richiesta")
    expect(page.locator("#nav [aria-current] b")).to_have_count(0)
    assert not Message.objects.filter(placements__seen=False).exists()


def test_a_new_letter_appears_by_itself_within_three_seconds(page: Page, world: World) -> None:
    sign_in(page)
    page.keyboard.press("j")
    expect(page.locator("#thread .msg")).to_have_count(1)
    time.sleep(1)
    began = time.monotonic()
    deliver(world.sales, letter("Just arrived", sender="Ewa <ewa@new.example>"))
    expect(page.locator("#rows .row").first).to_contain_text("Just arrived", timeout=3000)
    assert time.monotonic() - began < 3
    expect(page.locator("#rows .row.on")).to_contain_text("Offer 118/2026")
    expect(page.locator("#nav [aria-current] b")).to_have_text("2")


def test_a_letter_in_the_open_conversation_is_announced_there(page: Page, world: World) -> None:
    sign_in(page)
    page.locator("#rows .row", has_text="Fattura").locator("a").click()
    expect(page.locator("#thread .msg")).to_have_count(3)
    page.wait_for_timeout(1000)
    deliver(world.sales, letter("Re: Fattura", "Grazie!", mid="f4@b", answers="f3@b"))
    page.locator("#came").click(timeout=4000)
    expect(page.locator("#thread .msg")).to_have_count(4)
    expect(page.locator("#rows .row.on")).to_contain_text("Grazie!")


def test_reading_only_unread_ones_keeps_ones_place(page: Page, world: World) -> None:
    sign_in(page)
    page.get_by_role("button", name="Only unread").click()
    expect(page.locator("#rows .row")).to_have_count(2)
    page.keyboard.press("j")
    expect(page.locator("#rows .row.on")).to_contain_text("Offer")
    page.wait_for_timeout(1500)
    expect(page.locator("#rows .row.on")).to_contain_text("Offer")
    page.keyboard.press("j")
    expect(page.locator("#rows .row.on")).to_contain_text("Fattura")


def test_the_red_label_shows_on_another_screen_and_goes_with_a_look(page: Page, world: World) -> None:
    """S5-29."""
    sign_in(page)
    page.wait_for_timeout(1100)
    page.goto("/search/")
    page.wait_for_timeout(1000)
    expect(page.locator("#new")).to_be_hidden()
    deliver(world.sales, letter("News while elsewhere"))
    expect(page.locator("#new")).to_be_visible(timeout=3000)
    page.click(".modules a >> nth=0")
    expect(page.locator("#new")).to_be_hidden()


def test_walking_by_keys_opens_at_once_because_neighbours_are_fetched_ahead(page: Page, world: World) -> None:
    sign_in(page)
    page.keyboard.press("j")
    expect(page.locator("#thread .msg")).to_have_count(1)
    page.wait_for_timeout(500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    page.keyboard.press("j")
    expect(page.locator("#thread .msg")).to_have_count(3)
    opening = page.locator("#rows .row.on a").get_attribute("href")
    assert not [one for one in asked if one.startswith("GET") and str(opening) in one]


def test_hostile_letters_stay_inert(page: Page, world: World) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    html = "<p>Hello</p>" + "".join(HOSTILE)
    sender = '"<img src=x onerror=stolen=1>" <e@v.example>'
    deliver(world.sales, letter("Hostile <script>stolen=1</script>", html=html, sender=sender))
    sign_in(page)
    page.keyboard.press("j")
    frame = page.frame_locator("iframe.frame")
    expect(frame.locator("p", has_text="Hello")).to_be_visible()
    bait = frame.locator("text=click")
    if bait.count():
        bait.first.click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.stolen") is None
    assert [url for url in asked if "spy.example" in url] == []
    assert page.url.startswith("http://127.0.0.1")


def test_a_quiet_page_weighs_little_and_asks_little(page: Page, world: World) -> None:
    """The first visit: at most 150 KB and 12 requests, from the empty cache to the list."""
    sizes: list[int] = []
    names: set[str] = set()

    def count(request: Request) -> None:
        names.add(request.url)
        sizes.append(request.sizes()["responseBodySize"])

    page.on("requestfinished", count)
    sign_in(page)
    page.wait_for_timeout(800)
    # "/" and the bare "/mail/" only led to sign-in; the stream of news, which never finishes, makes twelve.
    assert len(names) <= 13, names
    assert sum(sizes) <= 150_000, sum(sizes)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_how_it_looks(page: Page, world: World, theme: str) -> None:
    sign_in(page)
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    page.set_viewport_size({"width": 1600, "height": 900})
    page.locator("#rows .row", has_text="Fattura").click()
    expect(page.locator("#thread .msg")).to_have_count(3)
    assert take_shot(page, f"mail-{theme}").stat().st_size > 20_000
    assert page.evaluate("document.documentElement.scrollWidth") <= 1600


def test_on_a_phone_there_is_one_pane_at_a_time(page: Page, world: World) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page)
    take_shot(page, "phone-list")
    page.locator("#rows .row", has_text="Fattura").click()
    expect(page.locator("#list")).to_be_hidden()
    expect(page.locator("#thread h1")).to_be_visible()
    take_shot(page, "phone-thread")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click(".back")
    expect(page.locator("#list")).to_be_visible()
    page.click(".open-nav")
    expect(page.locator("#nav")).to_be_visible()
    page.click("#nav a:has-text('Received') >> nth=0")
    expect(page.locator("#list")).to_be_visible()
    expect(page.locator("#nav")).to_be_hidden()


def test_it_all_works_without_scripts(browser: object, live: object, world: World) -> None:
    context = browser.new_context(base_url=live.url, java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    sign_in(page)
    page.locator("#rows .row a", has_text="Fattura").click()
    expect(page.locator("#thread .msg")).to_have_count(3)
    page.locator(".acts .close").click()
    expect(page.locator("#thread .msg")).to_have_count(0)
    page.fill("#q", "sconto")
    page.press("#q", "Enter")
    expect(page.locator(".found .row")).to_have_count(1)
    context.close()
