"""The folder tree: what the server lists, what is kept in step, and where people see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from mailroom.actions import folders, leases
from mailroom.actions.leases import Lease
from mailroom.actions.refusals import Invalid, NotAllowed
from mailroom.core.sync.state import ListedFolder
from mailroom.data.mail.models import Account, Folder, Message, Placement, ServerFolder
from mailroom.data.people.models import User
from tests import letters

pytestmark = pytest.mark.django_db

AT = timezone.now()


def listed(name: str, *attributes: str, **figures: object) -> ListedFolder:
    return ListedFolder(
        raw_name=name.encode(), name=name, delimiter="/", attributes=frozenset(attributes), **figures
    )  # type: ignore[arg-type]


TREE = [
    listed("INBOX"),
    listed("Sent", "\\sent"),
    listed("Kosz", "\\trash"),
    listed("Clients", "\\noselect"),
    listed("Clients/Nowak"),
    listed("All", "\\all"),
]


@pytest.fixture
def account() -> Account:
    made = letters.account(users=[letters.user()])
    ServerFolder.objects.filter(account=made).delete()
    return made


@pytest.fixture
def lease(account: Account) -> Lease:
    found = leases.claim(account.pk, "test", AT)
    assert found is not None
    return found


def row(name: str) -> ServerFolder:
    return ServerFolder.objects.get(name=name)


def test_a_first_listing_makes_the_tree(account: Account, lease: Lease) -> None:
    """S1-19, S1-25, S1-27: all folders with mail of their own; system folders by role, others by name."""
    order = folders.apply_listing(lease, TREE, AT)

    assert [one.name for one in order] == ["INBOX", "Sent", "Clients/Nowak", "Kosz"]
    assert not row("All").subscribed
    trash = row("Kosz").folder
    assert trash is not None
    assert trash.role == "trash"
    nowak = row("Clients/Nowak").folder
    assert nowak is not None
    assert (nowak.name, nowak.role) == ("Nowak", None)
    assert nowak.parent is not None
    assert nowak.parent.name == "Clients"
    assert Folder.objects.filter(account=account).exclude(role=None).count() == 5


def test_the_same_listing_again_changes_nothing(lease: Lease) -> None:
    folders.apply_listing(lease, TREE, AT)
    before = list(ServerFolder.objects.order_by("pk").values())

    folders.apply_listing(lease, TREE, AT + timedelta(minutes=1))

    assert list(ServerFolder.objects.order_by("pk").values()) == before


def test_a_renamed_folder_keeps_its_row_and_its_place(lease: Lease) -> None:
    """S1-26."""
    folders.apply_listing(lease, [*TREE, listed("Old", mailbox_id="abc")], AT)
    before = row("Old")

    folders.apply_listing(lease, [*TREE, listed("New", mailbox_id="abc")], AT)

    after = row("New")
    assert after.pk == before.pk
    assert after.folder_id == before.folder_id
    assert after.folder is not None
    assert after.folder.name == "New"


def test_a_missing_folder_is_believed_deleted_late_and_its_letters_stay(
    account: Account, lease: Lease
) -> None:
    folders.apply_listing(lease, [*TREE, listed("Old")], AT)
    old = row("Old")
    message_id = _put(old)

    folders.apply_listing(lease, TREE, AT)
    assert row("Old").missing_since == AT
    assert Placement.objects.get().state == Placement.State.LIVE
    folders.apply_listing(lease, TREE, AT + timedelta(minutes=11))

    assert Placement.objects.get().state == Placement.State.UNLINKED
    assert not row("Old").subscribed
    assert Message.objects.filter(pk=message_id, fate="live").exists()


def _put(place: ServerFolder) -> int:
    from mailroom.actions.ingest import Batch, store
    from mailroom.data.blobs import keeping

    raw = letters.raw()
    assert place.folder_id is not None
    arrival = letters.Arrival(
        letter=letters.read_letter(raw),
        folder_id=place.folder_id,
        kept=keeping.make_durable([raw])[0],
        size=len(raw),
        server_folder_id=place.pk,
        uidvalidity=1,
        uid=1,
    )
    return store(Batch(place.account_id, (arrival,), AT)).message_ids[0]


def test_a_folder_made_anew_under_its_old_name_is_another_folder(lease: Lease) -> None:
    folders.apply_listing(lease, [*TREE, listed("Old", mailbox_id="one"), listed("X", mailbox_id="x")], AT)
    before = row("Old")
    message_id = _put(before)

    folders.apply_listing(lease, [*TREE, listed("Old", mailbox_id="two"), listed("X", mailbox_id="x")], AT)

    now = ServerFolder.objects.get(raw_name=b"Old")
    assert now.pk != before.pk
    assert now.uidvalidity is None
    assert Placement.objects.get(message=message_id).server_folder_id == before.pk


def test_a_role_that_a_person_chose_is_not_taken_back(lease: Lease) -> None:
    """S5-23."""
    folders.apply_listing(lease, [*TREE, listed("Gesendet")], AT)
    ServerFolder.objects.filter(name="Sent").update(role="")
    ServerFolder.objects.filter(name="Gesendet").update(role="sent")

    folders.apply_listing(lease, [*TREE, listed("Gesendet")], AT)

    assert row("Sent").role == ""
    assert row("Gesendet").role == "sent"


def test_the_prefix_of_a_personal_namespace_is_not_shown(lease: Lease) -> None:
    tree = [listed("INBOX"), listed("INBOX.Sent"), listed("INBOX.Clients")]

    folders.apply_listing(lease, [replace(one, delimiter=".") for one in tree], AT)

    clients = row("INBOX.Clients").folder
    assert row("INBOX.Sent").role == "sent"
    assert clients is not None
    assert (clients.name, clients.parent) == ("Clients", None)


def test_marks_that_come_and_go_are_not_written_down(lease: Lease) -> None:
    folders.apply_listing(lease, [listed("INBOX", "\\marked", "\\hasnochildren")], AT)

    assert row("INBOX").attributes == ["\\hasnochildren"]


# ------------------------------------------------------------------ what a person decides


@pytest.fixture
def director() -> User:
    return letters.user("Dora", role="administrator")


def test_mapping_refiles_what_is_stored_and_keeps_ids(account: Account, lease: Lease, director: User) -> None:
    """S1-20: several folders of the server may feed one; the counters follow."""
    folders.apply_listing(lease, TREE, AT)
    message_id = _put(row("Clients/Nowak"))
    inbox = Folder.objects.get(account=account, role="inbox")

    folders.map_to(by=director, server_folder=row("Clients/Nowak"), folder_id=inbox.pk)

    assert Placement.objects.get(message=message_id).folder == inbox
    inbox.refresh_from_db()
    assert (inbox.total, inbox.unread) == (1, 1)
    back = folders.map_to(by=director, server_folder=row("Clients/Nowak"), folder_id=None)
    assert back.folder is not None
    back.folder.refresh_from_db()
    assert (back.folder.name, back.folder.total) == ("Nowak", 1)


def test_unsubscribing_keeps_what_is_stored_and_subscribing_gives_a_place(
    lease: Lease, director: User
) -> None:
    folders.apply_listing(lease, TREE, AT)
    message_id = _put(row("Clients/Nowak"))

    folders.subscribe(by=director, server_folder=row("Clients/Nowak"), subscribed=False)
    folders.subscribe(by=director, server_folder=row("All"), subscribed=True)

    assert Placement.objects.get(message=message_id).state == Placement.State.LIVE
    assert row("All").folder is not None
    assert [one.name for one in folders.apply_listing(lease, TREE, AT)] == ["INBOX", "Sent", "All", "Kosz"]


def test_who_may_not_configure_the_account_decides_nothing(lease: Lease) -> None:
    folders.apply_listing(lease, TREE, AT)
    charlie = letters.user("Charlie")

    with pytest.raises(NotAllowed):
        folders.subscribe(by=charlie, server_folder=row("All"), subscribed=True)
    with pytest.raises(NotAllowed):
        folders.map_to(by=charlie, server_folder=row("Sent"), folder_id=None)


def test_mail_is_not_mapped_into_another_account(lease: Lease, director: User) -> None:
    folders.apply_listing(lease, TREE, AT)
    other = Folder.objects.get(account=letters.account("b@firm.example"), role="inbox")

    with pytest.raises(Invalid):
        folders.map_to(by=director, server_folder=row("Sent"), folder_id=other.pk)
