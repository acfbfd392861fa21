"""Moves and deletions played on a server in memory, cut at every call: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.utils import timezone

from mailroom.actions import moving
from mailroom.actions.ledger import ledger_of
from mailroom.actions.reading import mark_seen
from mailroom.core.sync.state import SEEN, Tier
from mailroom.data.mail.models import Intent, Message, Placement, ServerFolder
from mailroom.wire.failures import GiveUp, Kind
from mailroom.wire.memory import MemorySession
from tests.engine.remote import Remote, make_remote

pytestmark = pytest.mark.django_db

SERVERS = [
    pytest.param({"tier": Tier.QRESYNC}, id="full"),
    pytest.param({"tier": Tier.CONDSTORE}, id="no_qresync"),
    pytest.param({"tier": Tier.PLAIN}, id="no_condstore"),
    pytest.param({"tier": Tier.CONDSTORE, "move": False}, id="no_move"),
    pytest.param({"tier": Tier.CONDSTORE, "uidplus": False}, id="no_uidplus"),
    pytest.param({"tier": Tier.PLAIN, "move": False, "uidplus": False}, id="plain"),
]


def settled(remote: Remote) -> bool:
    return not Intent.objects.filter(account=remote.account, phase__in=Intent.LIVE).exists()


def leaves_a_mark(server: dict[str, object]) -> bool:
    return server.get("uidplus") is False and server.get("move") is False


# ------------------------------------------------------------------ the way it goes


@pytest.mark.parametrize("server", SERVERS)
def test_a_letter_moved_here_is_moved_there_and_stays_the_same_letter(server: dict[str, object]) -> None:
    """S1-13, P13: same record, same links, no body fetched again; the third pass changes nothing."""
    remote = make_remote(**server)  # type: ignore[arg-type]
    remote.deliver(3)
    remote.sync()
    ids, bodies = remote.ids(), remote.bodies()

    moving.move(remote.alice, [ids["Letter 1"]], remote.folder("Archive"))
    assert remote.here() == {"Inbox": ["Letter 0", "Letter 2"], "Archive": ["Letter 1"]}
    remote.sync()
    remote.sync()

    left = ["Letter 0", "Letter 1*", "Letter 2"] if leaves_a_mark(server) else ["Letter 0", "Letter 2"]
    assert remote.there() == {"INBOX": left, "Archive": ["Letter 1"]}
    assert remote.here() == {"Inbox": ["Letter 0", "Letter 2"], "Archive": ["Letter 1"]}
    assert remote.ids() == ids
    assert remote.bodies() == bodies
    assert settled(remote)
    assert ledger_of(remote.account).in_step
    before = remote.commands()
    remote.sync()
    assert remote.commands() == before


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("answered", [False, True])
def test_cut_at_every_call_a_move_comes_to_the_same_end(server: dict[str, object], answered: bool) -> None:
    """Goals 2 and 6: 0 lost, 0 doubled in a quiet window, whatever call was the last one."""
    step = 1
    remote = make_remote(**server)  # type: ignore[arg-type]
    remote.deliver(2)
    remote.sync()
    back, forth = remote.folder("Inbox"), remote.folder("Archive")
    target = forth
    letter = remote.ids()["Letter 0"]
    cut = True
    while cut:
        moving.move(remote.alice, [letter], target)
        cut = remote.sync_cut(step, answered=answered)
        remote.sync()
        remote.sync()
        there = remote.there()
        name = "Archive" if target == forth else "INBOX"
        assert sum(subjects.count("Letter 0") for subjects in there.values()) == 1, step
        assert "Letter 0" in there[name], step
        assert "Letter 1" in there["INBOX"], step
        assert "Letter 0" in remote.here()[target.name], step
        assert settled(remote), step
        assert ledger_of(remote.account).in_step, step
        assert Message.objects.filter(account=remote.account).count() == 2
        target = back if target == forth else forth
        if leaves_a_mark(server):
            _tidy(remote)
        step += 1
    assert step > 8


def _tidy(remote: Remote) -> None:
    """Another client expunges what is marked."""
    for folder in remote.server.folders.values():
        marked = [uid for uid, one in folder.letters.items() if "\\Deleted" in one.flags]
        remote.server.expunge(marked, folder.raw_name)
    remote.sync()


def test_many_letters_share_one_command() -> None:
    remote = make_remote()
    remote.deliver(30)
    remote.sync()
    moving.move(remote.alice, list(remote.ids().values()), remote.folder("Archive"))

    remote.sync()

    assert remote.commands() == {"move": 1}
    assert len(remote.there()["Archive"]) == 30
    assert settled(remote)
    assert ledger_of(remote.account).in_step


def test_what_was_read_before_it_was_moved_arrives_read() -> None:
    """1.7: flags before moves."""
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    mark_seen(remote.alice, list(remote.ids().values()))
    moving.move(remote.alice, list(remote.ids().values()), remote.folder("Archive"))

    remote.sync()
    remote.sync()

    (letter,) = remote.server.folders[b"Archive"].letters.values()
    assert letter.flags == {SEEN}
    assert Placement.objects.get().seen
    assert settled(remote)


# ------------------------------------------------------------------ changes of mind


def test_a_second_move_before_the_first_was_sent_is_one_move() -> None:
    """A→B→C while pending = A→C."""
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    letter = list(remote.ids().values())
    moving.move(remote.alice, letter, remote.folder("Archive"))
    moving.move(remote.alice, letter, remote.folder("Spam"))

    remote.sync()

    assert remote.there() == {"Junk": ["Letter 0"]}
    assert remote.commands() == {"move": 1}
    assert sorted(Intent.objects.values_list("phase", flat=True)) == ["observed", "superseded"]


def test_there_and_back_before_anything_was_sent_sends_nothing() -> None:
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    letter = list(remote.ids().values())
    moving.move(remote.alice, letter, remote.folder("Archive"))
    moving.move(remote.alice, letter, remote.folder("Inbox"))

    remote.sync()

    assert remote.commands() == {}
    assert remote.here() == {"Inbox": ["Letter 0"]}
    assert settled(remote)


@pytest.mark.parametrize("server", SERVERS[:5])
def test_a_change_of_mind_while_the_first_move_is_in_doubt_follows_it(server: dict[str, object]) -> None:
    """A→B sent and unanswered, then →C: both are played, one after the other."""
    remote = make_remote(**server)  # type: ignore[arg-type]
    remote.deliver(1)
    remote.sync()
    letter = list(remote.ids().values())
    moving.move(remote.alice, letter, remote.folder("Archive"))
    step = 1
    while not Intent.objects.exclude(phase=Intent.Phase.PENDING).exists():
        assert remote.sync_cut(step, answered=True)
        step += 1
    moving.move(remote.alice, letter, remote.folder("Spam"))
    assert remote.here() == {"Spam": ["Letter 0"]}

    for _ in range(3):
        remote.sync()

    assert remote.there() == {"Junk": ["Letter 0"]}
    assert remote.here() == {"Spam": ["Letter 0"]}
    assert settled(remote)


def test_undo_within_its_time_leaves_no_trace_on_the_server() -> None:
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    done = moving.move(remote.alice, list(remote.ids().values()), remote.folder("Archive"), rest=moving.UNDO)
    assert Intent.objects.get().next_at > timezone.now() + timedelta(seconds=5)

    assert moving.undo(remote.alice, done.undo) == 1
    remote.sync()

    assert remote.here() == {"Inbox": ["Letter 0"]}
    assert remote.commands() == {}


# ------------------------------------------------------------------ what others do meanwhile


def test_moved_by_another_client_while_our_move_waits_it_goes_where_we_wanted() -> None:
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    moving.move(remote.alice, list(remote.ids().values()), remote.folder("Archive"))
    remote.server.transfer([1], b"INBOX", b"Junk", keep=False)

    for _ in range(3):
        remote.sync()

    assert remote.there() == {"Archive": ["Letter 0"]}
    assert remote.here() == {"Archive": ["Letter 0"]}
    assert settled(remote)
    assert ledger_of(remote.account).in_step


def test_moved_by_another_client_to_the_same_place_nothing_is_sent() -> None:
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    moving.move(remote.alice, list(remote.ids().values()), remote.folder("Archive"))
    remote.server.transfer([1], b"INBOX", b"Archive", keep=False)

    remote.sync()

    assert remote.commands() == {}
    assert remote.here() == {"Archive": ["Letter 0"]}
    assert settled(remote)


def test_expunged_by_another_client_our_move_is_superseded() -> None:
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    moving.move(remote.alice, list(remote.ids().values()), remote.folder("Archive"))
    remote.server.expunge([1])
    remote.sync()
    Placement.objects.update(unlinked_at=timezone.now() - timedelta(hours=1))

    remote.sync()

    assert remote.commands() == {}
    assert Intent.objects.get().phase == Intent.Phase.SUPERSEDED
    assert Message.objects.get().gone_at is not None
    assert ledger_of(remote.account).in_step


def test_moved_on_before_we_read_the_new_folder_it_is_followed() -> None:
    """Our move landed, and a rule of the server carries the letter away at once."""
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    letter = remote.ids()
    moving.move(remote.alice, list(letter.values()), remote.folder("Archive"))
    step = 1
    while not remote.there().get("Archive"):
        remote.sync_cut(step, answered=True)
        step += 1
    remote.server.transfer([1], b"Archive", b"Junk", keep=False)
    remote.sync()
    intent = Intent.objects.get()
    if "landed_at" in intent.evidence:
        intent.evidence["landed_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
        intent.save()

    for _ in range(3):
        remote.sync()

    assert sum(len(subjects) for subjects in remote.there().values()) == 1
    assert remote.ids() == letter
    assert settled(remote)
    assert ledger_of(remote.account).in_step


def test_a_folder_renumbered_while_a_move_waits_loses_nothing() -> None:
    remote = make_remote()
    remote.deliver(4)
    remote.sync()
    ids = remote.ids()
    moving.move(remote.alice, [ids["Letter 2"]], remote.folder("Archive"))
    remote.server.rekey(reverse=True)

    for _ in range(3):
        remote.sync()

    assert remote.there() == {"INBOX": ["Letter 0", "Letter 1", "Letter 3"], "Archive": ["Letter 2"]}
    assert remote.here() == {"Inbox": ["Letter 0", "Letter 1", "Letter 3"], "Archive": ["Letter 2"]}
    assert remote.ids() == ids
    assert settled(remote)


@pytest.mark.parametrize("server", SERVERS[3:4])
def test_the_destination_renumbered_in_doubt_makes_no_second_copy(server: dict[str, object]) -> None:
    """1.7: any identity match counts as copied."""
    remote = make_remote(**server)  # type: ignore[arg-type]
    remote.deliver(1)
    remote.deliver(1, folder=b"Archive", start=7)
    remote.sync()
    moving.move(remote.alice, [remote.ids()["Letter 0"]], remote.folder("Archive"))
    step = 1
    while "Letter 0" not in remote.there().get("Archive", []):
        remote.sync_cut(step, answered=True)
        step += 1
    remote.server.rekey(b"Archive", reverse=True)

    for _ in range(3):
        remote.sync()

    assert remote.there() == {"Archive": ["Letter 0", "Letter 7"]}
    assert remote.here() == {"Archive": ["Letter 0", "Letter 7"]}
    assert settled(remote)


# ------------------------------------------------------------------ refusals


def test_a_folder_that_goes_while_we_move_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRYCREATE: create, and try again."""
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    moving.move(remote.alice, list(remote.ids().values()), remote.folder("Archive"))
    move = MemorySession.move

    def too_late(self: MemorySession, uids: Iterable[int], raw_name: bytes) -> dict[int, int]:
        monkeypatch.undo()
        remote.server.delete_folder(b"Archive")
        return move(self, uids, raw_name)

    monkeypatch.setattr(MemorySession, "move", too_late)
    for _ in range(3):
        remote.sync()

    assert remote.there() == {"Archive": ["Letter 0"]}
    assert remote.here() == {"Archive": ["Letter 0"]}


