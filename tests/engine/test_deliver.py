"""Letters go out once: real SMTP conversations, exactly one copy in Sent, Bcc in nobody's header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from mailroom.actions import drafts, sending, sent_copies
from mailroom.actions.refusals import Clash
from mailroom.actions.syncing import ledger
from mailroom.core.sync.state import ANSWERED, SEEN
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Access, Account, Intent, Message, Placement
from mailroom.data.outbox.models import Outgoing
from mailroom.data.people.models import User
from mailroom.engine import deliver, filing
from mailroom.wire.failures import Kind, RetryLater
from tests import letters
from tests.engine.conftest import MakeMailbox
from tests.engine.mailbox import Mailbox
from tests.servers.smtp_sink import SmtpSink

pytestmark = [pytest.mark.dovecot]


@pytest.fixture
def office(mailbox_of: MakeMailbox, smtp_sink: SmtpSink) -> Mailbox:
    """A mailbox in step whose letters go out through the sink."""
    mailbox = mailbox_of(
        outgoing_host=smtp_sink.host, outgoing_port=smtp_sink.tls_port, server_saves_sent=False
    )
    mailbox.deliver(1)
    mailbox.sync()
    return mailbox


@pytest.fixture
def alice(office: Mailbox) -> User:
    user = letters.user()
    Access.objects.create(account=office.account, user=user)
    return user


def write(office: Mailbox, alice: User, *to: str, **values: Any) -> Outgoing:
    """A letter handed over, as the page or REST does it."""
    words = {"account_id": office.account.pk, "to": list(to), "subject": "Hello", "text": "Good day."}
    draft = drafts.save_draft(by=alice, values=words | values)
    return drafts.queue(draft=draft, by=alice, idempotency_key=timezone.now().isoformat())


def send() -> None:
    """What a worker does until nothing is due."""
    while deliver.deliver_next("test"):
        pass


def in_sent(office: Mailbox) -> list[bytes]:
    return office.server.letters(office.user, "Sent")


# ------------------------------------------------------------------ sent and filed


def test_a_letter_is_sent_once_and_filed_once(office: Mailbox, alice: User, smtp_sink: SmtpSink) -> None:
    """S2-18: sent_at and filed_at are two facts; the copy here and the copy there are one letter."""
    outgoing = write(office, alice, "luca@client.example", bcc=["hidden@firm.example"])
    before = len(smtp_sink.letters)

    send()
    office.sync()
    office.sync()

    outgoing.refresh_from_db()
    assert outgoing.state == "sent"
    assert outgoing.sent_at is not None
    assert outgoing.filed_at is not None
    (letter,) = smtp_sink.letters[before:]
    assert letter.recipients == ("luca@client.example", "hidden@firm.example")
    (copy,) = in_sent(office)
    assert outgoing.mid.encode() in copy
    for raw in (letter.data, copy, content_of(outgoing.blob)):
        assert b"bcc:" not in raw.lower()
        assert b"hidden@" not in raw
    message = Message.objects.get(account=office.account, mid=outgoing.mid)
    assert message == outgoing.message
    placement = message.placements.get()
    assert placement.uid is not None
    assert placement.local == SEEN
    assert ledger(office.account)["stored"] == ledger(office.account)["on_server"] == 2


def test_our_copy_is_here_before_the_server_has_one(office: Mailbox, alice: User) -> None:
    outgoing = write(office, alice, "luca@client.example")

    send()

    outgoing.refresh_from_db()
    assert outgoing.message is not None
    placement = outgoing.message.placements.get()
    assert (placement.uid, placement.folder.role, placement.seen) == (None, "sent", True)
    assert outgoing.message.outgoing
    assert outgoing.message.sent_by == alice


def test_the_server_that_files_by_itself_gets_no_second_copy(
    mailbox_of: MakeMailbox, smtp_sink: SmtpSink
) -> None:
    """Not known whether it does: its copy is looked for first, adopted, and the answer remembered."""
    office = mailbox_of(outgoing_host=smtp_sink.host, outgoing_port=smtp_sink.tls_port)
    office.sync()
    alice = letters.user()
    Access.objects.create(account=office.account, user=alice)
    outgoing = write(office, alice, "luca@client.example")
    send()
    # Rewritten on the way, as Microsoft does it: only the reference tells whose letter it is.
    rewritten = content_of(outgoing.blob).replace(outgoing.mid.encode(), b"rewritten@server.example")
    office.server.deliver(office.user, rewritten, "Sent", flags="S")

    office.sync()
    Intent.objects.update(next_at=timezone.now())
    office.sync()

    outgoing.refresh_from_db()
    assert len(in_sent(office)) == 1
    assert outgoing.filed_at is not None
    assert outgoing.message is not None
    assert outgoing.message.placements.get().uid is not None
    assert Message.objects.filter(account=office.account).count() == 1
    assert Account.objects.get(pk=office.account.pk).server_saves_sent is True


def test_a_reply_marks_the_letter_it_answers(office: Mailbox, alice: User) -> None:
    answered = office.ids()["Letter 0"]
    write(office, alice, "luca@client.example", in_reply_to=answered)

    send()
    office.sync()

    assert office.flags()["Letter 0"] == ANSWERED
    with office.elsewhere() as client:
        client.select(b"INBOX", read_only=True)
        assert client.fetch_flags()[0][0].flags == {ANSWERED}


def test_a_mailbox_without_a_sent_folder_gets_one(office: Mailbox, alice: User) -> None:
    with office.elsewhere() as client:
        client._run(b"DELETE Sent")
    office.sync()
    write(office, alice, "luca@client.example")

    send()
    office.sync()

    assert len(in_sent(office)) == 1


# ------------------------------------------------------------------ refused, later, in doubt


@pytest.mark.parametrize(
    ("address", "state", "recipient"),
    [
        ("permerror@client.example", "failed", "failed"),
        ("temperror@client.example", "queued", "deferred"),
        ("dot550@client.example", "failed", "failed"),
        ("dot451@client.example", "queued", "deferred"),
        ("421@client.example", "queued", "waiting"),
        ("hangup@client.example", "queued", "waiting"),
        ("dotlost@client.example", "uncertain", "uncertain"),
        ("dotdropped@client.example", "uncertain", "uncertain"),
    ],
)
def test_the_answer_decides_what_becomes_of_a_letter(
    office: Mailbox, alice: User, address: str, state: str, recipient: str
) -> None:
    """S2-19: what is in doubt is not sent again by itself."""
    outgoing = write(office, alice, address)

    send()
    send()

    outgoing.refresh_from_db()
    assert outgoing.state == state
    assert [one.state for one in outgoing.recipients.all()] == [recipient]
    assert outgoing.message is None
    assert outgoing.attempts == 1
    assert in_sent(office) == []


def test_who_was_accepted_has_the_letter_and_the_rest_is_told_apart(office: Mailbox, alice: User) -> None:
    outgoing = write(office, alice, "luca@client.example", "permerror@client.example")

    send()

    outgoing.refresh_from_db()
    assert outgoing.state == "sent"
    assert {one.email: (one.state, one.code) for one in outgoing.recipients.all()} == {
        "luca@client.example": ("sent", 250),
        "permerror@client.example": ("failed", 550),
    }


def test_a_refused_sign_in_waits_for_the_person(office: Mailbox, alice: User) -> None:
    office.account.secret.replace("wrong")
    outgoing = write(office, alice, "luca@client.example")

    send()

    outgoing.refresh_from_db()
    assert (outgoing.state, outgoing.error_kind) == ("queued", "wrong_password")
    assert outgoing.next_at is not None
    assert outgoing.next_at > timezone.now()


@pytest.mark.parametrize(("phase", "state"), [("pre_data", "queued"), ("dot", "uncertain")])
def test_a_killed_worker_leaves_a_letter_queued_before_the_dot_and_uncertain_after_it(
    office: Mailbox, alice: User, phase: str, state: str
) -> None:
    outgoing = write(office, alice, "luca@client.example")
    claimed = sending.claim_outgoing("dead", timezone.now())
    assert claimed is not None
    if phase == "dot":
        sending.dot_leaves(claimed)

    assert sending.recover_outgoing(timezone.now(), dead=["dead"]) == [outgoing.pk]

    outgoing.refresh_from_db()
    assert outgoing.state == state


def test_the_dot_is_on_record_before_it_leaves(
    office: Mailbox, alice: User, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter taken over by somebody else while its bytes were sent: the dot does not leave."""
    outgoing = write(office, alice, "luca@client.example")
    before = len(smtp_sink.letters)
    real: Callable[[Outgoing], None] = sending.dot_leaves

    def taken_over(letter: Outgoing) -> None:
        Outgoing.objects.filter(pk=letter.pk).update(lease_owner="somebody else")
        real(letter)

    monkeypatch.setattr(sending, "dot_leaves", taken_over)

    deliver.deliver_next("test")

    outgoing.refresh_from_db()
    assert outgoing.phase == "pre_data"
    assert len(smtp_sink.letters) == before


