"""Passes over a mailbox on a real Dovecot: nothing lost, nothing twice, both sides alike in the end."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailroom.actions import placing
from mailroom.actions.reading import mark_seen
from mailroom.actions.syncing import ledger
from mailroom.core.sync.state import SEEN
from mailroom.data.mail.models import (
    Access,
    Account,
    Intent,
    Message,
    News,
    Parked,
    Placement,
    ServerFolder,
    ThreadRow,
)
from mailroom.wire.failures import Failure
from tests import letters
from tests.engine.conftest import MakeMailbox
from tests.engine.faults import Faults, without_bytes
from tests.engine.mailbox import Mailbox, on_day

pytestmark = [pytest.mark.dovecot]

TIERS = ("full", "no_qresync", "no_condstore", "plain")
EMPTY = {"waiting": 0, "filtered": 0, "before_start": 0, "parked": 0, "purged": 0}


# ------------------------------------------------------------------ the first sync


def test_a_first_sync_brings_everything_and_the_ledger_balances(mailbox: Mailbox) -> None:
    """S2-09, S3-11."""
    mailbox.deliver(7)
    mailbox.deliver(2, folder="Sent")

    result = mailbox.sync()

    assert result.in_step
    assert sorted(mailbox.ids()) == [f"Letter {n}" for n in range(7)]
    assert ledger(mailbox.account) == {"on_server": 9, "stored": 9, **EMPTY}
    folders = ServerFolder.objects.filter(account=mailbox.account)
    assert set(folders.values_list("name", "role")) == {
        ("INBOX", "inbox"), ("Sent", "sent"), ("Drafts", "drafts"), ("Trash", "trash"), ("Junk", "spam"),
        ("Archive", "archive"),
    }  # fmt: skip


def test_the_newest_letters_come_first(mailbox: Mailbox) -> None:
    """S3-11: the first page is usable long before the rest is here."""
    mailbox.deliver(300)
    faults = Faults(break_after=130)

    with pytest.raises(Failure):
        mailbox.sync(connect=faults.connect)

    assert faults.bodies[:50] == list(range(251, 301))
    assert {f"Letter {n}" for n in range(250, 300)} <= mailbox.ids().keys()
    assert ledger(mailbox.account)["on_server"] == 300
    assert ledger(mailbox.account)["waiting"] == 300 - mailbox.count()


def test_a_server_that_hangs_up_in_the_middle_costs_only_time(mailbox: Mailbox) -> None:
    mailbox.deliver(260)
    for broken_after in (0, 30, 60, 140):
        with pytest.raises(Failure):
            mailbox.sync(connect=Faults(break_after=broken_after).connect)

    result = mailbox.sync()

    assert result.in_step
    assert mailbox.count() == 260
    assert ledger(mailbox.account) == {"on_server": 260, "stored": 260, **EMPTY}


def test_backfill_is_not_announced_as_new_mail_and_later_letters_are(mailbox: Mailbox) -> None:
    mailbox.deliver(2)
    mailbox.sync()
    assert not News.objects.filter(account=mailbox.account, kind=News.Kind.ARRIVED).exists()

    mailbox.deliver(1, start=2)
    mailbox.sync()

    told = News.objects.get(account=mailbox.account, kind=News.Kind.ARRIVED)
    assert told.about["messages"] == [mailbox.ids()["Letter 2"]]


# ------------------------------------------------------------------ changes there


@pytest.mark.parametrize("capability", TIERS)
def test_what_changes_there_is_seen_here_and_then_all_is_quiet(
    mailbox_of: MakeMailbox, capability: str
) -> None:
    """S2-10, S2-11: by QRESYNC, CONDSTORE or comparison; the third pass writes no row of mail."""
    mailbox = mailbox_of(capability)
    mailbox.deliver(6)
    mailbox.sync()
    with mailbox.elsewhere() as client:
        client.select(b"INBOX")
        client.store_flags([1], add=[SEEN])
        client.store_flags([2], add=["\\Flagged", "$Label1"])
        client.store_flags([6], add=["\\Deleted"])
        client._run(b"EXPUNGE")  # type: ignore[attr-defined]
    mailbox.deliver(1, start=6)

    result = mailbox.sync()

    assert result.in_step
    assert mailbox.flags() == {
        "Letter 0": SEEN, "Letter 1": "$Label1 \\Flagged", "Letter 2": "", "Letter 3": "", "Letter 4": "",
        "Letter 6": "",
    }  # fmt: skip
    mailbox.sync()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        mailbox.sync()
    writes = [one["sql"] for one in queries if one["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]
    assert [sql for sql in writes if "lease_" not in sql and "fail_count" not in sql] == []


@pytest.mark.parametrize("capability", TIERS)
def test_seen_here_is_seen_there(mailbox_of: MakeMailbox, capability: str) -> None:
    """S2-12: the change ends when the server shows it, not when it was sent."""
    mailbox = mailbox_of(capability)
    alice = letters.user()
    Access.objects.create(account=mailbox.account, user=alice)
    mailbox.deliver(3)
    mailbox.sync()
    ids = mailbox.ids()

    mark_seen(alice, [ids["Letter 0"], ids["Letter 2"]])
    mailbox.sync()

    with mailbox.elsewhere() as client:
        client.select(b"INBOX", read_only=True)
        flags = {one.uid: one.flags for one in client.fetch_flags()[0]}
    assert {uid for uid, found in flags.items() if SEEN in found} == {1, 3}
    assert set(Intent.objects.values_list("phase", flat=True)) == {Intent.Phase.OBSERVED}
    assert mailbox.flags() == {"Letter 0": SEEN, "Letter 1": "", "Letter 2": SEEN}


def test_unread_again_before_the_server_heard_of_it_sends_nothing(mailbox: Mailbox) -> None:
    alice = letters.user()
    Access.objects.create(account=mailbox.account, user=alice)
    mailbox.deliver(1)
    mailbox.sync()
    mark_seen(alice, list(mailbox.ids().values()))
    mark_seen(alice, list(mailbox.ids().values()), seen=False)

    mailbox.sync()

    assert mailbox.flags() == {"Letter 0": ""}
    assert not Intent.objects.filter(phase__in=Intent.LIVE).exists()


@pytest.mark.parametrize("capability", TIERS)
@pytest.mark.parametrize("target", [b"Archive", b"Zebra"])
def test_a_letter_moved_elsewhere_stays_the_same_letter(
    mailbox_of: MakeMailbox, capability: str, target: bytes
) -> None:
    """S2-13, S3-17: its id, and so its links, survive; no body is fetched again."""
    mailbox = mailbox_of(capability)
    mailbox.deliver(3)
    mailbox.sync()
    before = mailbox.ids()
    with mailbox.elsewhere() as client:
        client.create_folder(target)
        client.select(b"INBOX")
        client.copy([2], target)
        client.store_flags([2], add=["\\Deleted"])
        client._run(b"EXPUNGE")  # type: ignore[attr-defined]
    faults = Faults()

    result = mailbox.sync(connect=faults.connect)

    assert result.in_step
    assert mailbox.ids() == {name: before[name] for name in ("Letter 0", "Letter 2")}
    assert mailbox.ids(target.decode()) == {"Letter 1": before["Letter 1"]}
    assert faults.bodies == []
    assert not Message.objects.filter(gone_at__isnull=False).exists()


def test_a_letter_copied_elsewhere_sits_in_both_folders(mailbox: Mailbox) -> None:
    mailbox.deliver(1)
    mailbox.sync()
    with mailbox.elsewhere() as client:
        client.select(b"INBOX")
        client.copy([1], b"Archive")

    mailbox.sync()

    assert mailbox.ids() == mailbox.ids("Archive")
    assert mailbox.count() == 1
    assert ledger(mailbox.account) == {"on_server": 2, "stored": 2, **EMPTY}


def test_a_letter_deleted_elsewhere_leaves_the_folder_and_later_is_gone(mailbox: Mailbox) -> None:
    """S2-15: out of the list at once; gone after a full pass and ten minutes; kept on cards."""
    mailbox.deliver(2)
    mailbox.sync()
    message = Message.objects.get(pk=mailbox.ids()["Letter 0"])
    with mailbox.elsewhere() as client:
        client.select(b"INBOX")
        client.store_flags([1], add=["\\Deleted"])
        client.uid_expunge([1])

    mailbox.sync()

    message.refresh_from_db()
    assert message.gone_at is None
    assert message.placements.get().state == Placement.State.UNLINKED
    assert not ThreadRow.objects.filter(thread=message.thread).exists()
    message.placements.update(unlinked_at=timezone.now() - timedelta(minutes=11))
    mailbox.sync()
    message.refresh_from_db()
    assert message.gone_at is not None
    assert message.placements.get().state == Placement.State.GONE
    assert ledger(mailbox.account) == {"on_server": 1, "stored": 1, **EMPTY}


def test_a_folder_renamed_elsewhere_keeps_its_letters(mailbox: Mailbox) -> None:
    """S1-26."""
    with mailbox.elsewhere() as client:
        client.create_folder(b"Kunden")
    mailbox.deliver(2, folder="Kunden")
    mailbox.sync()
    before = mailbox.ids("Kunden")
    with mailbox.elsewhere() as client:
        client._run(b"RENAME Kunden Klienci")  # type: ignore[attr-defined]
    faults = Faults()

    mailbox.sync(connect=faults.connect)

    assert mailbox.ids("Klienci") == before
    assert faults.bodies == []


def test_a_folder_named_in_bad_utf7_keeps_nothing_else_from_being_in_step(mailbox: Mailbox) -> None:
    """Dovecot lists such a folder and then does not open it: its row says so, the rest goes on."""
    mailbox.deliver(1, folder="R&AWEz&-ne")
    mailbox.deliver(2)

    result = mailbox.sync()

    folder = ServerFolder.objects.get(account=mailbox.account, name="R&AWEz&-ne")
    assert folder.error_kind == "no_such_folder"
    assert folder.error_words
    assert result.in_step
    assert len(mailbox.ids()) == 2


# ------------------------------------------------------------------ renumbered, removed in masses


def test_a_new_uidvalidity_keeps_every_letter_and_fetches_nothing_again(mailbox: Mailbox) -> None:
    """S2-14: what arrived between the last pass and the change is new mail."""
    mailbox.deliver(30)
    mailbox.sync()
    before = mailbox.ids()
    _renumber(mailbox)
    mailbox.deliver(1, start=30)
    faults = Faults()

    result = mailbox.sync(connect=faults.connect)

    assert result.in_step
    after = mailbox.ids()
    new = after.pop("Letter 30")
    assert after == before
    assert len(faults.bodies) == 1
    assert new not in before.values()
    assert ServerFolder.objects.get(account=mailbox.account, name="INBOX").generation == 1
    assert ledger(mailbox.account) == {"on_server": 31, "stored": 31, **EMPTY}


def _renumber(mailbox: Mailbox) -> None:
    box = mailbox.server.maildir(mailbox.user)
    before = (box / "dovecot-uidlist").read_text()
    number = int(before.split(" V")[1].split(" ")[0])
    for path in box.glob("dovecot*"):
        if path.is_file() and path.name != "dovecot-keywords":
            path.unlink()
    (box / "dovecot-uidlist").write_text(f"3 V{number + 7} N1 G0123456789abcdef0123456789abcdef\n")
    mailbox.server._give_away(box / "dovecot-uidlist")  # type: ignore[attr-defined]


def test_a_mass_removal_is_held_until_a_second_witness(mailbox: Mailbox) -> None:
    """S2-16: nothing leaves the view on one testimony; a real one is believed a minute later."""
    mailbox.deliver(40)
    mailbox.sync()
    with mailbox.elsewhere() as client:
        client.select(b"INBOX")
        client.store_flags(range(1, 36), add=["\\Deleted"])
        client.uid_expunge(range(1, 36))

    held = mailbox.sync()

    folder = ServerFolder.objects.get(account=mailbox.account, name="INBOX")
    assert not held.in_step
    assert held.troubles == {"INBOX": "held"}
    assert folder.held_reason == "mass_removal"
    assert len(mailbox.ids()) == 40
    _a_minute_passes(folder)
    result = mailbox.sync()
    assert result.in_step
    assert len(mailbox.ids()) == 5


def _a_minute_passes(folder: ServerFolder) -> None:
    from mailroom.engine.witnesses import WITNESSES

    at, uids = WITNESSES._absent[folder.pk]
    WITNESSES._absent[folder.pk] = (at - timedelta(seconds=61), uids)


# ------------------------------------------------------------------ what cannot be stored


def test_a_letter_that_cannot_be_fetched_is_parked_and_tried_again(mailbox: Mailbox) -> None:
    """S2-17: the rest goes on; the ledger shows it; the next try stores it."""
    mailbox.deliver(5)

    result = mailbox.sync(connect=Faults(spoil=without_bytes(3)).connect)

    parked = Parked.objects.get(account=mailbox.account)
    assert (parked.uid, parked.reason) == (3, "no_bytes")
    assert result.in_step
    assert ledger(mailbox.account) == {"on_server": 5, "stored": 4, **EMPTY, "parked": 1}
    Parked.objects.update(next_at=timezone.now())
    mailbox.sync()
    assert not Parked.objects.exists()
    assert ledger(mailbox.account) == {"on_server": 5, "stored": 5, **EMPTY}
    assert mailbox.sync().in_step


def test_a_letter_that_breaks_the_store_is_parked_with_its_bytes(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailroom.data.blobs.keeping import content_of
    from mailroom.engine import intake

    def refuse(batch: intake.Batch) -> object:
        if any(arrival.letter.subject == "Letter 1" for arrival in batch.arrivals):
            raise ValueError("planted")
        return real(batch)

    real = intake.store
    monkeypatch.setattr(intake, "store", refuse)
    mailbox.deliver(4)

    mailbox.sync()

    parked = Parked.objects.get(account=mailbox.account)
    assert (parked.reason, parked.words) == ("crashed", "ValueError")
    assert parked.blob is not None
    assert b"Subject: Letter 1\r\n" in content_of(parked.blob)
    assert len(mailbox.ids()) == 3


def test_a_letter_over_the_cap_is_parked_until_a_person_asks(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailroom.actions import parking
    from mailroom.engine import intake

    monkeypatch.setattr(intake, "MOST_BYTES", 3_000_000)
    mailbox.deliver(2)
    raw = letters.raw("Huge", mid="huge@x.example", body="\r\n".join(["x" * 70] * 60_000))
    mailbox.server.deliver(mailbox.user, raw)

    mailbox.sync()

    parked = Parked.objects.get(account=mailbox.account)
    assert (parked.reason, parked.next_at) == ("too_big", None)
    assert parked.size == len(raw)
    assert len(mailbox.ids()) == 2
    parking.try_again(parked, timezone.now())
    mailbox.sync()
    assert "Huge" in mailbox.ids()
    assert ledger(mailbox.account) == {"on_server": 3, "stored": 3, **EMPTY}


# ------------------------------------------------------------------ when the next pass comes


def test_a_pass_for_somebody_who_waits_does_not_put_the_thorough_one_off(mailbox: Mailbox) -> None:
    from mailroom.actions.leases import claim
    from mailroom.engine.passes import pass_over

    planned = timezone.now() + timedelta(minutes=2)
    Account.objects.filter(pk=mailbox.account.pk).update(next_at=planned, wanted_at=timezone.now())
    for thorough in (False, True):
        lease = claim(mailbox.account.pk, "test", timezone.now())
        assert lease is not None
        pass_over(lease, thorough=thorough)

        mailbox.account.refresh_from_db()
        assert (mailbox.account.next_at == planned) is not thorough


# ------------------------------------------------------------------ the start date


def test_letters_before_the_start_date_are_counted_and_left(mailbox_of: MakeMailbox) -> None:
    """S1-13, S3-20: by INTERNALDATE; an earlier date fetches more, a later one takes nothing away."""
    mailbox = mailbox_of(start_date=date(2026, 3, 1))
    for month in (1, 2, 3, 4):
        mailbox.deliver(1, start=month, at=on_day(2026, month, 15))
    mailbox.deliver(1, start=10, at=on_day(2026, 2, 28, hour=22))
    mailbox.deliver(1, start=11, at=on_day(2026, 3, 1, hour=1))

    result = mailbox.sync()

    assert result.in_step
    assert sorted(mailbox.ids()) == ["Letter 11", "Letter 3", "Letter 4"]
    assert ledger(mailbox.account) == {"on_server": 6, "stored": 3, **EMPTY, "before_start": 3}
    _set_start(mailbox, date(2026, 2, 1))
    mailbox.sync()
    assert sorted(mailbox.ids()) == ["Letter 10", "Letter 11", "Letter 2", "Letter 3", "Letter 4"]
    _set_start(mailbox, date(2026, 4, 1))
    mailbox.sync()
    assert len(mailbox.ids()) == 5
    assert ledger(mailbox.account) == {"on_server": 6, "stored": 5, **EMPTY, "before_start": 1}


def _set_start(mailbox: Mailbox, day: date) -> None:
    Account.objects.filter(pk=mailbox.account.pk).update(start_date=day)


def test_another_worker_with_a_newer_fence_makes_this_one_stop(mailbox: Mailbox) -> None:
    """A worker that slept through its lease can change nothing."""
    from mailroom.actions.leases import LostLease, claim
    from mailroom.engine.sync import sync_account

    mailbox.deliver(3)
    at = timezone.now()
    slept = claim(mailbox.account.pk, "one", at - timedelta(minutes=5))
    assert slept is not None
    assert claim(mailbox.account.pk, "two", at) is not None

    with pytest.raises(LostLease):
        sync_account(slept)

    assert mailbox.count() == 0


def test_gone_letters_are_not_retired_while_they_may_still_turn_up(mailbox: Mailbox) -> None:
    from mailroom.actions.leases import claim

    mailbox.deliver(1)
    mailbox.sync()
    Placement.objects.update(state=Placement.State.UNLINKED, unlinked_at=timezone.now())
    lease = claim(mailbox.account.pk, "test", timezone.now())
    assert lease is not None

    assert placing.retire_gone(lease, cycle_began_at=timezone.now(), at=timezone.now()) == 0
