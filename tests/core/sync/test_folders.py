"""Folder trees: renamed is not deleted, roles by attribute before names (S1-23…S1-27, S2-10, S5-23)."""

from datetime import UTC, datetime, timedelta

import pytest

from mailroom.core.sync.folders import (
    KnownFolder,
    compare,
    display_parts,
    is_deleted,
    roles,
    subscribed_by_default,
)
from mailroom.core.sync.state import ListedFolder, Role


def listed(name: str, *attributes: str, **values) -> ListedFolder:
    return ListedFolder(name.encode(), name, values.pop("delimiter", "/"), frozenset(attributes), **values)


def known(number: int, name: str, **values) -> KnownFolder:
    return KnownFolder(number, name.encode(), values.pop("delimiter", "/"), **values)


def test_folders_under_their_old_names_are_kept_and_the_rest_is_new_or_gone():
    inbox, work = listed("INBOX"), listed("Work")
    changes = compare([known(1, "Inbox"), known(2, "Old")], [inbox, work])
    assert changes.kept == {1: inbox}
    assert changes.new == (work,)
    assert changes.gone == (2,)
    assert not changes.renamed


def test_a_rename_is_recognised_by_the_mailbox_id_and_takes_its_children_along():
    before = [
        known(1, "Work", mailbox_id="a", uidvalidity=5),
        known(2, "Work/2025", uidvalidity=6),
        known(3, "Work/2024", uidvalidity=7),
    ]
    now = [
        listed("Clients", mailbox_id="a", uidvalidity=5),
        listed("Clients/2025", uidvalidity=6),
        listed("Clients/2024", uidvalidity=99),
    ]
    changes = compare(before, now)
    assert changes.renamed == {1: now[0], 2: now[1]}
    assert changes.gone == (3,)
    assert changes.new == (now[2],)


def test_two_folders_that_changed_names_are_told_apart_by_their_ids():
    before = [known(1, "A", mailbox_id="a"), known(2, "B", mailbox_id="b")]
    now = [listed("A", mailbox_id="b"), listed("B", mailbox_id="a")]
    changes = compare(before, now)
    assert {number: folder.name for number, folder in changes.renamed.items()} == {1: "B", 2: "A"}
    assert not changes.new
    assert not changes.gone


def test_deleted_and_made_anew_under_the_same_name_is_another_folder():
    before = [known(1, "INBOX", mailbox_id="i"), known(2, "Work", mailbox_id="old")]
    changes = compare(before, [listed("INBOX", mailbox_id="i"), listed("Work", mailbox_id="new")])
    assert changes.gone == (2,)
    assert [folder.name for folder in changes.new] == ["Work"]


def test_ids_that_all_changed_at_once_are_another_server_and_the_same_folders():
    before = [known(1, "INBOX", mailbox_id="i"), known(2, "Work", mailbox_id="w")]
    changes = compare(before, [listed("INBOX", mailbox_id="x"), listed("Work", mailbox_id="y")])
    assert set(changes.kept) == {1, 2}


def test_equal_numbers_only_suggest_a_rename_and_only_when_nothing_else_fits():
    before = [known(1, "Old", uidvalidity=5, uidnext=10)]
    fits = listed("New", uidvalidity=5, uidnext=12)
    changes = compare(before, [fits])
    assert changes.perhaps_renamed == {1: fits}
    assert changes.gone == (1,)
    assert changes.new == (fits,)
    assert not compare(before, [listed("New", uidvalidity=5, uidnext=9)]).perhaps_renamed
    two = [fits, listed("Other", uidvalidity=5, uidnext=12)]
    assert not compare(before, two).perhaps_renamed


def test_a_missing_folder_is_believed_after_two_lists_and_ten_minutes():
    at = datetime(2026, 3, 1, tzinfo=UTC)
    late = at + timedelta(minutes=10)
    assert is_deleted(missing_since_at=at, at=late, complete_lists=2)
    assert not is_deleted(missing_since_at=at, at=late, complete_lists=1)
    assert not is_deleted(missing_since_at=at, at=at + timedelta(minutes=9), complete_lists=9)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Inbox", Role.INBOX),
        ("Wysłane", Role.SENT),
        ("Elementy wysłane", Role.SENT),
        ("Posta inviata", Role.SENT),
        ("Gesendete Objekte", Role.SENT),
        ("ÉLÉMENTS ENVOYÉS", Role.SENT),
        ("INBOX/Sent", Role.SENT),
        ("[Gmail]/Kosz", Role.TRASH),
        ("Szkice", Role.DRAFTS),
        ("Kopie robocze", Role.DRAFTS),
        ("Bozze", Role.DRAFTS),
        ("Posta indesiderata", Role.SPAM),
        ("Cestino", Role.TRASH),
        ("Papierkorb", Role.TRASH),
        ("Archiwum", Role.ARCHIVE),
        ("Projects/Drafts", None),
        ("Wysłane 2024", None),
    ],
)
def test_a_folder_without_attributes_is_recognised_by_its_name(name, role):
    assert roles([listed(name)]).get(name.encode()) is role


def test_an_attribute_beats_a_name_in_any_case_and_each_role_is_given_once():
    folders = [listed("Sent"), listed("Gesendet", "\\sent"), listed("INBOX"), listed("Sent Items")]
    assert roles(folders) == {b"INBOX": Role.INBOX, b"Gesendet": Role.SENT}


def test_of_two_names_that_fit_the_fuller_folder_wins():
    folders = [listed("Sent", messages=3), listed("Sent Items", messages=400)]
    assert roles(folders) == {b"Sent Items": Role.SENT}


def test_views_of_other_folders_are_not_subscribed_by_default():
    """surfaces.md: all selectable ones but \\All, \\Important, \\Flagged."""
    folders = [
        listed("[Gmail]", "\\noselect"),
        listed("[Gmail]/All Mail", "\\all"),
        listed("[Gmail]/Important", "\\important"),
        listed("[Gmail]/Starred", "\\flagged"),
        listed("[Gmail]/Sent Mail", "\\sent"),
        listed("INBOX"),
        listed("Clients"),
    ]
    given = roles(folders)
    chosen = [item.name for item in folders if subscribed_by_default(item, given.get(item.raw_name))]
    assert chosen == ["[Gmail]/Sent Mail", "INBOX", "Clients"]


def test_the_namespace_is_stripped_for_eyes_only():
    assert display_parts(listed("INBOX.Work.2025", delimiter="."), namespace="INBOX.") == ("Work", "2025")
    assert display_parts(listed("INBOX", delimiter="."), namespace="INBOX.") == ("INBOX",)
    assert display_parts(listed("a/b", delimiter=None)) == ("a/b",)
    assert display_parts(listed("//")) == ("//",)