# ------------------------------------------------------------------ what a person decides


def test_a_held_letter_can_be_taken_back_and_a_sent_one_cannot(office: Mailbox, alice: User) -> None:
    draft = drafts.save_draft(
        by=alice, values={"account_id": office.account.pk, "to": ["luca@client.example"], "text": "x"}
    )
    held = drafts.queue(draft=draft, by=alice, idempotency_key="held", hold_seconds=60)
    send()

    assert sending.cancel_outgoing(by=alice, outgoing=held).state == "failed"
    sent = write(office, alice, "luca@client.example")
    send()
    with pytest.raises(Clash):
        sending.cancel_outgoing(by=alice, outgoing=sent)


def test_a_letter_in_doubt_is_marked_as_sent_and_filed(office: Mailbox, alice: User) -> None:
    outgoing = write(office, alice, "dotlost@client.example")
    send()

    sending.resolve_outgoing(by=alice, outgoing=outgoing, as_="sent")
    deliver.keep_missing_copies()
    office.sync()

    outgoing.refresh_from_db()
    assert outgoing.state == "sent"
    assert len(in_sent(office)) == 1


def test_a_letter_in_doubt_that_the_server_filed_was_sent(office: Mailbox, alice: User) -> None:
    """Evidence settles it: the copy in Sent can only come from the submission server."""
    outgoing = write(office, alice, "dotlost@client.example")
    send()
    outgoing.refresh_from_db()
    assert outgoing.state == "uncertain"
    office.server.deliver(office.user, content_of(outgoing.blob), "Sent", flags="S")

    office.sync()

    outgoing.refresh_from_db()
    assert (outgoing.state, [one.state for one in outgoing.recipients.all()]) == ("sent", ["sent"])
    assert outgoing.filed_at is not None
    assert len(in_sent(office)) == 1
    assert Message.objects.filter(account=office.account, mid=outgoing.mid).count() == 1


