"""Names of a Maildir, read from other programs and written for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.maildir import flags_of, folder_name, keywords_of, name_of, path_of


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("1642966915.1.mox:2,RS", {"\\Answered", "\\Seen"}),
        ("1642966915.1.mox:2,", set()),
        ("1642966915.1.mox", set()),
        ("1642966915.M1P2.host,S=12,W=13:2,DFPa", {"\\Draft", "\\Flagged", "$Forwarded", "Important"}),
        ("1642966915.1.mox!2,S", {"\\Seen"}),
        ("1642966915.1.mox;2,FS", {"\\Flagged", "\\Seen"}),
        ("1642966915.1.mox:2,STz", {"\\Seen"}),
        ("1642966915.1.mox:1,S", set()),
    ],
)
def test_flags_stand_in_the_name(name: str, flags: set[str]) -> None:
    assert flags_of(name, {"a": "Important"}) == flags


@given(st.sets(st.sampled_from(["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Forwarded"])))
def test_a_name_that_is_written_says_the_same_flags(flags: set[str]) -> None:
    assert flags_of(name_of("1.2.host", frozenset(flags)), {}) == flags


def test_dovecot_tells_its_keywords() -> None:
    assert keywords_of("0 Important\n1 $label1\n2 To do\nnonsense\n77 Never\n") == {
        "a": "Important",
        "b": "$label1",
    }


@pytest.mark.parametrize(
    ("name", "path"), [("", ()), (".Clients.Rossi", ("Clients", "Rossi")), ("..A", ("A",))]
)
def test_dots_part_folders(name: str, path: tuple[str, ...]) -> None:
    assert path_of(name) == path


def test_a_dot_within_a_name_parts_nothing() -> None:
    assert folder_name(("Acme S.p.A", "a/b")) == ".Acme S&AC4-p&AC4-A.a&AC8-b"
    assert folder_name(()) == ""
