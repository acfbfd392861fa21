"""What is sent says what was written, to those who were named, and nothing can break out (S4-20, S5-33)."""

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.address import Address
from mailroom.core.compose import (
    AttachedFile,
    ComposeError,
    DraftContent,
    Fault,
    FieldError,
    InlineImage,
    check_draft,
    compose,
    envelope,
)
from mailroom.core.letter import attachment_bytes, read_letter

ANN = Address("Ann Lee", "ann", "firma.example")
BOB = Address("Bożena Świętek", "b.swietek", "polkoslaw.example")
EVE = Address("", "eve", "żaba.example")
GIVEN = {
    "message_id": "5b1f0c1e@firma.example",
    "date": datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    "reference": "01957f6e-aaaa",
}
DRAFT = DraftContent(ANN, to=(BOB,), subject="Oferta", text="Dzień dobry")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def made(**values) -> bytes:
    return compose(replace(DRAFT, **values), **GIVEN)


def assert_clean(raw: bytes) -> None:
    assert raw.isascii()
    assert b"\0" not in raw
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    encoded = [line for line in body.split(b"\r\n") if not line.startswith((b"--=_", b"Content-"))]
    assert all(len(line) <= 76 for line in encoded if b" filename" not in line)
    names = {line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")}
    assert names <= {
        *(b"Date", b"From", b"Reply-To", b"To", b"Cc", b"Bcc", b"Subject", b"Message-ID", b"In-Reply-To"),
        *(b"References", b"X-Mailroom-Ref", b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding"),
    }


# Anything a person can type into a field; line breaks are refused, which another test proves.
LINE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=90)
VISIBLE = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=90)
BODY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)
# The reader takes quotes off names, and paths off file names: those are no part of what is said.
NAME = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="'\""), max_size=40)
FILENAME = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="/\\"), max_size=90
)
LOCAL = st.from_regex(r"[a-z0-9+_-]{1,20}(\.[a-z0-9]{1,10})?", fullmatch=True)
ADDRESS = st.builds(
    Address, NAME, LOCAL, st.sampled_from(["firma.example", "mail.żaba.example", "a-b.example"])
)
FILE = st.builds(
    AttachedFile,
    FILENAME.filter(str.strip),
    st.sampled_from(["application/pdf", "text/plain; charset=utf-8", "message/rfc822", "odd", ""]),
    st.binary(max_size=300),
)


def spelled(text: str) -> str:
    return " ".join(text.split())


@given(
    VISIBLE,
    BODY,
    st.lists(ADDRESS, min_size=1, max_size=4),
    st.lists(ADDRESS, max_size=3),
    st.lists(FILE, max_size=3),
)
def test_what_was_composed_is_read_back(subject, text, to, cc, files):
    raw = made(subject=subject, text=text, to=tuple(to), cc=tuple(cc), attachments=tuple(files))
    assert_clean(raw)
    letter = read_letter(raw)
    assert letter.message_id == GIVEN["message_id"]
    assert letter.date == GIVEN["date"]
    assert spelled(letter.subject) == spelled(subject)
    assert [address.key for address in letter.to] == [address.key for address in to]
    assert [spelled(address.name) for address in letter.to] == [spelled(address.name) for address in to]
    assert [address.key for address in letter.cc] == [address.key for address in cc]
    assert [attachment_bytes(raw, file) for file in letter.attachments] == [file.data for file in files]
    assert [spelled(file.filename or "") for file in letter.attachments] == [
        spelled(file.filename) for file in files
    ]


@given(VISIBLE, BODY, BODY)
def test_the_standard_library_reads_the_same(subject, text, html):
    raw = made(subject=subject, text=text, html=f"<p>{html}")
    message = message_from_bytes(raw, policy=policy.compat32)
    alternatives = message.get_payload()
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in alternatives] == ["text/plain", "text/html"]
    for part, written in zip(alternatives, (text, f"<p>{html}"), strict=True):
        read = part.get_payload(decode=True).decode("utf-8")
        expected = re.sub(r"\r\n|\r|\n", "\r\n", written)
        assert read == expected if expected.endswith("\r\n") else read == expected + "\r\n"
    assert not message.defects


