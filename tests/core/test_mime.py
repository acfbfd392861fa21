"""The byte-level reader: trees, spans, defects, bounds; the standard library is the second opinion."""

from __future__ import annotations

import email
import time
from email import policy
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.headers import Defect
from mailroom.core.mime import MAX_DEPTH, MAX_PARTS, ParsedMessage, Part, read_message, read_message_header

MIXED = (
    b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n"
    b"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    b"--x\r\nContent-Type: application/pdf; name*=utf-8''%C5%82.pdf\r\nContent-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="C:\\dir\\file.pdf"\r\nContent-ID: <one@x>\r\n\r\nQUJD\r\n'
    b"--x--\r\nepilogue\r\n"
)


def types(part: Part) -> list[object]:
    return [part.content_type, *(types(child) for child in part.children)]


def assert_every_byte_has_one_span(parsed: ParsedMessage, raw: bytes) -> None:
    place = 0
    for span in parsed.spans():
        assert span.offset == place
        assert span.length > 0
        place += span.length
    assert place == len(raw) == parsed.size


def test_a_tree_of_parts_points_into_the_original() -> None:
    root = read_message(MIXED).root
    text, pdf = root.children
    assert text.encoded(MIXED) == b"hello"
    assert pdf.decode(MIXED) == b"ABC"
    assert (pdf.filename, pdf.content_id, pdf.disposition) == ("file.pdf", "one@x", "attachment")
    assert_every_byte_has_one_span(read_message(MIXED), MIXED)


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
@pytest.mark.parametrize(
    ("raw", "tree", "defects"),
    [
        (b"A: b\n\ntext", ["text/plain"], []),
        (b"", ["text/plain"], []),
        (b"\n", ["text/plain"], []),
        (b"no header at all", ["text/plain"], [Defect.NO_HEADER]),
        (b"From x Mon Jan\nA: b\n\ntext", ["text/plain"], [Defect.MBOX_LINE]),
        (b"A: b\nno blank line\nbefore the text", ["text/plain"], [Defect.MISSING_SEPARATOR]),
        (b"A: b\njunk\nC: d\n\ntext", ["text/plain"], [Defect.HEADER_JUNK]),
        (b"Content-Type: nonsense\n\nx", ["text/plain"], [Defect.BAD_CONTENT_TYPE]),
        (b"Content-Type: text\n\nx", ["text/plain"], [Defect.BAD_CONTENT_TYPE]),
        (b"Content-Type: multipart/mixed\n\nx", ["text/plain"], [Defect.BOUNDARY_MISSING]),
        (b"Content-Type: multipart/mixed; boundary=q\n\nx", ["text/plain"], [Defect.BOUNDARY_NOT_FOUND]),
        (
            b"Content-Type: multipart/mixed; boundary=q\n\n--q\n\nx",
            ["multipart/mixed", ["text/plain"]],
            [Defect.BOUNDARY_NOT_CLOSED],
        ),
        (
            b"Content-Type: multipart/mixed\n\n--lost\nContent-Type: text/html\n\nx\n--lost--\n",
            ["multipart/mixed", ["text/html"]],
            [Defect.BOUNDARY_MISSING],
        ),
        (
            b"Content-Type: multipart/digest; boundary=q\n\n--q\n\nA: b\n\nx\n--q--\n",
            ["multipart/digest", ["message/rfc822", ["text/plain"]]],
            [],
        ),
        # A longer boundary that begins alike is another boundary.
        (
            b"Content-Type: multipart/mixed; boundary=q\n\n--q\n\n--qq\nx\n--q--\n",
            ["multipart/mixed", ["text/plain"]],
            [],
        ),
        (b"Content-Transfer-Encoding: x-mine\n\nx", ["text/plain"], [Defect.UNKNOWN_ENCODING]),
    ],
)
def test_well_formed_and_broken_messages_have_a_tree(
    raw: bytes, newline: bytes, tree: list[object], defects: list[Defect]
) -> None:
    raw = raw.replace(b"\n", newline)
    parsed = read_message(raw)
    assert types(parsed.root) == tree
    assert list(parsed.defects) == defects
    assert_every_byte_has_one_span(parsed, raw)


def test_the_text_after_a_forgotten_blank_line_is_the_body() -> None:
    raw = b"Subject: x\r\nHello, this is text\r\nand more"
    assert read_message(raw).root.encoded(raw) == b"Hello, this is text\r\nand more"


