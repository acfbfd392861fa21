"""POP3 from bytes: cut anywhere, exact to the byte, no line too long (S1-01; stack trap of poplib's 2048)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.wire.failures import RetryLater
from mailroom.wire.pop3.grammar import LONGEST_REPLY, Reader, Reply

LINE = st.sampled_from([b"", b".", b"..", b"...", b".x", b"text", b"a.b", b" .", b"\r", b"\n.", b"x" * 3000])
LETTER = st.lists(LINE, max_size=8).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


def stuffed(content: bytes, newline: bytes = b"\r\n") -> bytes:
    lines = content.split(newline)
    return newline.join(b"." + line if line.startswith(b".") else line for line in lines) + b"." + newline


@given(letters=st.lists(LETTER, min_size=1, max_size=3), cuts=st.lists(st.integers(1, 40), max_size=30))
def test_letters_come_out_as_they_went_in_wherever_the_line_is_cut(
    letters: list[bytes], cuts: list[int]
) -> None:
    wire = b"".join(b"+OK 12 octets\r\n" + stuffed(letter) for letter in letters)
    reader = Reader()
    found: list[bytes] = []
    position, steps = 0, iter(cuts)
    awaits_block = False
    while len(found) < len(letters):
        if awaits_block and (block := reader.block()) is not None:
            found.append(block)
            awaits_block = False
        elif not awaits_block and reader.reply() is not None:
            awaits_block = True
        else:
            assert position < len(wire), "the end was not seen"
            size = next(steps, len(wire))
            reader.feed(wire[position : position + size])
            position += size
    assert found == letters
    assert reader.held == 0


@pytest.mark.parametrize(
    ("line", "reply", "code"),
    [
        (b"+OK", Reply("OK", ""), None),
        (b"+ok ready", Reply("OK", "ready"), None),
        (b"-ERR [IN-USE] locked", Reply("ERR", "[IN-USE] locked"), "IN-USE"),
        (b"-ERR [sys/temp] later", Reply("ERR", "[sys/temp] later"), "SYS/TEMP"),
        (b"-ERR [LOGIN-DELAY 60] slowly", Reply("ERR", "[LOGIN-DELAY 60] slowly"), "LOGIN-DELAY"),
        (b"+ dGV4dA==", Reply("+", "dGV4dA=="), None),
        (b"+", Reply("+", ""), None),
    ],
)
def test_a_status_line_is_read(line: bytes, reply: Reply, code: str | None) -> None:
    reader = Reader()
    reader.feed(line + b"\r\n")
    assert reader.reply() == reply
    assert reply.code == code


@pytest.mark.parametrize("junk", [b"* OK IMAP4\r\n", b"220 smtp\r\n", b"\r\n", b"x" * (LONGEST_REPLY + 1)])
def test_what_is_no_pop3_says_so(junk: bytes) -> None:
    reader = Reader()
    reader.feed(junk)
    with pytest.raises(RetryLater):
        reader.reply()


def test_a_server_that_ends_lines_by_a_line_feed_alone_is_understood() -> None:
    reader = Reader()
    reader.feed(b"+OK\nSubject: x\n\n..dot\n.\n+OK\n.\n")
    assert (reader.reply(), reader.block()) == (Reply("OK", ""), b"Subject: x\n\n.dot\n")
    assert (reader.reply(), reader.block()) == (Reply("OK", ""), b"")


def test_a_lone_dot_between_line_feeds_does_not_cut_a_letter_of_a_correct_server() -> None:
    reader = Reader()
    reader.feed(b"+OK\r\none\n.\ntwo\r\n.\r\n")
    reader.reply()
    assert reader.block() == b"one\n.\ntwo\r\n"


def test_a_server_that_does_not_stuff_loses_no_dot() -> None:
    reader = Reader()
    reader.feed(b"+OK\r\n.hidden\r\n.\r\n")
    reader.reply()
    assert reader.block() == b".hidden\r\n"
