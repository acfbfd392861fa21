"""A session in front of a real one that counts what is fetched, and fails where a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from mailroom.core.sync.state import Fetched
from mailroom.data.mail.models import Account
from mailroom.engine.connecting import open_mailbox
from mailroom.wire.failures import Kind, RetryLater
from mailroom.wire.mailbox import MailServer


@dataclass
class Faults:
    """What to do wrong; one object serves all sessions of a test."""

    break_after: int | None = None
    """The connection is lost after so many bodies."""
    spoil: Callable[[Fetched], Fetched] | None = None
    """Changes a message on its way."""
    bodies: list[int] = field(default_factory=list)
    """UIDs whose bodies were fetched, in order."""

    def connect(self, account: Account) -> MailServer:
        return _Faulty(open_mailbox(account), self)  # type: ignore[return-value]


class _Faulty:
    def __init__(self, session: MailServer, faults: Faults) -> None:
        self._session = session
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def fetch_bodies(self, uids: Iterable[int], **how: Any) -> Iterator[Fetched]:
        faults = self._faults
        for message in self._session.fetch_bodies(uids, **how):
            if faults.break_after is not None and len(faults.bodies) >= faults.break_after:
                self._session.close()
                raise RetryLater(Kind.CONNECTION_LOST, "cut by the test")
            faults.bodies.append(message.uid)
            yield faults.spoil(message) if faults.spoil else message


def without_bytes(*uids: int) -> Callable[[Fetched], Fetched]:
    """The server gives NIL for these."""
    return lambda message: replace(message, raw=None) if message.uid in uids else message
