"""Any file gives a letter: the whole corpus, the same cut short, the same with bytes changed (goal 30)."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailroom.cli.inspect import inspect_command
from mailroom.core.bounces import read_bounces
from mailroom.core.headers import Defect
from mailroom.core.html import safe_html
from mailroom.core.letter import attachment_bytes, read_header, read_letter
from mailroom.core.mime import read_message
from tests.corpus import every_file, messages

pytestmark = pytest.mark.corpus


def read_all_of(raw: bytes, name: str) -> None:
    """Everything that is ever asked of a letter; our own reader must not have needed its stand-in."""
    letter = read_letter(raw)
    assert Defect.READER_FAILED not in letter.defects, name
    assert Defect.READER_FAILED not in read_header(raw).defects, name
    parsed = read_message(raw)
    assert sum(span.length for span in parsed.spans()) == len(raw), name
    read_bounces(parsed, raw)
    for attachment in letter.attachments:
        assert len(attachment_bytes(raw, attachment)) == attachment.size, (name, attachment)
    for text in (letter.text, letter.subject, letter.snippet, letter.html or ""):
        assert "\x00" not in text, name
        text.encode()


def test_every_file_gives_a_letter(corpus: Path) -> None:
    count = 0
    for name, raw in every_file(corpus):
        read_all_of(raw, name)
        count += 1
    assert count > 2_000


def test_every_page_can_be_made_safe(corpus: Path) -> None:
    pages = 0
    for _, raw in messages(
        corpus, "spamassassin-public/hard-ham-1", "spamassassin-public/spam-1", "business"
    ):
        html = read_letter(raw).html
        if html is not None:
            pages += 1
            once = safe_html(html, cid_url=lambda _: None).html
            assert safe_html(once, cid_url=lambda _: None).html == once
    assert pages > 100


def test_letters_cut_short_or_damaged_are_letters(corpus: Path) -> None:
    chance = random.Random(7)
    for name, raw in messages(corpus, "stalwart-mail-parser", "cpython", "mikel-mail", "business"):
        if not raw or len(raw) > 100_000:
            continue
        for _ in range(3):
            read_all_of(raw[: chance.randrange(len(raw))], name)
            damaged = bytearray(raw)
            for _ in range(1 + len(raw) // 200):
                damaged[chance.randrange(len(raw))] = chance.randrange(256)
            read_all_of(bytes(damaged), name)


def test_spam_and_ham_are_readable(corpus: Path) -> None:
    """The SpamAssassin corpus: a sender, a text or a page in each, hardly a replacement character."""
    silent, holes, total = [], 0, 0
    for name, raw in messages(corpus, "spamassassin-public"):
        letter = read_letter(raw)
        total += 1
        holes += "\ufffd" in letter.text
        if not letter.from_ or not (letter.text.strip() or letter.html or letter.attachments):
            silent.append(name)
    assert total == 1_030
    assert len(silent) <= 3, silent
    assert holes <= 5


def test_inspect_prints_one_document_a_line_and_ends_with_0(corpus: Path) -> None:
    paths = [str(path) for path in sorted((corpus / "mime4j" / "testmsgs").iterdir())][:60]
    result = CliRunner().invoke(inspect_command, [*paths, "--json"])
    assert result.exit_code == 0, result.output
    documents = [json.loads(line) for line in result.output.splitlines()]
    assert len(documents) == len(paths)
