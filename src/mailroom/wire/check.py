"""Try the servers of an account, saved or not: separate verdicts, causes named, 15 seconds at most."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from mailroom.core.sync.state import ListedFolder
from mailroom.wire.dial import Endpoint, Trust
from mailroom.wire.failures import Failure, Kind, RetryLater
from mailroom.wire.imap import ImapSession
from mailroom.wire.pop3 import Pop3Session
from mailroom.wire.sign_in import Credentials
from mailroom.wire.smtp import SmtpSession

AT_MOST = 15.0
"""Seconds a person waits for a verdict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a test connection found. ``kind``, ``words`` and ``cure`` are those of the Failure when not ok."""

    ok: bool
    kind: Kind | None = None
    words: str = ""
    cure: str | None = None
    permanent: bool = False
    capabilities: frozenset[str] = frozenset()
    folders: tuple[ListedFolder, ...] = ()


def check_incoming(
    endpoint: Endpoint,
    trust: Trust,
    credentials: Credentials,
    *,
    protocol: str = "imap",
    timeout: float = AT_MOST,
) -> Verdict:
    """Sign in and list the folders, of which POP3 has none; never raises a Failure."""

    def attempt() -> Verdict:
        if protocol == "pop3":
            return _try_maildrop(endpoint, trust, credentials, timeout)
        with ImapSession.open(endpoint, trust, credentials, timeout=timeout) as session:
            folders = tuple(session.list_folders(with_status=False))
            return Verdict(ok=True, capabilities=session.capabilities, folders=folders)

    return _in_time(attempt, timeout)


def _try_maildrop(endpoint: Endpoint, trust: Trust, credentials: Credentials, timeout: float) -> Verdict:
    with Pop3Session.open(endpoint, trust, credentials, timeout=timeout) as session:
        session.sizes()
        return Verdict(ok=True, capabilities=session.capabilities)


def check_outgoing(
    endpoint: Endpoint, trust: Trust, credentials: Credentials | None, *, timeout: float = AT_MOST
) -> Verdict:
    """Sign in to a submission server; nothing is sent. Never raises a Failure."""

    def attempt() -> Verdict:
        with SmtpSession.open(endpoint, trust, credentials, timeout=timeout) as session:
            return Verdict(ok=True, capabilities=session.features)

    return _in_time(attempt, timeout)


def _in_time(attempt: Callable[[], Verdict], timeout: float) -> Verdict:
    """Run in a thread of its own: the steps have deadlines each, but a person waits for the sum of them."""
    found: list[Verdict] = []
    broken: list[BaseException] = []

    def run() -> None:
        try:
            found.append(attempt())
        except Failure as failure:
            found.append(_refused(failure))
        except BaseException as error:  # noqa: BLE001 - carried over to the caller's thread
            broken.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout)
    if broken:
        raise broken[0]
    return found[0] if found else _refused(RetryLater(Kind.TIMEOUT, "timed out"))


def _refused(failure: Failure) -> Verdict:
    return Verdict(
        ok=False, kind=failure.kind, words=failure.words, cure=failure.cure, permanent=failure.permanent
    )
