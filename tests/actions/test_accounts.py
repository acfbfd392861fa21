"""Connecting and changing mailboxes: one transaction, every fault named, rights as in the design."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from mailroom.actions import accounts, contacts
from mailroom.actions.refusals import Clash, Invalid, NotAllowed
from mailroom.data.contacts.models import Address, Claim
from mailroom.data.mail.models import Access, Account, Folder, Message, News, ServerFolder, Thread
from mailroom.data.people.models import Firm, Group, User
from mailroom.data.vault.models import Secret

pytestmark = pytest.mark.django_db


def user(name: str, role: str = "employee") -> User:
    return User.objects.create_user(f"{name}@acme.example", "mailroom-1", name=name.title(), role=role)


@pytest.fixture
def alice() -> User:
    return user("alice", "administrator")


@pytest.fixture
def diana() -> User:
    return user("diana", "director")


@pytest.fixture
def charlie() -> User:
    return user("charlie")


def form(**changes: Any) -> dict[str, Any]:
    return {
        "address": "sales@acme.example",
        "name": "Sales",
        "password": "correct horse",
        "incoming": {"host": "imap.acme.example", "port": 993, "encryption": "tls"},
        "outgoing": {"host": "smtp.acme.example", "port": 587, "encryption": "starttls"},
    } | changes


def test_connecting_is_one_step_that_lets_the_engine_start(alice: User) -> None:
    """S5-07, S5-08, S5-17, S1-27, C7, C13."""
    before = timezone.now()
    account = accounts.connect(by=alice, values=form())
    assert account.state == Account.State.NEW
    assert account.next_at is not None
    assert account.next_at >= before
    assert {folder.role for folder in account.folders.all()} == set(Folder.Role.values)
    assert list(account.users.all()) == [alice]
    assert account.owner == alice
    assert account.login == "sales@acme.example"
    assert account.start_date == date(timezone.now().year, 1, 1)
    assert account.address.key == "sales@acme.example"
    assert Access.objects.get(account=account, user=alice).is_default


def test_a_password_lies_sealed_and_comes_back_whole(alice: User) -> None:
    account = accounts.connect(by=alice, values=form(password=" zażółć "))
    account.secret.refresh_from_db()
    assert b"za" not in bytes(account.secret.sealed)
    assert account.secret.reveal() == " zażółć "


def test_the_spaces_google_shows_do_not_belong_to_its_code(alice: User) -> None:
    """S4-14."""
    account = accounts.connect(by=alice, values=form(password="abcd efgh ijkl mnop"))
    assert account.secret.reveal() == "abcdefghijklmnop"


def test_the_start_date_may_be_empty_for_everything(alice: User) -> None:
    """S1-16."""
    assert accounts.connect(by=alice, values=form(start_date=None)).start_date is None


def test_ports_follow_the_encryption_when_left_out(alice: User) -> None:
    account = accounts.connect(
        by=alice,
        values=form(incoming={"host": "a.example", "encryption": "starttls"}, outgoing={"host": "b.example"}),
    )
    assert (account.incoming_port, account.outgoing_port, account.outgoing_encryption) == (143, 465, "tls")


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"address": ""}, "address", "required"),
    ({"address": "no at sign"}, "address", "bad_address"),
    ({"address": "a@b@c"}, "address", "bad_address"),
    ({"address": "one@x.example, two@x.example"}, "address", "bad_address"),
    ({"address": "sales@acme.example\r\nX: y"}, "address", "line_break"),
    ({"address": "sales@acme.example\0"}, "address", "line_break"),
    ({"address": "sales@-acme.example"}, "address", "bad_address"),
    ({"name": "  "}, "name", "required"),
    ({"name": "Sales\nBcc: x@y.example"}, "name", "line_break"),
    ({"name": "x" * 201}, "name", "too_long"),
    ({"login": "sales\r\nLOGOUT"}, "login", "line_break"),
    ({"login": "sa\0les"}, "login", "line_break"),
    ({"password": ""}, "password", "required"),
    ({"password": "a\nb"}, "password", "line_break"),
    ({"password": "a\0b"}, "password", "line_break"),
    ({"protocol": "exchange"}, "protocol", "unknown_choice"),
    ({"incoming": {"host": ""}}, "incoming.host", "required"),
    (
        {"incoming": {"host": "imap.acme.example\r\n"}, "outgoing": {"host": "a\nb"}},
        "outgoing.host",
        "line_break",
    ),
    ({"incoming": {"host": "imap acme"}}, "incoming.host", "bad_host"),
    ({"incoming": {"host": "https://imap.acme.example"}}, "incoming.host", "bad_host"),
    ({"incoming": {"host": "imap.acme.example:993"}}, "incoming.host", "bad_host"),
    ({"incoming": {"host": "a.example", "port": 0}}, "incoming.port", "out_of_range"),
    ({"incoming": {"host": "a.example", "port": 65536}}, "incoming.port", "out_of_range"),
    ({"incoming": {"host": "a.example", "port": "imap"}}, "incoming.port", "not_a_number"),
    ({"incoming": {"host": "a.example", "port": True}}, "incoming.port", "not_a_number"),
    ({"incoming": {"host": "a.example", "encryption": "ssl3"}}, "incoming.encryption", "unknown_choice"),
    ({"incoming": "imap.acme.example"}, "incoming", "not_an_object"),
    ({"outgoing": None}, "outgoing.host", "required"),
    ({"users": []}, "users", "required"),
    ({"users": [987654]}, "users", "unknown_user"),
    ({"users": ["1; drop table"]}, "users", "unknown_user"),
    ({"owner": 987654}, "owner", "unknown_user"),
    ({"poll_minutes": 0}, "poll_minutes", "out_of_range"),
    ({"poll_minutes": -5}, "poll_minutes", "out_of_range"),
    ({"flag_days": -1}, "flag_days", "out_of_range"),
    ({"start_date": "31.12.2024"}, "start_date", "bad_date"),
    ({"start_date": "2024-02-30"}, "start_date", "bad_date"),
    ({"delete_policy": "after_download"}, "delete_policy", "after_download_is_pop3"),
    ({"card_visibility": "nobody"}, "card_visibility", "unknown_choice"),
    ({"notify": "yes"}, "notify", "not_yes_or_no"),
    ({"signature_html": "a\0b"}, "signature_html", "line_break"),
    ({"colour": "red"}, "colour", "unknown_field"),
]


@pytest.mark.parametrize(("changes", "field", "key"), BAD)
def test_what_is_wrong_is_named_by_field_and_nothing_is_kept(
    alice: User, changes: dict[str, Any], field: str, key: str
) -> None:
    with pytest.raises(Invalid) as refused:
        accounts.connect(by=alice, values=form(**changes))
    assert (field, key) in {(fault.field, fault.key) for fault in refused.value.faults}
    assert not Account.objects.exists()
    assert not Secret.objects.exists()
    assert not Address.objects.exists()


def test_all_faults_are_named_at_once(alice: User) -> None:
    with pytest.raises(Invalid) as refused:
        accounts.connect(by=alice, values={"users": []})
    assert {fault.field for fault in refused.value.faults} >= {
        "address", "password", "incoming.host", "outgoing.host", "users",
    }  # fmt: skip


def test_two_accounts_may_have_one_address(alice: User) -> None:
    """S3-13."""
    first = accounts.connect(by=alice, values=form(protocol="pop3"))
    second = accounts.connect(by=alice, values=form())
    assert first.address_id == second.address_id


def test_the_mailboxes_own_address_is_no_letter_of_a_domain(alice: User) -> None:
    company = contacts.create_company(name="Acme itself", domains=["acme.example"])
    contacts.address_row("sales@acme.example")
    assert Claim.objects.filter(company=company).count() == 1
    accounts.connect(by=alice, values=form())
    assert not Claim.objects.filter(company=company).exists()


# ------------------------------------------------------------------ who may


def test_an_employee_waits_for_the_first_mailbox(charlie: User) -> None:
    """S5-44, S5-46, C17."""
    with pytest.raises(NotAllowed) as refused:
        accounts.connect(by=charlie, values=form())
    assert refused.value.faults[0].key == "first_mailbox_by_administrator"


def test_the_firm_may_let_employees_connect_their_own(charlie: User) -> None:
    Firm.objects.create(name="Acme", employees_connect=True)
    assert list(accounts.connect(by=charlie, values=form()).users.all()) == [charlie]


def test_an_employee_connects_mailboxes_for_themself_only(charlie: User, alice: User) -> None:
    """S5-46."""
    accounts.connect(by=alice, values=form(users=[charlie.pk]))
    with pytest.raises(NotAllowed):
        accounts.connect(by=charlie, values=form(users=[charlie.pk, alice.pk]))
    assert accounts.connect(by=charlie, values=form(users=[charlie.pk])).owner == charlie


def test_settings_are_changed_by_those_listed_and_access_by_those_above(
    alice: User, diana: User, charlie: User
) -> None:
    """S5-46, S5-48, S5-51, S5-52."""
    account = accounts.connect(by=alice, values=form(users=[charlie.pk]))
    accounts.update(by=charlie, account=account, values={"name": "Sales team"})
    with pytest.raises(NotAllowed):
        accounts.update(by=charlie, account=account, values={"users": [charlie.pk, diana.pk]})
    with pytest.raises(NotAllowed):
        accounts.update(by=diana, account=account, values={"name": "Mine"})
    accounts.update(by=diana, account=account, values={"users": [charlie.pk, diana.pk]})
    assert set(account.users.all()) == {charlie, diana}


def test_a_stranger_changes_nothing(alice: User, charlie: User) -> None:
    account = accounts.connect(by=alice, values=form())
    for attempt in (
        lambda: accounts.update(by=charlie, account=account, values={"name": "Mine"}),
        lambda: accounts.archive(by=charlie, account=account),
        lambda: accounts.request_fetch(by=charlie, account=account),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert not accounts.listed_for(charlie, []).exists()


def test_a_group_may_carry_the_right_to_configure(alice: User, charlie: User) -> None:
    account = accounts.connect(by=alice, values=form())
    group = Group.objects.create(name="Sales", actions=["configure"])
    group.members.set([alice, charlie])
    assert accounts.may_configure(charlie, account)


def test_the_account_of_the_firms_own_mail_is_set_by_administrators(alice: User, diana: User) -> None:
    first = accounts.connect(by=alice, values=form(system=True))
    second = accounts.connect(by=alice, values=form(system=True))
    first.refresh_from_db()
    assert (first.system, second.system) == (False, True)
    with pytest.raises(NotAllowed):
        accounts.connect(by=diana, values=form(system=True))


# ------------------------------------------------------------------ changing


def test_a_new_password_wipes_the_error_and_is_tried_at_once(alice: User) -> None:
    account = accounts.connect(by=alice, values=form())
    Account.objects.update(
        state=Account.State.NEEDS_PERSON, error_kind="wrong_password", fail_count=3, next_at=None
    )
    changed = accounts.update(by=alice, account=account, values={"password": "new one"})
    assert (changed.state, changed.error_kind, changed.fail_count) == (Account.State.NEW, "", 0)
    assert changed.next_at is not None
    assert Secret.objects.get(pk=changed.secret_id).reveal() == "new one"
    assert News.objects.filter(account=account, kind=News.Kind.STATE).exists()


def test_a_part_of_a_server_can_be_changed_alone(alice: User) -> None:
    """S5-15, S5-20."""
    account = accounts.connect(by=alice, values=form())
    changed = accounts.update(by=alice, account=account, values={"incoming": {"port": 1993}})
    assert (changed.incoming_host, changed.incoming_port) == ("imap.acme.example", 1993)


def test_the_protocol_is_locked_by_the_first_message(alice: User) -> None:
    """S3-12, C16."""
    account = accounts.connect(by=alice, values=form())
    assert accounts.update(by=alice, account=account, values={"protocol": "pop3"}).protocol == "pop3"
    thread = Thread.objects.create(created_at=timezone.now())
    Message.objects.create(
        id=1 << 40, account=account, thread=thread, letter_key=b"k", header_digest=b"d", size=1,
        stored_at=timezone.now(), kind="mail", body_state="full",
    )  # fmt: skip
    with pytest.raises(Invalid) as refused:
        accounts.update(by=alice, account=account, values={"protocol": "imap"})
    assert refused.value.faults[0].key == "protocol_locked"


def test_an_earlier_start_date_is_fetched_at_once(alice: User) -> None:
    """S5-24, C8."""
    account = accounts.connect(by=alice, values=form())
    Account.objects.update(next_at=None)
    assert accounts.update(by=alice, account=account, values={"start_date": "2020-01-01"}).wanted_at


def test_sent_mail_may_go_to_another_folder_of_the_server(alice: User) -> None:
    """S5-23."""
    account = accounts.connect(by=alice, values=form())
    for name, role in (("Sent", "sent"), ("Wysłane", "")):
        ServerFolder.objects.create(account=account, raw_name=name.encode(), name=name, role=role)
    accounts.update(by=alice, account=account, values={"sent_folder": "Wysłane"})
    assert ServerFolder.objects.get(role="sent").name == "Wysłane"


def test_archiving_switches_off_and_keeps_everything(alice: User) -> None:
    """S3-14."""
    account = accounts.connect(by=alice, values=form())
    accounts.archive(by=alice, account=account)
    account.refresh_from_db()
    assert (account.active, account.state, account.next_at) == (False, Account.State.INACTIVE, None)
    with pytest.raises(Clash):
        accounts.request_fetch(by=alice, account=account)
    again = accounts.update(by=alice, account=account, values={"active": True})
    assert again.next_at is not None


def test_fetching_marks_the_account_as_wanted(alice: User) -> None:
    """S5-31."""
    account = accounts.connect(by=alice, values=form())
    accounts.request_fetch(by=alice, account=account)
    account.refresh_from_db()
    assert account.wanted_at is not None
