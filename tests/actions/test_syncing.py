"""Steps of a plan become rows: under the fence, in one transaction, never over what a user did meanwhile."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from mailroom.actions import health, leases, parking, placing, syncing
from mailroom.actions.health import Trouble
from mailroom.actions.leases import Lease, LostLease
from mailroom.actions.ledger import ledger_of
from mailroom.actions.reading import mark_seen
from mailroom.core.sync.state import FLAGGED, SEEN, Checkpoint
from mailroom.core.sync.steps import (
    Advance,
    Forget,
    Hold,
    HoldReason,
    Outcome,
    Relink,
    Restore,
    SetFlags,
    Settle,
    Skip,
    Unlink,
)
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import (
    Account,
    Folder,
    Intent,
    Message,
    News,
    Parked,
    Placement,
    ServerFolder,
    ThreadRow,
)
from mailroom.data.people.models import User
from tests import letters

pytestmark = pytest.mark.django_db

AT = timezone.now()


@pytest.fixture
def alice() -> User:
    return letters.user()


@pytest.fixture
def account(alice: User) -> Account:
    return letters.account(users=[alice])


@pytest.fixture
def lease(account: Account) -> Lease:
    found = leases.claim(account.pk, "test", AT)
    assert found is not None
    return found


@pytest.fixture
def inbox(account: Account) -> ServerFolder:
    return ServerFolder.objects.get(account=account, role="inbox")


def put(account: Account, count: int = 1) -> list[Placement]:
    stored = letters.put(account, *(letters.raw(f"Letter {n}", mid=f"{n}@x.example") for n in range(count)))
    return [Placement.objects.get(message=pk) for pk in stored.message_ids]


# ------------------------------------------------------------------ flags


def test_what_the_server_confirmed_is_seen_and_counted(
    account: Account, lease: Lease, inbox: ServerFolder
) -> None:
    (placement,) = put(account)
    local = syncing.load(inbox)
    step = SetFlags(placement.pk, frozenset({SEEN}), frozenset({SEEN}), modseq=7)

    done = syncing.apply(lease, inbox, [step], AT, local=local)

    placement.refresh_from_db()
    assert (placement.base, placement.local, placement.seen, placement.modseq) == (SEEN, SEEN, True, 7)
    assert done.changed == 1
    assert Folder.objects.get(account=account, role="inbox").unread == 0
    assert ThreadRow.objects.get().unread == 0
    assert News.objects.filter(account=account, kind=News.Kind.CHANGED).exists()


def test_what_a_user_did_between_reading_and_writing_is_kept(
    account: Account, lease: Lease, inbox: ServerFolder, alice: User
) -> None:
    (placement,) = put(account)
    local = syncing.load(inbox)
    step = SetFlags(placement.pk, frozenset({FLAGGED}), frozenset({FLAGGED}))
    mark_seen(alice, [placement.message_id])

    syncing.apply(lease, inbox, [step], AT, local=local)

    placement.refresh_from_db()
    assert set(placement.local.split()) == {FLAGGED, SEEN}
    assert placement.base == FLAGGED


def test_what_was_taken_back_while_its_echo_was_under_way_stays_taken_back(
    account: Account, lease: Lease, inbox: ServerFolder, alice: User
) -> None:
    """The echo of our own STORE must not undo the change of mind that followed it."""
    (placement,) = put(account)
    mark_seen(alice, [placement.message_id])
    sent = syncing.about_to_send(lease, syncing.flag_intents(inbox))
    assert len(sent) == 1
    mark_seen(alice, [placement.message_id], seen=False)

    echo = SetFlags(placement.pk, frozenset({SEEN}), frozenset({SEEN}))
    syncing.apply(lease, inbox, [echo], AT, local=syncing.load(inbox))

    placement.refresh_from_db()
    assert (placement.base, placement.local, placement.seen) == (SEEN, "", False)
    (left,) = syncing.flag_intents(inbox)
    assert left.remove == {SEEN}


def test_flags_outside_the_window_change_only_the_base(
    account: Account, lease: Lease, inbox: ServerFolder
) -> None:
    """S1-18."""
    (placement,) = put(account)
    local = syncing.load(inbox, frozen_before=letters.START + timedelta(days=1))

    syncing.apply(
        lease, inbox, [SetFlags(placement.pk, frozenset({SEEN}), frozenset())], AT, local=local
    )  # fmt: skip

    placement.refresh_from_db()
    assert (placement.base, placement.local) == (SEEN, "")


@pytest.mark.parametrize(
    ("outcome", "phase", "kind"),
    [
        (Outcome.DONE, "observed", ""),
        (Outcome.SUPERSEDED, "superseded", ""),
        (Outcome.LOCAL_ONLY, "observed", "local_only"),
    ],
)
def test_an_intent_ends_as_the_plan_says(
    account: Account, lease: Lease, inbox: ServerFolder, alice: User, outcome: Outcome, phase: str, kind: str
) -> None:
    (placement,) = put(account)
    mark_seen(alice, [placement.message_id])
    intent = Intent.objects.get()

    syncing.apply(lease, inbox, [Settle(intent.pk, outcome)], AT)

    intent.refresh_from_db()
    assert (intent.phase, intent.error_kind, intent.ended_at) == (phase, kind, AT)


def test_a_change_that_the_server_refuses_fails_visibly(
    account: Account, lease: Lease, inbox: ServerFolder, alice: User
) -> None:
    (placement,) = put(account)
    mark_seen(alice, [placement.message_id])

    placing.refuse_intents(lease, inbox, [1], "no_permission", "read-only", AT)

    intent = Intent.objects.get()
    assert (intent.phase, intent.error_kind, intent.error_words) == ("failed", "no_permission", "read-only")
    placement.refresh_from_db()
    assert not placement.seen


# ------------------------------------------------------------------ leaving and coming back


def test_a_letter_leaves_the_list_at_once_and_comes_back_as_it_was(
    account: Account, lease: Lease, inbox: ServerFolder
) -> None:
    (placement,) = put(account)

    syncing.apply(lease, inbox, [Unlink((placement.pk,))], AT)
    assert not ThreadRow.objects.exists()
    assert Folder.objects.get(account=account, role="inbox").total == 0
    syncing.apply(lease, inbox, [Restore((placement.pk,))], AT)

    placement.refresh_from_db()
    assert placement.state == Placement.State.LIVE
    assert Folder.objects.get(account=account, role="inbox").total == 1


def test_a_change_that_waits_goes_with_its_letter(
    account: Account, lease: Lease, inbox: ServerFolder, alice: User
) -> None:
    """Marked here, moved elsewhere before the server heard of it."""
    (placement,) = put(account)
    sent = ServerFolder.objects.get(account=account, role="sent")
    mark_seen(alice, [placement.message_id])

    syncing.apply(lease, sent, [Relink(9, placement.message_id)], AT, uidvalidity=1)
    syncing.apply(lease, inbox, [Unlink((placement.pk,))], AT)

    (intent,) = syncing.flag_intents(sent)
    assert intent.add == {SEEN}
    assert Placement.objects.get(pk=intent.placement_id).local == SEEN
    assert syncing.flag_intents(inbox) == []


def test_a_number_that_an_older_row_still_carries_is_given_to_the_new_one(
    account: Account, lease: Lease, inbox: ServerFolder
) -> None:
    """UIDVALIDITY flipped back: the same numbers mean other letters now."""
    first, second = put(account, 2)
    syncing.apply(lease, inbox, [Unlink((first.pk,))], AT)

    syncing.apply(lease, inbox, [Relink(1, second.message_id, second.pk)], AT)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.uid, second.uid) == (None, 1)


# ------------------------------------------------------------------ figures and checkpoint


def test_letters_before_the_start_are_counted_once_and_forgotten_when_they_leave(
    lease: Lease, inbox: ServerFolder
) -> None:
    syncing.apply(lease, inbox, [Skip((1, 2, 3))], AT, counters={"on_server": 3})
    syncing.apply(lease, inbox, [Skip((2, 3))], AT)
    assert (inbox.before_start, inbox.known_uids) == (3, "1:3")

    syncing.apply(lease, inbox, [Forget((2,))], AT, counters={"on_server": 2})

    assert (inbox.before_start, inbox.known_uids) == (2, "1,3")
    assert ledger_of(inbox.account_id).difference == 0


def test_an_earlier_start_date_judges_again_and_the_ledger_stays_true(
    account: Account, lease: Lease, inbox: ServerFolder
) -> None:
    syncing.apply(lease, inbox, [Skip((1, 2))], AT, counters={"on_server": 2})

    syncing.reopen_window(lease, inbox, date(2020, 1, 1))

    assert (inbox.before_start, inbox.waiting, inbox.known_uids) == (0, 2, "")
    assert (inbox.uidnext, inbox.highestmodseq, inbox.judged_by_date) == (1, None, date(2020, 1, 1))
    assert ledger_of(account).difference == 0


def test_the_checkpoint_moves_with_the_steps_before_it_or_not_at_all(
    lease: Lease, inbox: ServerFolder
) -> None:
    step = Advance(Checkpoint(1, 42, 99))
    leases.take_from(["test"])

    with pytest.raises(LostLease):
        syncing.apply(lease, inbox, [Skip((1,)), step], AT)

    inbox.refresh_from_db()
    assert (inbox.uidnext, inbox.highestmodseq, inbox.known_uids) == (1, None, "")


def test_a_held_removal_is_on_the_row_and_remembers_when_it_began(lease: Lease, inbox: ServerFolder) -> None:
    step = Hold(HoldReason.MASS_REMOVAL, (1, 2, 3), 3)

    syncing.apply(lease, inbox, [step], AT)
    syncing.apply(lease, inbox, [step], AT + timedelta(minutes=1))

    inbox.refresh_from_db()
    assert (inbox.held_reason, inbox.held_at) == ("mass_removal", AT)


def test_a_purged_letter_and_a_header_have_their_own_columns(account: Account, lease: Lease) -> None:
    """S3-26: purged here and still on the server."""
    first, second, _ = put(account, 3)
    Message.objects.filter(pk=first.message_id).update(fate="purged")
    Message.objects.filter(pk=second.message_id).update(body_state="header")
    ServerFolder.objects.filter(account=account, role="inbox").update(on_server=4)

    found = ledger_of(account)

    assert (found.stored, found.waiting, found.purged) == (1, 1, 1)
    assert found.difference == 1
    assert not found.in_step


def test_unsubscribed_folders_do_not_count(account: Account, lease: Lease) -> None:
    put(account, 2)
    ServerFolder.objects.filter(account=account, role="inbox").update(on_server=2, subscribed=False)

    assert set(syncing.ledger(account).values()) == {0}


# ------------------------------------------------------------------ parked


def test_a_parked_letter_is_kept_with_its_bytes_and_tried_again_ever_more_rarely(
    account: Account, lease: Lease, inbox: ServerFolder
) -> None:
    syncing.apply(lease, inbox, [], AT, counters={"on_server": 1, "waiting": 1})
    pauses = []
    for _ in range(5):
        parked = parking.park(lease, inbox, 7, reason="crashed", words="x\0y", raw=b"bytes", at=AT)
        assert parked.next_at is not None
        pauses.append(parked.next_at - AT)

    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(days=1)
    parked = Parked.objects.get()
    assert (parked.attempts, parked.words) == (5, "xy")
    assert parked.blob is not None
    assert content_of(parked.blob) == b"bytes"
    assert inbox.known_uids == "7"
    found = ledger_of(account)
    assert (found.parked, found.waiting, found.difference) == (1, 0, 0)


def test_what_is_too_big_waits_for_a_person(lease: Lease, inbox: ServerFolder) -> None:
    parked = parking.park(lease, inbox, 7, reason="too_big", size=10**8, at=AT)
    assert parked.next_at is None
    assert parking.due(inbox, AT) == []

    parking.try_again(parked, AT)

    assert [one.uid for one in parking.due(inbox, AT)] == [7]
    assert Account.objects.get(pk=inbox.account_id).wanted_at == AT


# ------------------------------------------------------------------ how the account is doing


@pytest.mark.parametrize(
    ("trouble", "failures", "least", "most"),
    [
        (Trouble("connection_lost"), 1, 2, 5),
        (Trouble("connection_lost"), 4, 20, 40),
        (Trouble("connection_lost"), 50, 450, 900),
        (Trouble("throttled"), 1, 450, 900),
        (Trouble("throttled"), 50, 10_800, 21_600),
        (Trouble("name_not_found", asks_person=True), 1, 900, 900),
    ],
)
def test_how_long_a_failed_account_waits(trouble: Trouble, failures: int, least: int, most: int) -> None:
    for jitter in (0.0, 1.0):
        pause = health.retry_after(trouble, failures, jitter)
        assert pause is not None
        assert least <= pause.total_seconds() <= most


def test_a_refused_password_is_not_tried_again_by_itself() -> None:
    assert health.retry_after(Trouble("wrong_password", asks_person=True), 1, 0.5) is None


def test_a_first_sync_becomes_live_and_a_failure_keeps_the_servers_words(
    account: Account, lease: Lease
) -> None:
    health.begin(lease, capabilities=["IMAP4REV1"])
    account.refresh_from_db()
    assert (account.state, account.capabilities) == ("first_sync", ["IMAP4REV1"])
    health.note_progress(lease, stored=3, total=9, at=AT)
    account.refresh_from_db()
    assert (account.progress_stored, account.progress_total) == (3, 9)

    again = health.fail(lease, Trouble("connection_lost", "bye\0"), at=AT, jitter=0)
    account.refresh_from_db()
    assert (account.state, account.error_kind, account.error_words) == ("retrying", "connection_lost", "bye")
    assert again is not None
    pause = health.finish(lease, in_step=True, at=AT)

    account.refresh_from_db()
    assert (account.state, account.error_kind, account.fail_count) == ("live", "", 0)
    assert account.last_in_step_at == AT
    assert pause == timedelta(minutes=10)
