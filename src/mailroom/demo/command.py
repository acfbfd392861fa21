"""The demo company as a whole: its mail server, its cast, its news, and what a visitor is told.

Nothing here starts a process: the command line serves what is prepared here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from django.db import connections
from django.utils import timezone

from mailroom.demo.cast import CAST
from mailroom.demo.letters import letters
from mailroom.demo.seeding import Seeded, Sight, seed
from mailroom.demo.server import PASSWORD, DemoMail, Ports
from mailroom.demo.trickle import News, Trickle

SEED: Final = 7


class DemoHouse:
    """The mail server with all mail in it, and the cast in the database; `close` ends both."""

    def __init__(self) -> None:
        self._at = timezone.now()
        self._mail = DemoMail(CAST)
        self._trickle: Trickle | None = None
        self._ports: Ports | None = None

    def fill_mailboxes(self) -> int:
        """Start the servers and put every letter in; returns how many. Needs no table."""
        self._ports = self._mail.start()
        return self._mail.load(letters(self._at, seed=SEED, cast=CAST))

    def move_in(self) -> Seeded:
        """Make the cast known on an empty database, its mailboxes pointing at the servers here."""
        if self._ports is None:
            raise RuntimeError("the mailboxes are filled first, so that a first sync finds all mail")
        try:
            return seed(CAST, self._ports, password=PASSWORD)
        finally:
            connections.close_all()

    def let_news_in(self) -> None:
        """From now on new letters arrive, and clients answer what is sent to them."""
        self._trickle = Trickle(
            self._mail, News(CAST, loaded_at=self._at, seed=SEED), clock=timezone.now, seed=SEED
        )
        self._mail.when_sent(self._trickle.hear)
        self._trickle.start()

    def close(self) -> None:
        """No more news, no more servers. Twice does no harm."""
        if self._trickle is not None:
            self._trickle.stop()
        self._mail.stop()


def words_of_welcome(address: str, seeded: Seeded, place: Path) -> str:
    """What a visitor reads once the page answers."""
    return "\n".join(
        (
            f"Mailroom is at {address}",
            "",
            f"{CAST.firm_name} makes shop furniture in Poznań. Sign in as one of them:",
            "",
            *(line for sight in seeded.sights for line in _lines_of(sight)),
            "",
            f"Password: {PASSWORD}",
            f"API token ({seeded.administrator.name}): {seeded.token}",
            "",
            f"Nothing leaves this machine. Ctrl-C ends the demo and removes its data ({place}).",
        )
    )


def _lines_of(sight: Sight) -> Sequence[str]:
    colleague = sight.colleague
    return (f"  {colleague.address:<36}{colleague.name}, {colleague.role}", f"    {_reads(sight)}")


def _reads(sight: Sight) -> str:
    if sight.everything:
        return "reads every mailbox"
    mailboxes = ", ".join(sight.mailboxes)
    cards = ", ".join(sight.on_cards)
    match bool(mailboxes), bool(cards):
        case True, True:
            return f"reads {mailboxes}; on cards also {cards}"
        case True, False:
            return f"reads {mailboxes}"
        case False, True:
            return f"has no mailbox; on cards reads {cards}"
        case _:
            return "has no mailbox"