def test_again_is_a_new_letter_of_the_same_bytes(office: Mailbox, alice: User, smtp_sink: SmtpSink) -> None:
    outgoing = write(office, alice, "dotdropped@client.example", "luca@client.example")
    send()
    before = len(smtp_sink.letters)

    again = sending.resolve_outgoing(by=alice, outgoing=outgoing, as_="again")

    outgoing.refresh_from_db()
    assert (outgoing.state, again.state, again.again_of) == ("failed", "queued", outgoing)
    assert again.blob == outgoing.blob
    assert again.recipients.count() == 2
    assert len(smtp_sink.letters) == before
    with pytest.raises(Clash):
        sending.resolve_outgoing(by=alice, outgoing=outgoing, as_="again")


# ------------------------------------------------------------------ uploading in doubt


def test_an_upload_without_answer_is_looked_for_before_it_is_repeated(
    office: Mailbox, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    outgoing = write(office, alice, "luca@client.example")
    send()

    def killed(*_: object, **__: object) -> None:
        raise RetryLater(Kind.CONNECTION_LOST, "killed by the test")

    monkeypatch.setattr(sent_copies, "append_answered", killed)
    with pytest.raises(RetryLater):
        office.sync()
    monkeypatch.undo()
    assert len(in_sent(office)) == 1
    Intent.objects.filter(kind=Intent.Kind.APPEND).update(next_at=timezone.now())

    office.sync()

    outgoing.refresh_from_db()
    assert len(in_sent(office)) == 1
    assert outgoing.filed_at is not None
    assert Intent.objects.get(kind=Intent.Kind.APPEND).phase == Intent.Phase.OBSERVED
    assert Placement.objects.filter(message=outgoing.message).count() == 1


def test_an_upload_that_never_arrived_is_repeated(
    office: Mailbox, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(office, alice, "luca@client.example")
    send()

    def killed(*_: object, **__: object) -> None:
        raise RetryLater(Kind.CONNECTION_LOST, "killed by the test")

    monkeypatch.setattr(filing, "content_of", killed)
    with pytest.raises(RetryLater):
        office.sync()
    monkeypatch.undo()
    Intent.objects.filter(kind=Intent.Kind.APPEND).update(phase="copying", next_at=timezone.now())

    office.sync()

    assert len(in_sent(office)) == 1