@given(LINE, LINE, LINE, st.sampled_from(["", "a", "\t", "\x0b", "\u2028", "=?utf-8?q?=0D=0AX:_y?="]))
def test_no_text_of_any_kind_adds_a_header(subject, name, filename, odd):
    file = AttachedFile(filename + odd, "text/plain", b"x")
    to = (replace(BOB, name=name + odd),)
    raw = made(subject=subject + odd, to=to, attachments=(file,), references=(odd, "a b"))
    assert_clean(raw)
    assert len(re.findall(rb"(?m)^(?:To|Subject|Message-ID):", raw)) == 3


BREAKS = ["\r", "\n", "\0", "\r\nBcc: x@y.example"]


@pytest.mark.parametrize("bad", BREAKS)
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("subject", lambda bad: {"subject": f"a{bad}"}),
        ("from", lambda bad: {"from_": replace(ANN, name=f"a{bad}")}),
        ("to", lambda bad: {"to": (replace(ANN, name=bad),)}),
        ("cc", lambda bad: {"cc": (replace(ANN, mailbox=f"a{bad}"),)}),
        ("bcc", lambda bad: {"bcc": (replace(ANN, host=f"a{bad}"),)}),
        ("reply_to", lambda bad: {"reply_to": (replace(ANN, name=bad),)}),
        ("in_reply_to", lambda bad: {"in_reply_to": f"a{bad}"}),
        ("references", lambda bad: {"references": (f"a{bad}",)}),
        ("attachments", lambda bad: {"attachments": (AttachedFile(bad, "a/b", b""),)}),
        ("attachments", lambda bad: {"attachments": (AttachedFile("a", f"a/b{bad}", b""),)}),
        ("inline", lambda bad: {"inline": (InlineImage(f"a{bad}", "image/png", b""),)}),
    ],
)
def test_line_breaks_and_nul_are_refused_at_their_field(field, values, bad):
    draft = replace(DRAFT, **values(bad))
    assert (check_draft(draft)[0].field, check_draft(draft)[0].fault) == (field, Fault.LINE_BREAK_OR_NUL)
    with pytest.raises(ComposeError) as caught:
        compose(draft, **GIVEN)
    assert caught.value.error.field == field


@pytest.mark.parametrize("body", ["html", "text"])
def test_nul_is_refused_in_a_body_as_well(body):
    assert check_draft(replace(DRAFT, **{body: "a\0"})) == [FieldError(body, Fault.LINE_BREAK_OR_NUL)]


@pytest.mark.parametrize(
    "given", [{"message_id": "a\r\nb"}, {"reference": "a b"}, {"date": GIVEN["date"].replace(tzinfo=None)}]
)
def test_what_the_edge_gives_is_checked_too(given):
    with pytest.raises(ComposeError):
        compose(DRAFT, **{**GIVEN, **given})


@pytest.mark.parametrize(
    "address",
    [
        Address("", "", "firma.example"),
        Address("", "ann", ""),
        Address("", "ann@b", "-x.example"),
        Address("", "ann", "a b.example"),
        Address("", "ann", "a..example"),
        Address("", "ąnn", "firma.example"),
        Address("", "a" * 65, "firma.example"),
        Address("", "ann", "a" * 254),
    ],
)
def test_a_malformed_address_is_named(address):
    (error,) = check_draft(replace(DRAFT, to=(ANN, address)))
    assert (error.field, error.fault) == ("to", Fault.MALFORMED_ADDRESS)


def test_a_draft_without_recipients_is_not_sent_but_can_be_filed():
    assert check_draft(replace(DRAFT, to=())) == [FieldError("to", Fault.NO_RECIPIENTS)]
    assert b"To: undisclosed-recipients:;\r\n" in made(to=())
    assert not check_draft(replace(DRAFT, to=(), bcc=(BOB,)))


