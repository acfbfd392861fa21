"""Letters on their way out, as rows: claimed once, recorded durably, decided by the people who may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailroom.actions import sending, sent_copies
from mailroom.actions.refusals import Clash, NotAllowed
from mailroom.actions.sending import Answers, LostLetter
from mailroom.core.delivery import SmtpReply
from mailroom.data.blobs import keeping
from mailroom.data.contacts.models import Address
from mailroom.data.mail.models import Account, Intent
from mailroom.data.outbox.models import Attempt, Outgoing, Recipient
from mailroom.data.people.models import User
from tests import letters

pytestmark = pytest.mark.django_db

AT = timezone.now()
OK = SmtpReply(250, "2.0.0 taken")


@pytest.fixture
def alice() -> User:
    return letters.user()


@pytest.fixture
def account(alice: User) -> Account:
    return letters.account(users=[alice])


def queued(account: Account, *to: str, **fields: object) -> Outgoing:
    number = Outgoing.objects.count()
    outgoing = Outgoing.objects.create(
        account=account,
        idempotency_key=f"key-{number}",
        reference=f"reference-{number}",
        mid=f"out-{number}@firm.example",
        envelope_from=account.email,
        blob_id=keeping.keep(letters.raw("Out", mid=f"out-{number}@firm.example", sender=account.email)),
        **{"state": "queued", "next_at": AT - timedelta(seconds=1)} | fields,
    )
    for email in to or ("luca@client.example",):
        address, _ = Address.objects.get_or_create(
            key=email, defaults={"email": email, "host": "client.example"}
        )
        Recipient.objects.create(outgoing=outgoing, field="to", email=email, address=address)
    return outgoing


def claimed(account: Account, *to: str) -> Outgoing:
    queued(account, *to)
    letter = sending.claim_outgoing("worker", AT)
    assert letter is not None
    return letter


def test_a_letter_is_claimed_by_one_worker(account: Account) -> None:
    outgoing = queued(account)

    letter = sending.claim_outgoing("one", AT)

    assert letter == outgoing
    assert (letter.state, letter.phase, letter.attempts) == ("sending", "pre_data", 1)
    assert sending.claim_outgoing("two", AT) is None
    assert Attempt.objects.get().phase == "pre_data"


@pytest.mark.parametrize(
    "fields",
    [
        {"next_at": AT + timedelta(seconds=9)},
        {"state": "held", "next_at": AT + timedelta(seconds=9)},
        {"state": "uncertain", "next_at": None},
        {"state": "failed", "next_at": None},
    ],
)
def test_what_is_not_due_is_not_claimed(account: Account, fields: dict[str, object]) -> None:
    queued(account, **fields)

    assert sending.claim_outgoing("one", AT) is None


def test_a_held_letter_leaves_when_its_time_has_come(account: Account) -> None:
    queued(account, state="held")

    assert sending.claim_outgoing("one", AT) is not None


def test_an_inactive_account_sends_nothing(account: Account) -> None:
    queued(account)
    Account.objects.update(active=False)

    assert sending.claim_outgoing("one", AT) is None


def test_the_dot_is_refused_to_a_worker_that_lost_the_letter(account: Account) -> None:
    letter = claimed(account)
    sending.recover_outgoing(AT, dead=["worker"])
    sending.claim_outgoing("another", AT + timedelta(hours=1))

    with pytest.raises(LostLetter):
        sending.dot_leaves(letter)
    with pytest.raises(LostLetter):
        sending.record(letter, Answers({}, None), at=AT, jitter=0)


def test_accepted_by_some_and_deferred_by_others_is_tried_again_for_the_others_only(
    account: Account,
) -> None:
    letter = claimed(account, "a@client.example", "b@client.example")
    sending.dot_leaves(letter)
    answers = Answers({"a@client.example": OK, "b@client.example": SmtpReply(451, "later")}, OK)

    row = sending.record(letter, answers, at=AT, jitter=0)

    assert row.state == "queued"
    assert row.next_at is not None
    assert row.next_at > AT
    again = sending.claim_outgoing("worker", row.next_at)
    assert again is not None
    assert sending.recipients_left(again) == ["b@client.example"]


def test_after_two_days_of_later_it_fails_and_says_so(account: Account) -> None:
    queued(account)
    Outgoing.objects.update(created_at=AT - timedelta(days=3))
    letter = sending.claim_outgoing("worker", AT)
    assert letter is not None

    row = sending.record(letter, Answers({}, None, kind="refused"), at=AT, jitter=0)

    assert (row.state, row.error_kind, row.next_at) == ("failed", "refused", None)
    assert row.recipients.get().state == "failed"


def test_a_lease_that_ran_out_is_found_by_the_broom(account: Account) -> None:
    letter = claimed(account)
    assert sending.recover_outgoing(AT) == []
    assert sending.renew_outgoing(letter, AT)

    assert sending.recover_outgoing(AT + timedelta(minutes=5)) == [letter.pk]

    assert Outgoing.objects.get().state == "queued"


@pytest.mark.django_db(transaction=True)
def test_the_dot_is_on_the_disk_before_it_leaves(account: Account, databases_kind: str) -> None:
    letter = claimed(account)

    with CaptureQueriesContext(connection) as queries:
        sending.dot_leaves(letter)

    said = [one["sql"] for one in queries]
    if databases_kind == "sqlite":
        assert said[0] == "PRAGMA synchronous=FULL"
        assert said[-1] == "PRAGMA synchronous=NORMAL"
    else:
        assert "SET LOCAL synchronous_commit TO ON" in said


# ------------------------------------------------------------------ the copy


def sent(account: Account, **fields: object) -> Outgoing:
    letter = claimed(account)
    Outgoing.objects.filter(pk=letter.pk).update(**fields)
    sending.dot_leaves(letter)
    return sending.record(letter, Answers({"luca@client.example": OK}, OK), at=AT, jitter=0)


@pytest.mark.parametrize(("saves", "intents", "wait"), [(True, 0, 0), (False, 1, 0), (None, 1, 5)])
def test_a_copy_is_uploaded_unless_the_server_files_it(
    account: Account, saves: bool | None, intents: int, wait: int
) -> None:
    row = sent(account)

    message = sent_copies.keep_copy(row, server_saves=saves, at=AT)
    assert sent_copies.keep_copy(row, server_saves=saves, at=AT) == message

    found = list(Intent.objects.filter(kind="append"))
    assert len(found) == intents
    assert all(one.next_at == AT + timedelta(seconds=wait) for one in found)
    placement = message.placements.get()
    assert (placement.uid, placement.folder.role, placement.seen) == (None, "sent", True)


def test_a_confidential_letter_has_a_confidential_copy(account: Account, alice: User) -> None:
    row = sent(account, confidential=True, author=alice)

    message = sent_copies.keep_copy(row, server_saves=True, at=AT)

    assert message.confidential
    assert message.sent_by == alice


def test_copies_that_a_crash_kept_from_being_stored_are_found(account: Account) -> None:
    row = sent(account)

    assert sent_copies.without_copy() == [row]
    sent_copies.keep_copy(row, server_saves=True, at=AT)
    assert sent_copies.without_copy() == []


# ------------------------------------------------------------------ people


def test_only_who_may_send_from_the_account_decides(account: Account) -> None:
    charlie = letters.user("Charlie")
    outgoing = queued(account)

    for decide in (sending.cancel_outgoing, sending.retry_outgoing):
        with pytest.raises(NotAllowed):
            decide(by=charlie, outgoing=outgoing)
    with pytest.raises(NotAllowed):
        sending.resolve_outgoing(by=charlie, outgoing=outgoing, as_="sent")


def test_a_queued_letter_is_tried_now_and_no_other(account: Account, alice: User) -> None:
    outgoing = queued(account, next_at=AT + timedelta(hours=1))

    found = sending.retry_outgoing(by=alice, outgoing=outgoing)

    assert found.next_at is not None
    assert found.next_at <= timezone.now()
    Outgoing.objects.update(state="failed")
    with pytest.raises(Clash):
        sending.retry_outgoing(by=alice, outgoing=outgoing)


def test_a_cancelled_letter_never_leaves(account: Account, alice: User) -> None:
    outgoing = queued(account)

    found = sending.cancel_outgoing(by=alice, outgoing=outgoing)

    assert (found.state, found.error_kind) == ("failed", "cancelled")
    assert found.recipients.get().state == "failed"
    assert sending.claim_outgoing("one", AT) is None
