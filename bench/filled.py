"""A database filled with made-up letters, through the product's own ingest, without a mail server."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

WORDS = """faktura zamówienie płatność oferta dostawa termin klient umowa łóżko szafa regał ordine fattura
 pagamento consegna sconto qualità città perché invoice order delivery offer price meeting contract review"""
VOCABULARY = 6000
BATCH = 1000


@dataclass(frozen=True)
class Filled:
    """Where to look: ids for the benchmarks."""

    user_id: int
    account_ids: tuple[int, ...]
    inbox_ids: tuple[int, ...]
    busy_address_id: int
    usual_address_id: int


def set_up(url: str = "") -> None:
    """Django on a throw-away data directory; ``url`` names a PostgreSQL database instead of SQLite."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "mailroom.config.settings"
    os.environ["MAILROOM_DATA_DIR"] = tempfile.mkdtemp(prefix="mailroom-bench-")
    if url:
        os.environ["DATABASE_URL"] = url
    import django

    django.setup()
    from django.core.management import call_command

    Path(os.environ["MAILROOM_DATA_DIR"]).mkdir(exist_ok=True)
    call_command("migrate", verbosity=0)


def fill(letters: int, *, accounts: int = 10, seed: int = 7) -> Filled:
    """``letters`` letters over ``accounts`` mailboxes, two users in three read them all."""
    from django.utils import timezone
    from tests import letters as made

    from mailroom.actions.ingest import Batch, store
    from mailroom.data.contacts.models import Address
    from mailroom.data.mail.models import Folder, Participant

    alice = made.user("Alice")
    boxes = [made.account(f"box{n}@firm.example", users=[alice]) for n in range(accounts)]
    inboxes = [Folder.objects.get(account=box, role="inbox") for box in boxes]
    source = _letters(letters, random.Random(seed))
    for start in range(0, letters, BATCH):
        box = (start // BATCH) % accounts
        arrivals = tuple(
            _arrival(inboxes[box], letter, start + n) for n, letter in enumerate(_take(source, BATCH))
        )
        store(Batch(boxes[box].pk, arrivals, timezone.now(), announce=False))
    counts = sorted(
        (Participant.objects.filter(address=pk).count(), pk)
        for pk in Address.objects.filter(host="client.example").values_list("pk", flat=True)
    )
    return Filled(
        alice.pk,
        tuple(box.pk for box in boxes),
        tuple(inbox.pk for inbox in inboxes),
        counts[-1][1],
        counts[len(counts) // 2][1],
    )


def _take(source: Iterator[object], most: int) -> Iterator[object]:
    for _ in range(most):
        found = next(source, None)
        if found is None:
            return
        yield found


def _letters(number: int, dice: random.Random) -> Iterator[object]:
    from mailroom.core.address import Address
    from mailroom.core.letter import read_header

    blank = read_header(b"From: a@b.example\r\n\r\n")
    words = WORDS.split()
    vocabulary = words + [f"{dice.choice(words)}{n}" for n in range(VOCABULARY)]
    weights = [1 / (n + 3) for n in range(len(vocabulary))]
    people = [Address(f"Person {n}", f"person{n}", "client.example") for n in range(1500)]
    begin = datetime(2022, 1, 1, tzinfo=UTC)
    mids: list[str] = []
    for n in range(number):
        words = dice.choices(vocabulary, weights, k=60)
        answers = dice.choice(mids[-400:]) if mids and dice.random() < 0.55 else None
        mids.append(f"{n}.{dice.getrandbits(32):08x}@client.example")
        text = " ".join(words)
        sender = people[int(1500 * dice.random() ** 2)]
        yield dataclasses.replace(
            blank,
            message_id=mids[-1],
            in_reply_to=(answers,) if answers else (),
            date=begin + timedelta(seconds=n * 1200),
            subject=("Re: " if answers else "") + " ".join(words[:6]),
            base_subject=" ".join(words[:6]),
            from_=(sender,),
            to=(Address("Box", "box0", "firm.example"),),
            cc=tuple(dice.sample(people, dice.choice([0, 0, 1, 2]))),
            text=text,
            new_text=text,
            snippet=text[:150],
            letter_key=hashlib.blake2b(mids[-1].encode(), digest_size=16).digest(),
        )


def _arrival(inbox: object, letter: object, uid: int) -> object:
    from mailroom.actions.ingest import Arrival
    from mailroom.core.sync.state import SEEN
    from mailroom.data.blobs.keeping import Kept
    from mailroom.data.mail.models import ServerFolder

    digest = hashlib.sha256(uid.to_bytes(8, "big")).digest()
    place = ServerFolder.objects.get(folder=inbox)
    seen = frozenset({SEEN}) if uid % 10 else frozenset()
    return Arrival(letter, place.folder_id, Kept(digest, 2000, 900), 2000, place.pk, 1, uid + 1, seen)  # type: ignore[arg-type]
