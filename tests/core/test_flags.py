"""The merge of three flag sets: no intent is lost, no side is favoured (S1-11)."""

from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.flags import canonical_flags, merge, storable

FLAGS = st.frozensets(st.sampled_from(["\\Seen", "\\Flagged", "\\Answered", "$Forwarded", "blue"]))


@given(FLAGS, FLAGS, FLAGS)
def test_every_change_of_either_side_since_the_base_is_in_the_result(base, local, remote):
    merged = merge(base, local, remote)
    for side in (local, remote):
        assert side - base <= merged.local
        assert not (base - side) & merged.local


@given(FLAGS, FLAGS, FLAGS)
def test_exchanging_the_sides_shows_the_user_the_same(base, local, remote):
    assert merge(base, local, remote).local == merge(base, remote, local).local


@given(FLAGS, FLAGS, FLAGS)
def test_after_the_push_all_three_agree_and_nothing_is_left_to_do(base, local, remote):
    merged = merge(base, local, remote)
    there = (merged.base | merged.push_add) - merged.push_remove
    assert there == merged.local
    assert merge(merged.base, merged.local, there) == (there, there, frozenset(), frozenset())


def test_read_on_the_phone_and_starred_here_are_both_kept():
    """S1-11: flags travel both ways."""
    merged = merge(frozenset(), frozenset({"\\Flagged"}), frozenset({"\\Seen"}))
    assert merged.local == {"\\Seen", "\\Flagged"}
    assert merged.push_add == {"\\Flagged"}
    assert not merged.push_remove


def test_system_flags_have_one_spelling_and_recent_is_no_flag_of_a_message():
    assert canonical_flags(["\\SEEN", "\\recent", "$forwarded", "Blue"]) == {"\\Seen", "$Forwarded", "Blue"}


def test_a_keyword_is_stored_only_where_the_server_keeps_new_keywords():
    wish = frozenset({"\\Seen", "$Forwarded"})
    seen = frozenset({"\\Seen"})
    assert storable(wish, permanent=frozenset({"\\Seen", "\\*"}), read_only=False) == wish
    assert storable(wish, permanent=seen, read_only=False) == seen
    assert storable(wish, permanent=frozenset(), read_only=False) == wish
    assert storable(wish, permanent=seen, read_only=True) == frozenset()
