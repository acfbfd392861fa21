"""Folder names and UID sets: there and back, in any order, within limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.wire.failures import Failure
from mailroom.wire.imap import names, uids

UIDS = st.lists(st.integers(1, 60), max_size=40)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_a_name_survives_modified_utf7(name: str) -> None:
    raw = names.encode(name)
    assert raw.isascii()
    assert names.decode(raw) == name


@given(st.binary(max_size=30))
def test_any_bytes_are_shown_as_a_name(raw: bytes) -> None:
    shown = names.decode(raw)
    shown.encode("utf-8")
    assert "\0" not in shown


@given(UIDS)
def test_a_set_is_written_and_read_back(found: list[int]) -> None:
    ranges = uids.compress(found)
    assert uids.expand(ranges) == sorted(set(found))
    assert uids.parse(uids.written(ranges)) == ranges


@given(UIDS, UIDS)
def test_within_is_the_intersection(found: list[int], known: list[int]) -> None:
    assert uids.within(uids.compress(found), sorted(set(known))) == sorted(set(found) & set(known))


@given(st.lists(st.integers(1, uids.MAX_UID), max_size=300), st.integers(1, 20), st.integers(30, 200))
def test_chunks_keep_every_uid_and_every_limit(found: list[int], most: int, octets: int) -> None:
    chunks = list(uids.chunks(found, most=most, octets=octets))
    assert [uid for chunk in chunks for uid in chunk] == sorted(set(found))
    for chunk in chunks:
        assert len(chunk) <= most
        assert len(uids.written(uids.compress(chunk))) <= octets + 11


def test_an_absurd_set_is_not_expanded() -> None:
    with pytest.raises(Failure):
        uids.expand(uids.parse(b"1:4294967295"))
    assert uids.expand(uids.parse(b"3:*"), below=6) == [3, 4, 5]


@pytest.mark.parametrize(
    ("text", "order"), [(b"5,1:3", [5, 1, 2, 3]), (b"3:1", [3, 2, 1]), (b"1:*", []), (b"", [])]
)
def test_copyuid_sets_keep_their_order(text: bytes, order: list[int]) -> None:
    assert uids.expand_in_order(text) == order
