"""One suite for every mail server: Dovecot in four capability sets, and the server in memory in the same.

Proves the words of ``MailServer``: what a caller may rely on whoever answers (S1-11, S1-17, S3-11).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from mailroom.core.sync.state import DELETED, FLAGGED, SEEN, Tier
from mailroom.wire.failures import Failure, Kind
from mailroom.wire.imap import ImapSession
from mailroom.wire.mailbox import Exists, MailServer, QResync
from mailroom.wire.memory import MemoryServer
from mailroom.wire.sign_in import Password
from tests.servers import PASSWORD, Dovecot

TIERS = {"full": Tier.QRESYNC, "no_qresync": Tier.CONDSTORE, "no_condstore": Tier.PLAIN, "plain": Tier.PLAIN}


@dataclass
class World:
    """A mailbox of one user, and as many sessions on it as a test wants."""

    tier: Tier
    bare: bool
    """No UIDPLUS and no MOVE."""
    connect: Callable[[], MailServer]


@pytest.fixture(params=[f"{kind}-{name}" for kind in ("dovecot", "memory") for name in TIERS])
def world(
    request: pytest.FixtureRequest, dovecot_of: Callable[[str], Dovecot], mailbox_user: str
) -> Iterator[World]:
    kind, _, name = request.param.partition("-")
    opened: list[MailServer] = []
    if kind == "dovecot":
        server = dovecot_of(name)

        def sign_in() -> MailServer:
            return ImapSession.open(
                server.endpoint(), server.trust, Password(mailbox_user, PASSWORD), timeout=20
            )
    else:
        memory = MemoryServer(tier=TIERS[name], move=name != "plain", uidplus=name != "plain")
        for folder in ("Sent", "Drafts", "Trash", "Junk", "Archive"):
            memory.add_folder(folder.encode(), [f"\\{folder.lower()}"])
        sign_in = memory.open

    def connect() -> MailServer:
        opened.append(sign_in())
        return opened[-1]

    yield World(tier=TIERS[name], bare=name == "plain", connect=connect)
    for session in opened:
        session.close()


def letter(number: int, body: str = "Dzień dobry,\r\nbody\r\n") -> bytes:
    return f"Message-ID: <{number}@test>\r\nSubject: letter {number}\r\n\r\n{body}".encode()


def filled(world: World, count: int) -> MailServer:
    session = world.connect()
    for number in range(1, count + 1):
        session.append(b"INBOX", letter(number))
    session.select(b"INBOX")
    return session


def test_the_tier_is_what_the_server_offers(world: World) -> None:
    session = filled(world, 1)
    assert session.abilities.tier is world.tier
    assert session.tier(session.select(b"INBOX")) is world.tier
    assert (session.abilities.move, session.abilities.uidplus) == (not world.bare, not world.bare)


def test_folders_come_with_roles_and_figures(world: World) -> None:
    session = filled(world, 2)
    folders = {folder.raw_name: folder for folder in session.list_folders()}
    inbox = folders[b"INBOX"]
    assert (inbox.messages, inbox.unseen, inbox.uidnext) == (2, 2, 3)
    assert inbox.uidvalidity
    assert inbox.delimiter == "/"
    assert inbox.selectable
    assert (inbox.highestmodseq is None) == (world.tier is Tier.PLAIN)
    assert inbox.mailbox_id
    assert inbox.mailbox_id != folders[b"Sent"].mailbox_id
    assert b"Trash" in folders


def test_a_folder_name_goes_back_as_it_came(world: World) -> None:
    session = world.connect()
    for raw in (b"Wys&AUI-ane", b'with "quotes"', b"back\\slash", b"a b"):
        session.create_folder(raw)
        session.create_folder(raw)
        assert session.append(raw, letter(1)) in (1, None)
        assert session.select(raw).exists == 1
    listed = {folder.raw_name: folder for folder in session.list_folders()}
    assert listed[b"Wys&AUI-ane"].name == "Wysłane"
    assert listed[b'with "quotes"'].messages == 1
    assert listed[b"back\\slash"].messages == 1


def test_a_missing_folder_is_named_as_such(world: World) -> None:
    session = filled(world, 1)
    for attempt in (
        lambda: session.append(b"Nowhere", letter(1)),
        lambda: session.status(b"Nowhere"),
        lambda: session.select(b"Nowhere"),
    ):
        with pytest.raises(Failure) as caught:
            attempt()
        assert caught.value.kind is Kind.NO_SUCH_FOLDER
        assert caught.value.permanent
    session.select(b"INBOX")
    with pytest.raises(Failure) as caught:
        session.copy([1], b"Nowhere")
    assert caught.value.kind is Kind.NO_SUCH_FOLDER


def test_select_tells_the_numbers(world: World) -> None:
    session = filled(world, 3)
    selected = session.select(b"INBOX")
    assert (selected.exists, selected.uidnext, selected.read_only) == (3, 4, False)
    assert session.exists == 3
    assert selected.uidvalidity > 0
    assert {SEEN, FLAGGED, DELETED} <= selected.permanent_flags
    assert session.select(b"INBOX", read_only=True).read_only
    status = session.status(b"Sent")
    assert (status.messages, status.uidnext) == (0, 1)


def test_bodies_are_the_exact_bytes_and_reading_marks_nothing(world: World) -> None:
    session = world.connect()
    raws = [letter(number, "x" * 5000 * number + "\r\n") for number in range(1, 6)]
    at = datetime(2026, 3, 5, 0, 30, tzinfo=UTC)
    for raw in raws:
        session.append(b"INBOX", raw, flags=[FLAGGED], internaldate=at)
    session.select(b"INBOX")
    fetched = list(session.fetch_bodies([5, 3, 1, 2, 4], sizes={1: 5000, 5: 25000}, budget=20_000))
    assert {message.uid: message.raw for message in fetched} == dict(enumerate(raws, start=1))
    assert fetched[0].uid == 5, "the order of the batches is the caller's"
    assert all(message.flags == {FLAGGED} and message.internaldate == at for message in fetched)
    flags, _ = session.fetch_flags()
    assert all(remote.flags == {FLAGGED} for remote in flags)


def test_headers_come_without_the_body(world: World) -> None:
    session = filled(world, 3)
    fetched = {message.uid: message for message in session.fetch_headers([1, 3, 9])}
    assert sorted(fetched) == [1, 3], "a UID that is not there is missing from the answer"
    assert fetched[3].header == b"Message-ID: <3@test>\r\nSubject: letter 3\r\n\r\n"
    assert fetched[3].raw is None
    assert fetched[3].size == len(letter(3))
    assert (fetched[3].modseq is None) == (world.tier is Tier.PLAIN)


def test_an_abandoned_fetch_does_not_spill_into_the_next_folder(world: World) -> None:
    session = filled(world, 4)
    next(session.fetch_bodies([1, 2, 3, 4], sizes=dict.fromkeys(range(1, 5), 100), budget=100))
    selected = session.select(b"Sent")
    assert (selected.exists, selected.changed) == (0, ())
    assert session.fetch_flags() == ([], [])


def test_flags_are_deltas_and_a_second_client_sees_them(world: World) -> None:
    session, other = filled(world, 2), world.connect()
    session.store_flags([1, 2], add=[SEEN, FLAGGED])
    session.store_flags([2], remove=[FLAGGED])
    session.store_flags([77], add=[SEEN])
    other.select(b"INBOX")
    assert {remote.uid: remote.flags for remote in other.fetch_flags()[0]} == {1: {SEEN, FLAGGED}, 2: {SEEN}}
    assert other.search(b"FLAGGED") == [1]
    assert other.search(b"UNSEEN") == []
    assert other.search(b'HEADER Message-ID "<2@test>"') == [2]


def test_what_changed_since_is_told_by_servers_that_count(world: World) -> None:
    session, other = filled(world, 4), world.connect()
    before = session.select(b"INBOX")
    other.select(b"INBOX")
    other.store_flags([2], add=[SEEN])
    after = session.select(b"INBOX")
    if world.tier is Tier.PLAIN:
        assert before.highestmodseq is None
        return
    assert before.highestmodseq
    assert after.highestmodseq
    assert after.highestmodseq > before.highestmodseq
    changed, _ = session.fetch_flags(changed_since=before.highestmodseq)
    assert [(remote.uid, remote.flags) for remote in changed] == [(2, {SEEN})]
    assert session.fetch_flags(changed_since=after.highestmodseq) == ([], [])


def test_a_resync_tells_changes_and_removals_in_the_answer_to_select(world: World) -> None:
    session, other = filled(world, 5), world.connect()
    if world.bare:
        assert not session.select(b"INBOX", qresync=QResync(1, 1)).resynced
        return
    before = session.select(b"INBOX")
    other.select(b"INBOX")
    other.store_flags([2], add=[SEEN])
    other.store_flags([4, 5], add=[DELETED])
    other.uid_expunge([4, 5])
    known = frozenset({1, 2, 3, 4})
    after = session.select(b"INBOX", qresync=QResync(before.uidvalidity, before.highestmodseq or 1, known))
    assert after.resynced == (world.tier is Tier.QRESYNC)
    if after.resynced:
        assert [remote.uid for remote in after.changed] == [2]
        assert after.vanished == (4,)
        flags, gone = session.fetch_flags(changed_since=before.highestmodseq, vanished=True)
        assert [remote.uid for remote in flags] == [2]
        assert gone == [4]
    stale = session.select(b"INBOX", qresync=QResync(before.uidvalidity + 1, 1, known))
    assert (stale.resynced, stale.changed, stale.vanished) == (False, (), ())


def test_a_listing_says_whether_it_is_complete(world: World) -> None:
    session = filled(world, 3)
    listing = session.listing()
    assert listing.complete
    assert sorted(listing.flags) == [1, 2, 3]
    session.select(b"Sent")
    assert session.listing().complete
    assert not session.listing().flags


def test_moving_and_copying_tell_the_new_uids_where_the_server_does(world: World) -> None:
    session = filled(world, 3)
    copied = session.copy([1, 9], b"Archive")
    assert copied in ([{}, {1: 1}] if world.bare else [{1: 1}]), "a hint; Dovecot gives it unannounced"
    if world.bare:
        with pytest.raises(Failure) as caught:
            session.move([2], b"Archive")
        assert caught.value.kind is Kind.UNSUPPORTED
        return
    assert session.move([2, 3], b"Archive") == {2: 2, 3: 3}
    assert session.search() == [1]
    session.select(b"Archive")
    assert {m.uid: m.raw for m in session.fetch_bodies([1, 2, 3])} == {n: letter(n) for n in (1, 2, 3)}


def test_only_the_marked_among_the_named_are_removed(world: World) -> None:
    session = filled(world, 4)
    session.store_flags([1, 2], add=[DELETED])
    if world.bare:
        with pytest.raises(Failure) as caught:
            session.uid_expunge([1])
        assert caught.value.kind is Kind.UNSUPPORTED
        return
    session.uid_expunge([1, 3])
    assert session.search() == [2, 3, 4]
    assert session.exists == 3


def test_dates_are_found_with_a_day_of_grace(world: World) -> None:
    """S1-17: a start date must not lose the hours around midnight."""
    session = world.connect()
    for day in (1, 9, 10, 11):
        session.append(b"INBOX", letter(day), internaldate=datetime(2026, 3, day, 12, tzinfo=UTC))
    session.select(b"INBOX")
    assert session.search_since(date(2026, 3, 10)) == [2, 3, 4]


def test_a_letter_appended_keeps_its_date_and_flags(world: World) -> None:
    session = world.connect()
    at = datetime(2019, 12, 31, 23, 59, 58, tzinfo=UTC)
    uid = session.append(b"Sent", letter(1), flags=[SEEN, "$Label1"], internaldate=at)
    assert uid in ([None, 1] if world.bare else [1])
    session.select(b"Sent")
    (message,) = session.fetch_bodies([1])
    assert (message.internaldate, message.flags) == (at, {SEEN, "$Label1"})


def test_new_mail_is_heard_while_idling(world: World) -> None:
    session, other = filled(world, 1), world.connect()
    session.idle_start()
    other.append(b"INBOX", letter(2))
    heard = []
    ends_at = time.monotonic() + 10
    while not heard and time.monotonic() < ends_at:
        heard = [event for event in session.idle_events() if isinstance(event, Exists)]
        time.sleep(0.05)
    session.idle_done()
    assert heard == [Exists(2)]
    assert session.search() == [1, 2]


def test_a_closed_session_says_connection_lost(world: World) -> None:
    session = filled(world, 1)
    session.close()
    with pytest.raises(Failure) as caught:
        session.noop()
    assert caught.value.kind is Kind.CONNECTION_LOST
    assert not caught.value.permanent