def test_bcc_is_in_the_envelope_and_in_nobodys_header():
    draft = replace(DRAFT, cc=(ANN,), bcc=(EVE, replace(BOB, mailbox="B.Swietek")))
    raw = compose(draft, **GIVEN)
    assert b"bcc" not in raw.lower()
    assert b"eve" not in raw.lower()
    recipients = ("b.swietek@polkoslaw.example", "ann@firma.example", "eve@xn--aba-22a.example")
    assert envelope(draft) == ("ann@firma.example", recipients)
    # Only the copy in the server's Drafts folder carries it.
    assert b"Bcc: eve@xn--aba-22a.example" in compose(draft, **GIVEN, keep_bcc=True)


def test_the_same_arguments_give_the_same_bytes_and_the_header_carries_the_reference():
    draft = replace(DRAFT, html="<p>x</p>", attachments=(AttachedFile("a.pdf", "application/pdf", b"1"),))
    assert compose(draft, **GIVEN) == compose(draft, **GIVEN)
    assert b"X-Mailroom-Ref: 01957f6e-aaaa\r\n" in compose(draft, **GIVEN)
    assert b"Message-ID: <5b1f0c1e@firma.example>\r\n" in compose(draft, **GIVEN)


def test_pictures_pasted_into_the_html_become_parts_that_it_shows():
    data = base64.b64encode(PNG).decode()
    address = f"data:image/png;base64,{data}"
    html = f"""<p>Look <img alt="a" src="{address}"> <IMG src='{address}'>"""
    raw = made(
        html=html + '<img src="data:image/png;base64,!">',
        attachments=(AttachedFile("a.pdf", "application/pdf", b"1"),),
    )
    assert_clean(raw)
    message = message_from_bytes(raw)
    assert [part.get_content_type() for part in message.walk()] == [
        *("multipart/mixed", "multipart/related", "multipart/alternative"),
        *("text/plain", "text/html", "image/png", "application/pdf"),
    ]
    letter = read_letter(raw)
    shown = [file for file in letter.attachments if file.inline]
    assert [attachment_bytes(raw, file) for file in shown] == [PNG]
    assert letter.html.count(f"cid:{shown[0].content_id}") == 2
    assert letter.html.count("data:image") == 1  # what cannot be read stays as it was written


def test_text_is_made_from_html_when_there_is_none():
    raw = made(text=None, html="<p>Dzień <b>dobry</b></p><p>Ann</p>")
    plain = message_from_bytes(raw).get_payload()[0].get_payload(decode=True).decode()
    assert [line for line in plain.split("\r\n") if line] == ["Dzień dobry", "Ann"]


def test_a_picture_without_html_travels_as_a_file():
    raw = made(inline=(InlineImage("a@b", "image/png", PNG, "logo.png"),))
    (file,) = read_letter(raw).attachments
    assert (file.filename, file.inline) == ("logo.png", False)


def test_ids_of_a_thread_are_kept_root_first_and_foreign_nonsense_is_left_out():
    chain = tuple(f"{number}@example.com" for number in range(60))
    letter = read_letter(made(in_reply_to="59@example.com", references=(*chain, "bad id", "żle@x")))
    assert letter.in_reply_to == ("59@example.com",)
    assert letter.references == (chain[0], *chain[-30:])


def test_a_letter_within_a_letter_is_never_touched():
    """RFC 2046 5.2.1 forbids base64 for message/*: it goes as octets, every one of them."""
    inner = b"Subject: x\n\nbare line feeds\n"
    raw = made(attachments=(AttachedFile("old.eml", "message/rfc822", inner),))
    (file,) = read_letter(raw).attachments
    assert (file.content_type, attachment_bytes(raw, file)) == ("application/octet-stream", inner)


def test_lines_that_relays_and_mailboxes_misread_are_disguised():
    raw = made(text="From here\r\n.\r\n..x\r\ntrailing \r\n" + "a" * 75 + ".\r\n")
    body = raw.partition(b"\r\n\r\n")[2]
    assert not re.search(rb"(?m)^(From |\.|.* $)", body)
    assert_clean(raw)