def test_a_header_alone_is_a_message_without_a_body() -> None:
    for block in (b"Subject: x\r\nTo: a@b", b"Subject: x\r\nTo: a@b\r\n\r\n", b"Subject: x\nTo: a@b\n\nbody"):
        parsed = read_message_header(block)
        assert parsed.header.text("subject") == "x"
        assert parsed.header.text("to") == "a@b"
        assert parsed.root.length == 0


pieces = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b"--a",
            b"--b",
            b"--a--",
            b"--b--",
            b" ",
            b"x",
            b"\x00",
            b"\xff",
            b":",
            b"From ",
        ),
        *(
            b"Content-Type: multipart/mixed; boundary=a\r\n",
            b"Content-Type: multipart/alternative; boundary=b\n",
        ),
        *(b"Content-Type: message/rfc822\r\n\r\n", b"Content-Type: text/html; charset=utf-7\r\n\r\n"),
        *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Disposition: attachment; filename*=x\r\n"),
    ]
)


@given(st.one_of(st.binary(max_size=400), st.lists(pieces, max_size=40).map(b"".join)))
def test_any_bytes_are_a_message_and_every_byte_is_accounted_for(raw: bytes) -> None:
    parsed = read_message(raw)
    assert_every_byte_has_one_span(parsed, raw)
    for part in parsed.root.walk():
        part.decode(raw)
        assert 0 <= part.start <= part.offset <= part.end <= len(raw)


def stdlib_leaves(message: Message) -> list[tuple[str, bytes]]:
    return [
        (part.get_content_type(), part.get_payload(decode=True) or b"")  # type: ignore[misc]
        for part in message.walk()
        if not part.is_multipart()
    ]


words = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=60)


@given(st.lists(st.tuples(words, st.binary(max_size=80)), min_size=1, max_size=4), st.booleans())
def test_a_message_made_by_the_standard_library_reads_as_it_was_made(
    contents: list[tuple[str, bytes]], crlf: bool
) -> None:
    from email.message import EmailMessage

    made = EmailMessage()
    made["Subject"] = "x"
    made.set_content(contents[0][0], charset="utf-8")
    for text, data in contents:
        made.add_attachment(data, maintype="application", subtype="octet-stream", filename="a.bin")
        made.add_alternative(text, subtype="html") if not made.is_multipart() else None
    raw = made.as_bytes(policy=policy.SMTP if crlf else policy.default)
    parsed = read_message(raw)
    ours = [(part.content_type, part.decode(raw)) for part in parsed.root.walk() if not part.children]
    theirs = stdlib_leaves(email.message_from_bytes(raw))
    assert [kind for kind, _ in ours] == [kind for kind, _ in theirs]
    assert [data.replace(b"\r\n", b"\n") for _, data in ours] == [
        data.replace(b"\r\n", b"\n") for _, data in theirs
    ]
    assert parsed.defects == ()


def nested(levels: int) -> bytes:
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels)
    )


HEAD = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
BOMBS = {
    "10,000 nested parts": (nested(10_000), Defect.TOO_DEEP),
    "10,000 nested parts of one boundary": (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" + nested(1) * 10_000,
        None,
    ),
    "10,000 nested letters": (b"Content-Type: message/rfc822\r\n\r\n" * 10_000, Defect.TOO_DEEP),
    "100,000 parts": (HEAD + b"--x\r\n\r\na\r\n" * 100_000, Defect.TOO_MANY_PARTS),
    "300,000 lines that are nearly a boundary": (
        HEAD + b"--xy\r\n\r\na\r\n" * 300_000,
        Defect.BOUNDARY_NOT_FOUND,
    ),
    "a header of 10 MB": (b"X: y\r\n" * 1_700_000 + b"\r\nbody", Defect.HEADER_TOO_LARGE),
    "one field of 10 MB": (
        b"Subject: " + b"=?utf-8?q?a?= " * 700_000 + b"\r\n\r\nbody",
        Defect.HEADER_TOO_LARGE,
    ),
    "one field folded 2,000,000 times": (
        b"Subject: a" + b"\r\n b" * 2_000_000 + b"\r\n\r\n",
        Defect.HEADER_TOO_LARGE,
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_read_in_seconds_and_nothing_is_lost(name: str) -> None:
    raw, defect = BOMBS[name]
    started = time.process_time()
    parsed = read_message(raw)
    assert time.process_time() - started < 4
    assert sum(span.length for span in parsed.spans()) == len(raw)
    assert len(list(parsed.root.walk())) <= MAX_PARTS + MAX_DEPTH
    if defect:
        assert defect in parsed.defects


def test_a_body_after_a_giant_header_is_still_the_body() -> None:
    raw = b"X: y\r\n" * 100_000 + b"\r\nthe body"
    assert read_message(raw).root.encoded(raw) == b"the body"
