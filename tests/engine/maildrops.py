"""A POP3 account for tests, on a real Dovecot or on a maildrop that misbehaves; and a session that dies."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from mailroom.actions import health, leases, popping
from mailroom.actions.ledger import Ledger, ledger_of
from mailroom.data.mail.models import Account, Message, Placement, PopUidl
from mailroom.engine import pop3
from mailroom.engine.sync import Result
from mailroom.wire.pop3 import Answer, Pop3Session
from tests.engine.mailbox import make_mailbox

Connect = Callable[[Account], Pop3Session]


@dataclass
class Popped:
    """An account that is fetched by POP3."""

    account: Account

    def run(self, connect: Connect = pop3.open_maildrop) -> Result:
        """One pass as the engine does it, lease included."""
        lease = leases.claim(self.account.pk, "test", timezone.now())
        assert lease is not None
        try:
            result = pop3.pop_account(lease, connect=connect)
            health.finish(lease, in_step=result.in_step, soon=result.soon, at=timezone.now())
        finally:
            leases.release(lease, next_at=None)
        self.account.refresh_from_db()
        return result

    def subjects(self) -> list[str]:
        """What lies in the inbox, each as often as it lies there."""
        placed = Placement.objects.filter(account=self.account, folder__role="inbox")
        return sorted(placed.values_list("message__subject", flat=True))

    def count(self) -> int:
        return Message.objects.filter(account=self.account).count()

    def rows(self) -> Any:
        return PopUidl.objects.filter(account=self.account)

    def ledger(self) -> Ledger:
        return ledger_of(self.account)


def make_popped(host: str, port: int, user: str, **fields: Any) -> Popped:
    """Connect a user of a POP3 server; ``fields`` are columns of the account."""
    columns = {
        "protocol": "pop3",
        "incoming_host": host,
        "incoming_port": port,
        "incoming_encryption": "none",
    }

    class _Nowhere:
        def __init__(self) -> None:
            self.host, self.imaps_port = host, port

    return Popped(make_mailbox(_Nowhere(), user, **columns | fields).account)  # type: ignore[arg-type]


class Killed(BaseException):
    """The process ends here: nothing after it is sent or written."""


@dataclass
class Steps:
    """Counts every command and every write of a pass, and ends the process before the one it is told."""

    die_before: int | None = None
    taken: int = 0
    names: tuple[str, ...] = ()

    def step(self, name: str) -> None:
        self.taken += 1
        self.names += (name,)
        if self.taken == self.die_before:
            raise Killed(name)

    def connect(self, account: Account) -> Pop3Session:
        self.step("connect")
        return _Mortal(pop3.open_maildrop(account), self)  # type: ignore[return-value]

    def watch_writes(self, patch: pytest.MonkeyPatch) -> None:
        """Writes of the pass count as steps, too."""
        for name in ("keep", "apply", "park", "about_to_delete", "deleted", "note_listing"):
            patch.setattr(popping, name, self._counted(name, getattr(popping, name)))

    def _counted(self, name: str, write: Callable[..., None]) -> Callable[..., None]:
        def counted(*arguments: Any, **named: Any) -> None:
            self.step(name)
            write(*arguments, **named)

        return counted


class _Mortal:
    def __init__(self, session: Pop3Session, steps: Steps) -> None:
        self._session = session
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def listing(self) -> Any:
        self._steps.step("listing")
        return self._session.listing()

    def retrieve_each(self, numbers: Iterable[int]) -> Generator[Answer]:
        for answer in self._session.retrieve_each(numbers):
            self._steps.step("retr")
            yield answer

    def delete(self, number: int) -> None:
        self._steps.step("dele")
        self._session.delete(number)

    def quit(self) -> bool:
        self._steps.step("quit")
        return self._session.quit()
