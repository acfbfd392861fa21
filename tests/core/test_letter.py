"""`read_letter`: one value for all that is kept of a letter; any bytes give one (goals 30, 35, 39)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mailroom.cli.inspect import inspect_command
from mailroom.core import letter as letter_module
from mailroom.core.bounces import Kind
from mailroom.core.headers import Defect
from mailroom.core.letter import attachment_bytes, attachment_sha256, read_header, read_letter
from mailroom.core.mime import ParsedMessage

HEADER = (
    b"Received: by mx.b.example; Mon, 03 Nov 2025 09:12:40 +0100\r\n"
    b"Received: by old.b.example; Sun, 02 Nov 2025 09:12:40 +0100\r\n"
    b"Message-ID: <one@a.example>\r\nIn-Reply-To: <zero@b.example>\r\n"
    b"References: <root@b.example>\r\n <zero@b.example>\r\n"
    b"Date: Mon, 03 Nov 2025 09:12:36 +0100\r\nSubject: Re: =?utf-8?Q?Za=C5=BC=C3=B3=C5=82cony?= list\r\n"
    b"From: Ann <ann@a.example>\r\nTo: Bob <bob@b.example>, cid@b.example\r\nReply-To: desk@a.example\r\n"
)
LETTER = (
    HEADER + b"Content-Type: multipart/related; boundary=q\r\n\r\n"
    b"--q\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello</p><img src='cid:logo@a'>\r\n"
    b"--q\r\nContent-Type: image/png; name=logo.png\r\nContent-ID: <logo@a>\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nQUJD\r\n"
    b"--q\r\nContent-Type: application/pdf; name=a.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nREVGRw==\r\n--q--\r\n"
)


def test_a_letter_is_read_into_one_value() -> None:
    letter = read_letter(LETTER)
    assert letter.message_id == "one@a.example"
    assert letter.in_reply_to == ("zero@b.example",)
    assert letter.references == ("root@b.example", "zero@b.example")
    assert letter.date == datetime(2025, 11, 3, 8, 12, 36, tzinfo=UTC)
    assert letter.received_at == datetime(2025, 11, 3, 8, 12, 40, tzinfo=UTC)
    assert (letter.subject, letter.base_subject) == ("Re: Zażółcony list", "Zażółcony list")
    assert [one.email for one in letter.from_ + letter.to + letter.reply_to] == [
        *("ann@a.example", "bob@b.example", "cid@b.example", "desk@a.example")
    ]
    assert (letter.text, letter.snippet, letter.has_html, letter.kind) == ("Hello", "Hello", True, Kind.MAIL)
    assert (letter.size, letter.defects) == (len(LETTER), ())


def test_attachments_are_ranges_of_the_letters_bytes() -> None:
    logo, pdf = read_letter(LETTER).attachments
    assert (logo.filename, logo.inline, logo.content_id, logo.size) == ("logo.png", True, "logo@a", 3)
    assert (pdf.filename, pdf.inline, pdf.index, pdf.size) == ("a.pdf", False, 1, 4)
    assert LETTER[pdf.offset : pdf.offset + pdf.length] == b"REVGRw=="
    assert attachment_bytes(LETTER, pdf) == b"DEFG"
    assert attachment_sha256(LETTER, pdf) == sha256(b"DEFG").hexdigest()


def test_a_header_alone_says_the_same_as_the_whole_letter() -> None:
    whole, alone = read_letter(LETTER), read_header(HEADER)
    for field in (
        "message_id",
        "in_reply_to",
        "references",
        "date",
        "received_at",
        "subject",
        "from_",
        "to",
        "reply_to",
    ):
        assert getattr(alone, field) == getattr(whole, field)
    assert alone.header_digest == whole.header_digest
    assert (alone.text, alone.attachments) == ("", ())


def test_the_letter_key_is_equal_for_copies_and_differs_for_other_letters() -> None:
    """Copies differ in their trace and their line ends; letters that share an id differ in their body."""
    key = read_letter(LETTER).letter_key
    assert len(key) == 16
    assert read_letter(b"Received: by another\r\n" + LETTER).letter_key == key
    assert read_letter(LETTER.replace(b"\r\n", b"\n")).letter_key == key
    assert read_letter(LETTER.replace(b"Hello", b"Other")).letter_key != key
    assert read_letter(LETTER.replace(b"one@a", b"two@a")).letter_key != key


def test_without_an_id_all_bytes_are_the_key() -> None:
    one, two = b"Subject: a\r\n\r\nx", b"Subject: b\r\n\r\nx"
    assert read_letter(one).letter_key != read_letter(two).letter_key


def test_the_header_digest_changes_with_what_it_covers_alone() -> None:
    digest = read_header(HEADER).header_digest
    assert read_header(HEADER.replace(b"Bob <bob", b"Bob  <bob")).header_digest == digest
    assert read_header(HEADER + b"X-Spam: no\r\n").header_digest == digest
    assert read_header(HEADER.replace(b"mx.b", b"mx.c")).header_digest != digest
    assert read_header(HEADER.replace(b"Re: ", b"")).header_digest != digest


def test_many_references_keep_the_root_and_the_last() -> None:
    raw = b"References: " + b" ".join(b"<%d@a>" % n for n in range(5_000)) + b"\r\n\r\n"
    references = read_letter(raw).references
    assert (references[0], references[-1], len(references)) == ("0@a", "4999@a", 200)


def test_control_characters_of_a_header_reach_no_field() -> None:
    raw = b"Subject: a\x00b\r\nFrom: =?utf-8?Q?x=0D=0ABcc:_y?= <a@b>\r\nMessage-ID: <a\x00b@c>\r\n\r\nx\x00y"
    letter = read_letter(raw)
    assert letter.subject == "ab"
    assert "\n" not in letter.from_[0].name
    assert letter.message_id == "ab@c"
    assert letter.text == "xy"


@given(st.one_of(st.binary(max_size=500), st.binary(max_size=300).map(lambda tail: LETTER[:-20] + tail)))
def test_any_bytes_give_a_letter(raw: bytes) -> None:
    letter = read_letter(raw)
    assert Defect.READER_FAILED not in letter.defects
    assert letter.size == len(raw)
    texts = (letter.text, letter.new_text, letter.snippet, letter.subject, letter.html, letter.message_id)
    for text in filter(None, texts):
        assert "\x00" not in text
        text.encode()
    for attachment in letter.attachments:
        assert len(attachment_bytes(raw, attachment)) == attachment.size
    read_header(raw)


def test_when_our_reader_fails_the_standard_library_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(parsed: ParsedMessage, raw: bytes) -> None:
        raise RuntimeError

    monkeypatch.setattr(letter_module, "_read", broken)
    letter = read_letter(b"Subject: x\r\nMessage-ID: <a@b>\r\n\r\nstill readable")
    assert (letter.subject, letter.message_id, letter.text) == ("x", "a@b", "still readable")
    assert letter.defects == (Defect.READER_FAILED,)


BOMBS = [
    b"From: a@b\r\n" + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 10_000,
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\na\r\n" * 100_000,
    b"X: y\r\n" * 1_700_000 + b"\r\nbody",
    b"Content-Type: text/plain; charset=" + b"x" * 100_000 + b"\r\n\r\n\xff\xfe broken",
    b"Content-Type: application/x; name*0*=" + b"; name*1*=%ff" * 20_000 + b"\r\n\r\nx",
    b"Content-Transfer-Encoding: base64\r\nContent-Type: application/x\r\n\r\n" + b"QUFB" * 5_000_000,
    b"Subject: " + b"Re: " * 60_000 + b"\r\n\r\nx",
    b"Content-Type: text/html\r\n\r\n" + b"<div style='display:none'>" * 80_000,
]


@pytest.mark.parametrize("place", range(len(BOMBS)))
def test_bombs_are_letters_within_seconds(place: int) -> None:
    started = time.process_time()
    letter = read_letter(BOMBS[place])
    assert time.process_time() - started < 5
    assert letter.size == len(BOMBS[place])
    assert Defect.READER_FAILED not in letter.defects


def test_inspect_prints_the_promised_fields_in_their_order(tmp_path: Path) -> None:
    """Surfaces: `inspect --json`."""
    path = tmp_path / "a.eml"
    path.write_bytes(LETTER)
    result = CliRunner().invoke(inspect_command, [str(path), "--json"])
    document = json.loads(result.output)
    assert result.exit_code == 0
    assert list(document) == [
        *(
            "message_id",
            "in_reply_to",
            "references",
            "date",
            "subject",
            "from",
            "to",
            "cc",
            "bcc",
            "reply_to",
        ),
        *(
            "text",
            "new_text",
            "quoted",
            "signature",
            "html_safe",
            "snippet",
            "attachments",
            "kind",
            "defects",
        ),
    ]
    assert list(document["attachments"][0]) == [
        *("index", "filename", "content_type", "size", "sha256", "inline", "content_id")
    ]
    assert document["from"] == [{"name": "Ann", "address": "ann@a.example"}]
    assert document["html_safe"] == '<p>Hello</p><img src="cid:logo@a">'
    assert document["date"] == "2025-11-03T08:12:36+00:00"


def test_inspect_answers_any_bytes_even_where_nothing_but_ascii_may_be_printed(tmp_path: Path) -> None:
    path = tmp_path / "odd.eml"
    path.write_bytes(b"Subject: \xff\xc5\x82\x1b[2J\r\n\r\n\xc5\x82\xc2\x85\x1b[2J")
    for extra in ((), ("--json",)):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from mailroom.cli.inspect import inspect_command; inspect_command()",
                path,
                *extra,
            ],
            env={"PYTHONPATH": ":".join(sys.path), "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout
