"""Collected attacks leave nothing that runs or loads; benign pages keep their words (goals 36, 37)."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mailroom.core.html import plain_html, safe_html
from tests.corpus import messages

pytestmark = pytest.mark.corpus

FORBIDDEN_TAGS = frozenset(
    {
        *("script", "style", "svg", "math", "form", "input", "button", "iframe", "object", "embed", "applet"),
        *("meta", "link", "base", "template", "noscript", "video", "audio", "frame", "frameset", "image"),
    }
)
LOADING = ("src", "srcset", "background", "poster", "data", "action", "formaction", "xlink:href")


class Page(HTMLParser):
    """What a browser could act on: tags and attributes of the cleaned page."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in FORBIDDEN_TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            self._judge(tag, name, (value or "").strip().lower())

    def _judge(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on"):
            self.faults.append(name)
        if name in LOADING and not value.startswith(("cid:", "data:image/")):
            self.faults.append(f"{name}={value}")
        if name == "style" and re.search(r"url\(\s*'?(?!cid:|data:image/)", value):
            self.faults.append(value)
        if name == "style" and re.search(
            r"expression|javascript|@import|-moz-binding|position|behavior|\\", value
        ):
            self.faults.append(value)
        if name == "href" and not value.startswith(
            ("http:", "https:", "mailto:", "tel:", "ftp:", "#", "sms:")
        ):
            self.faults.append(f"href={value}")


def faults_of(html: str) -> list[str]:
    page = Page()
    page.feed(html)
    page.close()
    return page.faults


def test_no_payload_leaves_anything_that_runs_or_loads(corpus: Path) -> None:
    vectors = json.loads((corpus / "xss-dompurify" / "vectors.json").read_text())
    assert len(vectors) > 130
    for vector in vectors:
        once = safe_html(vector["payload"], cid_url=lambda _: None).html
        assert faults_of(once) == [], (vector["id"], once)
        assert safe_html(once, cid_url=lambda _: None).html == once, vector["id"]
        plain = plain_html(vector["payload"])
        assert re.sub(r'<a href="(?:https?://|mailto:)[^"<>]*"[^<>]*>|</a>|<br>', "", plain).count("<") == 0


def test_newsletters_and_spam_load_nothing(corpus: Path) -> None:
    for name, raw in messages(corpus, "spamassassin-public/hard-ham-1", "spamassassin-public/spam-1"):
        page = safe_html(raw.decode("latin-1"), cid_url=lambda _: None)
        assert faults_of(page.html) == [], name


def test_benign_pages_keep_their_words(corpus: Path) -> None:
    from mailroom.core.letter import read_letter
    from mailroom.core.plaintext import html_to_text

    compared = 0
    for name, raw in messages(corpus, "spamassassin-public/hard-ham-1", "business"):
        html = read_letter(raw).html
        if html is None:
            continue
        before, after = (
            html_to_text(html).split(),
            html_to_text(safe_html(html, cid_url=lambda _: None).html).split(),
        )
        lost = set(before) - set(after)
        compared += 1
        assert len(lost) <= 0.02 * len(set(before)) + 2, (name, sorted(lost)[:20])
    assert compared > 60
