"""The IMAP reader: any split of the bytes gives the same responses, any bytes give no surprise."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.wire.failures import Failure
from mailroom.wire.imap.fetching import Arrivals, internal_date, remote_flags
from mailroom.wire.imap.grammar import Continuation, Data, Garbled, Reader, Response, Status, values
from mailroom.wire.imap.listing import folder_status, listed_folder

TRANSCRIPT = (
    b"* OK [CAPABILITY IMAP4rev1 LITERAL+] ready {5}\r\n"
    b"* 3 EXISTS\r\n"
    b"+\r\n"
    b"+ go ahead\r\n"
    b'* LIST (\\HasNoChildren) "/" {7}\r\nfold"er\r\n'
    b"* 1 FETCH (UID 7 FLAGS (\\Seen $x) BODY[HEADER.FIELDS (FROM TO)] {0}\r\n"
    b' BODY[]<0> {12}\r\nab\r\n)\r\n(d\r\n" RFC822.SIZE 9)\r\n'
    b"* SEARCH 1 2 3\r\n"
    b"nonsense\r\n"
    b"\r\n"
    b"* VANISHED (EARLIER) 1:5,9\n"
    b"m1 OK [READ-ONLY] done\r\n"
)


def read(*pieces: bytes) -> list[Response]:
    reader, found = Reader(), []
    for piece in pieces:
        reader.feed(piece)
        while (response := reader.next_response()) is not None:
            found.append(response)
    return found


WHOLE = read(TRANSCRIPT)


def test_the_transcript_means_what_it_says() -> None:
    status, exists, plus, go, listed, fetch, search, garbled, vanished, tagged = WHOLE
    assert isinstance(status, Status)
    assert status.code is not None
    assert (status.tag, status.code.name, status.text) == (None, "CAPABILITY", "ready {5}")
    assert exists == Data("EXISTS", 3, (b"",))
    assert (plus, go) == (Continuation(b""), Continuation(b"go ahead"))
    assert isinstance(listed, Data)
    assert listed.values() == [[b"\\HasNoChildren"], b"/", b'fold"er']
    assert isinstance(fetch, Data)
    (items,) = fetch.values()
    assert items == [
        b"UID", b"7", b"FLAGS", [b"\\Seen", b"$x"], b"BODY[HEADER.FIELDS (FROM TO)]", b"",
        b"BODY[]<0>", b'ab\r\n)\r\n(d\r\n"', b"RFC822.SIZE", b"9",
    ]  # fmt: skip
    assert isinstance(search, Data)
    assert search.text() == b"1 2 3"
    assert garbled == Garbled(b"nonsense")
    assert isinstance(vanished, Data)
    assert vanished.text() == b"(EARLIER) 1:5,9"
    assert tagged == Status(b"m1", "OK", tagged.code, "done")


@given(st.lists(st.integers(0, len(TRANSCRIPT)), max_size=40))
def test_any_split_of_the_stream_gives_the_same_responses(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TRANSCRIPT)]
    assert read(*(TRANSCRIPT[low:high] for low, high in itertools.pairwise(edges))) == WHOLE


def test_one_byte_at_a_time_gives_the_same_responses() -> None:
    assert read(*(bytes([octet]) for octet in TRANSCRIPT)) == WHOLE


AWKWARD = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(b"* |m1 |OK |[|]|(|)|\\|{|\n|FETCH |1 |UID |FLAGS |BODY[|NIL".split(b"|")),
                *(b"LIST |STATUS |VANISHED |+|\0|1:4294967295|\xff".split(b"|")),
                *(b'"', b"{3}\r\n", b"{99999999999999999999}\r\n", b"~{1}\r\n", b"\r\n"),
                *(b"INTERNALDATE ", b'"99-Foo-9999 99:99:99 +9999"'),
            ]
        ),
        st.binary(max_size=6),
    ),
    max_size=60,
).map(b"".join)  # fmt: skip


@given(AWKWARD)
def test_any_bytes_are_read_or_refused_as_a_failure(data: bytes) -> None:
    try:
        responses = read(data, b"\r\n")
    except Failure:
        return
    for response in responses:
        if isinstance(response, Data):
            response.values()
            remote_flags(response)
            listed_folder(response)
            folder_status(response)
            for text in ("BODY[]", "BODY[HEADER]"):
                arrivals = Arrivals(text)
                arrivals.take(response)
                arrivals.end()


@given(st.binary(max_size=40))
def test_any_bytes_are_an_internal_date_or_none(data: bytes) -> None:
    date = internal_date(data)
    assert date is None or date.utcoffset() is not None


def test_deep_brackets_need_no_deep_stack() -> None:
    nested = values([b"(" * 100_000 + b")" * 100_000])
    depth = 0
    while nested:
        nested = nested[0]  # type: ignore[assignment]
        depth += 1
    assert depth == 100_000


def test_a_line_may_be_longer_than_a_million_bytes() -> None:
    """Quirk 52: a plain SEARCH answer of a large folder."""
    line = b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(200_000)) + b"\r\n"
    (response,) = read(*(line[at : at + 16_384] for at in range(0, len(line), 16_384)))
    assert isinstance(response, Data)
    assert len(response.text()) > 1_000_000


def test_a_literal_that_claims_to_be_endless_is_refused() -> None:
    with pytest.raises(Failure):
        read(b"* 1 FETCH (BODY[] {99999999999999}\r\n")