def test_a_folder_deleted_elsewhere_before_the_move_makes_it_fail_visibly() -> None:
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    moving.move(remote.alice, list(remote.ids().values()), remote.folder("Archive"))
    remote.server.delete_folder(b"Archive")

    remote.sync()

    assert remote.here() == {"Inbox": ["Letter 0"]}
    intent = Intent.objects.get()
    assert (intent.phase, intent.error_kind) == ("failed", "no_such_folder")


def test_trash_is_made_where_the_server_has_none() -> None:
    remote = make_remote(folders=[(b"Archive", "")], delete_policy="trash")
    remote.deliver(1)
    remote.sync()
    moving.delete(remote.alice, list(remote.ids().values()))

    remote.sync()
    remote.sync()

    assert remote.there() == {"Trash": ["Letter 0"]}
    assert remote.here() == {"Trash": ["Letter 0"]}
    assert settled(remote)


def test_a_refused_move_fails_visibly_and_the_letter_is_shown_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OVERQUOTA, NOPERM: the local view returns to base."""
    remote = make_remote()
    remote.deliver(2)
    remote.sync()

    def full(self: MemorySession, uids: object, raw_name: bytes) -> dict[int, int]:
        raise GiveUp(Kind.OVER_QUOTA, "Quota exceeded")

    monkeypatch.setattr(MemorySession, "move", full)
    moving.move(remote.alice, [remote.ids()["Letter 0"]], remote.folder("Archive"))

    result = remote.sync()

    assert result.in_step
    assert remote.here() == {"Inbox": ["Letter 0", "Letter 1"]}
    intent = Intent.objects.get()
    assert (intent.phase, intent.error_kind, intent.error_words) == ("failed", "over_quota", "Quota exceeded")


def test_a_read_only_folder_refuses() -> None:
    remote = make_remote()
    remote.deliver(1)
    remote.sync()
    moving.move(remote.alice, list(remote.ids().values()), remote.folder("Archive"))
    ServerFolder.objects.filter(name="Archive").update(read_only=True)

    remote.sync()

    assert Intent.objects.get().phase == Intent.Phase.FAILED
    assert remote.here() == {"Inbox": ["Letter 0"]}
