"""Idle mailboxes in one selector: news is told, silence is renewed, loss is named."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from mailroom.wire.failures import Failure, Kind
from mailroom.wire.imap import ImapSession
from mailroom.wire.mailbox import Exists
from mailroom.wire.memory import MemoryServer
from mailroom.wire.sign_in import Password
from mailroom.wire.watch import Lost, Watcher, Woken
from tests.servers import PASSWORD, Dovecot
from tests.wire.scripted import LOCAL, imap_server


@pytest.fixture
def watcher() -> Iterator[Watcher[str]]:
    watcher: Watcher[str] = Watcher()
    yield watcher
    watcher.close()


def wait_for(watcher: Watcher[str], seconds: float = 10) -> list[tuple[str, Woken | Lost]]:
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if news := watcher.wait(0.2):
            return news
    return []


def test_only_the_mailbox_with_new_mail_wakes(watcher: Watcher[str], dovecot: Dovecot) -> None:
    """A letter must be on the page within three seconds; the notice is the first of them."""
    sessions = {}
    for name in ("idle1", "idle2", "idle3"):
        session = ImapSession.open(dovecot.endpoint(), dovecot.trust, Password(name, PASSWORD), timeout=10)
        session.select(b"INBOX")
        sessions[name] = session
        watcher.add(name, session)
    assert watcher.wait(0.1) == []
    dovecot.deliver("idle2", b"Subject: x\r\n\r\nx\r\n")
    (key, what), *_ = wait_for(watcher)
    assert key == "idle2"
    assert isinstance(what, Woken)
    assert Exists(1) in what.events
    session = watcher.remove("idle2")
    assert session is sessions["idle2"]
    assert session.search() == [1], "any command ends the IDLE"
    watcher.add("idle2", session)
    assert len(watcher) == 3
    for session in sessions.values():
        session.close()


def test_a_mailbox_that_goes_away_is_told_and_forgotten(
    watcher: Watcher[str], dovecot_of: Callable[[str], Dovecot]
) -> None:
    script = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n%T OK\r\n",
        "SELECT .*": b"* OK [UIDNEXT 1]\r\n%T OK\r\n",
        "IDLE": b"+ idling\r\n* BYE Server shutting down\r\n",
    }
    with imap_server(script) as server:
        session = ImapSession.open(server.endpoint(), LOCAL, Password("a", "b"), timeout=3)
        session.select(b"INBOX")
        watcher.add("gone", session)
        ((key, what),) = wait_for(watcher)
    assert key == "gone"
    assert isinstance(what, Lost)
    assert what.failure.kind is Kind.CONNECTION_LOST
    assert "gone" not in watcher


def test_idle_is_renewed_before_servers_stop_telling() -> None:
    """Quirk 63: Exchange falls silent long before the 29 minutes of RFC 2177."""
    now = [0.0]
    server = MemoryServer()
    watcher: Watcher[str] = Watcher(clock=lambda: now[0])
    session = server.open()
    session.select(b"INBOX")
    watcher.add("a", session)
    now[0] = 9 * 60 - 1
    watcher.wait(0)
    assert server.calls.count("idle_start") == 1
    now[0] = 9 * 60 + 1
    watcher.wait(60)
    assert server.calls.count("idle_start") == 2
    session.close()
    watcher.close()


def test_news_that_came_with_the_go_ahead_is_not_lost() -> None:
    """It has left the socket already, so no selector would ever tell of it."""
    script = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n%T OK\r\n",
        "SELECT .*": b"* OK [UIDNEXT 1]\r\n%T OK\r\n",
        "IDLE": b"+ idling\r\n* 5 EXISTS\r\n",
    }
    with imap_server(script) as server:
        watcher: Watcher[str] = Watcher()
        session = ImapSession.open(server.endpoint(), LOCAL, Password("a", "b"), timeout=3)
        session.select(b"INBOX")
        watcher.add("a", session)
        assert wait_for(watcher, 3) == [("a", Woken((Exists(5),)))]
        session.close()
        watcher.close()


def test_a_server_without_idle_is_polled_by_someone_else(watcher: Watcher[str]) -> None:
    session = MemoryServer(idle=False).open()
    session.select(b"INBOX")
    with pytest.raises(Failure) as caught:
        watcher.add("a", session)
    assert caught.value.kind is Kind.UNSUPPORTED
    assert "a" not in watcher


def test_a_session_in_memory_wakes_the_same_selector(watcher: Watcher[str]) -> None:
    server = MemoryServer()
    session = server.open()
    session.select(b"INBOX")
    watcher.add("a", session)
    server.deliver(b"Subject: x\r\n\r\n")
    assert wait_for(watcher) == [("a", Woken((Exists(1),)))]
    session.close()
