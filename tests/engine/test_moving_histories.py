"""Random histories: a person moves and deletes here, another client there, and the power fails in between."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from mailroom.actions import moving, purging
from mailroom.actions.ledger import ledger_of
from mailroom.actions.reading import mark_seen
from mailroom.actions.refusals import Clash
from mailroom.core.sync.state import Tier
from mailroom.data.mail.models import Intent, Message, Placement
from tests.engine.remote import Remote, make_remote

pytestmark = pytest.mark.django_db

FOLDERS = ("Inbox", "Archive", "Spam", "Trash")
SERVERS = {
    "full": {"tier": Tier.QRESYNC},
    "no_qresync": {"tier": Tier.CONDSTORE},
    "no_move": {"tier": Tier.CONDSTORE, "move": False},
    "plain": {"tier": Tier.PLAIN, "move": False, "uidplus": False},
}
LETTERS, STROKES = 6, 14


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("policy", ["keep", "trash", "purge"])
@pytest.mark.parametrize("server", SERVERS)
def test_nothing_is_lost_and_both_sides_agree_in_the_end(server: str, policy: str, seed: int) -> None:
    """Goals 1, 3, 4 and 5: every wish lands, is superseded, or failed visibly."""
    dice = random.Random(f"{server}/{policy}/{seed}")
    remote = make_remote(delete_policy=policy, **SERVERS[server])  # type: ignore[arg-type]
    remote.alice.can_purge = True
    remote.alice.save()
    remote.deliver(LETTERS)
    remote.sync()
    ids = remote.ids()
    purged: set[str] = set()
    tokens: list[str] = []
    blurred: set[str] = set()
    for _ in range(STROKES):
        _stroke(dice, remote, ids, purged, tokens, blurred)

    _quiesce(remote)

    everything = Counter(subject for subjects in remote.there().values() for subject in subjects)
    # A half-finished copy that another client carries off may be made twice: never lost, and never else.
    assert all(everything[name] <= 1 for name in ids.keys() - blurred), everything
    # Purged on the server by the policy, or there: never lost.
    missing = ids.keys() - {subject.rstrip("*") for subject in everything}
    assert missing <= (purged if policy == "purge" else set())
    assert Message.objects.filter(account=remote.account).count() == LETTERS
    assert not Intent.objects.filter(phase__in=Intent.LIVE).exists()
    assert ledger_of(remote.account).in_step
    _agree(remote, purged)
    before = remote.commands()
    remote.sync()
    assert remote.commands() == before


def _stroke(
    dice: random.Random,
    remote: Remote,
    ids: dict[str, int],
    purged: set[str],
    tokens: list[str],
    blurred: set[str],
) -> None:
    alive = sorted(ids.keys() - purged)
    some = dice.sample(alive, min(len(alive), dice.randint(1, 2)))
    picked = [ids[name] for name in some]
    match dice.randint(0, 9):
        case 0 | 1:
            tokens.append(moving.move(remote.alice, picked, remote.folder(dice.choice(FOLDERS[:3]))).undo)
        case 2:
            tokens.append(moving.delete(remote.alice, picked).undo)
        case 3:
            lying = Message.objects.filter(pk__in=picked, fate="trash").values_list("subject", "pk")
            purged |= {name for name, _ in lying}
            purging.purge(remote.alice, [pk for _, pk in lying])
        case 4:
            mark_seen(remote.alice, picked, seen=dice.random() < 0.7)
        case 5 if tokens:
            token = dice.choice([one for one in tokens if one] or [""])
            if token:
                with suppress(Clash):
                    moving.undo(remote.alice, token)
        case 6:
            blurred |= _elsewhere(dice, remote)
        case 7:
            remote.sync()
        case _:
            remote.sync_cut(dice.randint(1, 25), answered=dice.random() < 0.5)


def _elsewhere(dice: random.Random, remote: Remote) -> set[str]:
    """What another client does; it removes nothing for good, so nothing may be missing in the end.

    Returns the letters that were on their way by our doing when it came.
    """
    under_way = Intent.objects.filter(kind="move", phase__in=["copying", "copied"])
    crossed = set(under_way.values_list("message__subject", flat=True))
    folders = list(remote.server.folders.values())
    source, target = dice.sample(folders, 2)
    uids = [uid for uid, one in source.letters.items() if "\\Deleted" not in one.flags]
    if uids and dice.random() < 0.8:
        remote.server.transfer([dice.choice(uids)], source.raw_name, target.raw_name, keep=False)
    elif uids:
        remote.server.set_flags([dice.choice(uids)], source.raw_name, add=["\\Flagged"])
    else:
        remote.server.rekey(target.raw_name, reverse=True)
    return crossed


def _quiesce(remote: Remote) -> None:
    for _ in range(8):
        for intent in Intent.objects.filter(evidence__has_key="landed_at"):
            intent.evidence["landed_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
            intent.save()
        Placement.objects.exclude(unlinked_at=None).update(unlinked_at=timezone.now() - timedelta(hours=1))
        remote.sync()


def _agree(remote: Remote, purged: set[str]) -> None:
    """Each copy on the server has its place here, under its number; nothing here points nowhere."""
    there = {
        (name.decode(), uid): folder.letters[uid].flags & {"\\Seen", "\\Flagged"}
        for name, folder in remote.server.folders.items()
        for uid in folder.letters
    }
    live = Placement.objects.filter(account=remote.account, state=Placement.State.LIVE)
    here = {
        (name, uid): set(local.split()) & {"\\Seen", "\\Flagged"}
        for name, uid, local in live.values_list("server_folder__name", "uid", "local")
    }
    assert here == there
    assert set(live.filter(message__fate="purged").values_list("message__subject", flat=True)) <= {""}
    shown = {subject for subjects in remote.here().values() for subject in subjects}
    assert shown == set(remote.ids()) - purged - {""}
