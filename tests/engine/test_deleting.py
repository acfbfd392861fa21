"""The policy of deletion (C2): what is sent to the server, what never comes back, what purging removes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from mailroom.actions import moving, purging
from mailroom.actions.consequences import Effect
from mailroom.actions.ledger import ledger_of
from mailroom.core.sync.state import Tier
from mailroom.data.blobs import keeping
from mailroom.data.blobs.models import Blob
from mailroom.data.blobs.store import Missing, blobs
from mailroom.data.mail.models import Account, Intent, LetterText, Message, Participant, Placement
from tests import letters
from tests.engine.remote import Remote, make_remote

pytestmark = pytest.mark.django_db

WAYS = [
    pytest.param({"tier": Tier.QRESYNC}, id="full"),
    pytest.param({"tier": Tier.CONDSTORE, "move": False}, id="no_move"),
    pytest.param({"tier": Tier.PLAIN, "move": False, "uidplus": False}, id="plain"),
]


def with_letters(policy: str, count: int = 3, **server: object) -> Remote:
    remote = make_remote(delete_policy=policy, **server)  # type: ignore[arg-type]
    remote.alice.can_purge = True
    remote.alice.save()
    remote.deliver(count)
    remote.sync()
    return remote


def passes(remote: Remote, count: int = 3) -> None:
    for _ in range(count):
        remote.sync()


# ------------------------------------------------------------------ the table


ALL = {"INBOX": ["Letter 0", "Letter 1", "Letter 2"]}
OTHERS = {"INBOX": ["Letter 0", "Letter 2"]}
MOVED = {**OTHERS, "Trash": ["Letter 1"]}


@pytest.mark.parametrize(
    ("policy", "stage", "told", "commands", "there"),
    [
        ("keep", "delete", Effect.NOTHING, {}, ALL),
        ("keep", "purge", Effect.NOTHING, {}, ALL),
        ("trash", "delete", Effect.MOVED, {"move": 1}, MOVED),
        ("trash", "purge", Effect.NOTHING, {"move": 1}, MOVED),
        ("purge", "delete", Effect.NOTHING, {}, ALL),
        ("purge", "purge", Effect.REMOVED, {"store_flags": 1, "uid_expunge": 1}, OTHERS),
    ],
)
def test_what_each_policy_sends(
    policy: str, stage: str, told: Effect, commands: dict[str, int], there: dict[str, list[str]]
) -> None:
    """C2, S3-24, S4-09; goal 13."""
    remote = with_letters(policy)
    letter = [remote.ids()["Letter 1"]]

    consequence = moving.delete(remote.alice, letter).consequence
    passes(remote)
    if stage == "purge":
        consequence = purging.purge(remote.alice, letter)
        passes(remote)

    assert consequence.server is told
    assert dict(remote.commands()) == commands
    assert remote.there() == there
    shown = {"Inbox": ["Letter 0", "Letter 2"]}
    assert {name: remote.here()[name] for name in shown} == shown
    assert ("Trash" in remote.here()) == (stage == "delete")
    assert not Intent.objects.filter(phase__in=Intent.LIVE).exists()
    ledger = ledger_of(remote.account)
    assert ledger.in_step
    assert ledger.purged == (1 if (policy, stage) in {("keep", "purge"), ("trash", "purge")} else 0)


@pytest.mark.parametrize("server", WAYS)
def test_a_purge_without_uidplus_marks_and_never_expunges_all(server: dict[str, object]) -> None:
    """A bare EXPUNGE would destroy what other clients have marked."""
    remote = with_letters("purge", **server)  # type: ignore[arg-type]
    remote.server.set_flags([1], add=["\\Deleted"])
    letter = [remote.ids()["Letter 1"]]
    moving.delete(remote.alice, letter)
    purging.purge(remote.alice, letter)

    passes(remote)

    left = (
        ["Letter 0*", "Letter 1*", "Letter 2"]
        if server.get("uidplus") is False
        else ["Letter 0*", "Letter 2"]
    )
    assert remote.there() == {"INBOX": left}
    assert not Intent.objects.filter(phase__in=Intent.LIVE).exists()
    assert ledger_of(remote.account).in_step


@pytest.mark.parametrize("answered", [False, True])
def test_cut_at_every_call_a_deletion_on_the_server_removes_that_letter_alone(answered: bool) -> None:
    remote = with_letters("purge", 1)
    step, cut = 1, True
    while cut:
        remote.deliver(1, start=step)
        remote.sync()
        letter = [remote.ids()[f"Letter {step}"]]
        moving.delete(remote.alice, letter)
        purging.purge(remote.alice, letter)
        cut = remote.sync_cut(step, answered=answered)
        passes(remote, 2)
        assert remote.there() == {"INBOX": ["Letter 0"]}
        assert not Intent.objects.filter(phase__in=Intent.LIVE).exists()
        assert ledger_of(remote.account).in_step
        step += 1


# ------------------------------------------------------------------ it does not come back


@pytest.mark.parametrize("stage", ["delete", "purge"])
@pytest.mark.parametrize(
    "event", ["rekey", "earlier_start", "resubscribe", "moved_elsewhere", "copied_elsewhere", "restored"]
)
def test_under_keep_nothing_is_sent_and_nothing_comes_back(stage: str, event: str) -> None:
    """S4-09, goal 13: hidden mail that reappears 0, server commands 0."""
    remote = with_letters("keep")
    remote.deliver(1, start=7)
    raw = b"From: a@x.example\r\nSubject: Nameless\r\n\r\nNo id.\r\n"
    remote.server.deliver(raw)
    remote.sync()
    letters = [remote.ids()[name] for name in ("Letter 1", "Nameless")]
    moving.delete(remote.alice, letters)
    if stage == "purge":
        purging.purge(remote.alice, letters)
    shown = remote.here()["Inbox"]
    assert shown == ["Letter 0", "Letter 2", "Letter 7"]

    _happens(remote, event)
    passes(remote, 4)

    assert dict(remote.commands()) == {}
    assert {name for name in remote.here() if name != "Trash"} == {"Inbox"}
    assert remote.here()["Inbox"] == shown
    fates = set(Message.objects.filter(pk__in=letters).values_list("fate", flat=True))
    assert fates == {"trash" if stage == "delete" else "purged"}
    assert Message.objects.filter(account=remote.account).count() == 5
    assert ledger_of(remote.account).in_step


def _happens(remote: Remote, event: str) -> None:
    inbox = remote.account.server_folders.get(role="inbox")
    uids = list(remote.server.folders[b"INBOX"].letters)
    if event == "rekey":
        remote.server.rekey(reverse=True)
    elif event == "earlier_start":
        Account.objects.update(start_date=date(2026, 11, 1))
        remote.sync()
        Account.objects.update(start_date=date(2020, 1, 1))
        remote.sync()
    elif event == "resubscribe":
        inbox.subscribed = False
        inbox.save()
        remote.sync()
        inbox.subscribed = True
        inbox.save()
        remote.server.rekey()
    elif event == "moved_elsewhere":
        deleted = [uid for uid in uids if uid in (2, 5)]
        remote.server.transfer(deleted, b"INBOX", b"Archive", keep=False)
    elif event == "copied_elsewhere":
        remote.server.transfer([2, 5], b"INBOX", b"Archive", keep=True)
    else:
        # A backup is put back: the same letters under new numbers beside the old ones.
        remote.server.expunge([2, 5])
        remote.sync()
        Placement.objects.exclude(state="live").update(unlinked_at=timezone.now() - timedelta(hours=1))
        remote.sync()
        folder = remote.server.folders[b"INBOX"]
        raws = [b"From: a@x.example\r\nSubject: Nameless\r\n\r\nNo id.\r\n"]
        remote.deliver(1, start=1)
        for raw in raws:
            remote.server.deliver(raw)
        assert len(folder.letters) == 5


# ------------------------------------------------------------------ purging


def test_purging_wipes_what_was_said_and_keeps_what_recognises() -> None:
    remote = with_letters("keep")
    pk = remote.ids()["Letter 1"]
    moving.delete(remote.alice, [pk])

    purging.purge(remote.alice, [pk])

    letter = Message.objects.get(pk=pk)
    assert (letter.fate, letter.subject, letter.snippet, letter.blob, letter.from_name) == (
        "purged", "", "", None, "",
    )  # fmt: skip
    assert not Participant.objects.filter(message=pk).exists()
    assert not LetterText.objects.filter(message=pk).exists()


@pytest.mark.django_db(transaction=True)
def test_the_bytes_leave_the_store_with_the_last_letter_that_needs_them() -> None:
    remote = with_letters("keep", 2)
    raw = next(iter(remote.server.folders[b"INBOX"].letters.values())).raw
    digest = bytes(Message.objects.get(subject="Letter 0").blob.digest)  # type: ignore[union-attr]
    assert blobs().get(digest) == raw
    pk = remote.ids()["Letter 0"]
    moving.delete(remote.alice, [pk])
    purging.purge(remote.alice, [pk])

    with pytest.raises(Missing):
        blobs().get(digest)
    assert not Blob.objects.filter(digest=digest).exists()


@pytest.mark.django_db(transaction=True)
def test_bytes_that_another_mailbox_needs_stay_and_a_batch_that_relied_on_lost_ones_is_told() -> None:
    remote = with_letters("keep", 2)
    other = letters.account("other@firm.example", users=[remote.alice])
    raws = [one.raw for one in remote.server.folders[b"INBOX"].letters.values()]
    letters.put(other, raws[0])
    relied = keeping.make_durable(raws)
    ids = sorted(remote.ids().values())
    moving.delete(remote.alice, ids)
    purging.purge(remote.alice, ids)

    assert keeping.content_of(Message.objects.get(account=other).blob) == raws[0]  # type: ignore[arg-type]
    with pytest.raises(keeping.Vanished):
        keeping.rows_of(relied)
    (row,) = keeping.rows_of(keeping.make_durable(raws[1:])).values()
    assert keeping.content_of(Blob.objects.get(pk=row)) == raws[1]


def test_a_deleted_letter_taken_out_of_trash_is_back_and_nothing_was_sent() -> None:
    remote = with_letters("keep")
    letter = [remote.ids()["Letter 1"]]
    moving.delete(remote.alice, letter)
    remote.sync()
    moving.move(remote.alice, letter, remote.folder("Inbox"))
    passes(remote, 2)

    assert remote.here() == {"Inbox": ["Letter 0", "Letter 1", "Letter 2"]}
    assert dict(remote.commands()) == {}
