"""The server in memory: planned faults and the second client, on which the engine's tests stand."""

from __future__ import annotations

import pytest

from mailroom.core.sync.state import SEEN
from mailroom.wire.failures import AskPerson, RetryLater
from mailroom.wire.memory import MemoryServer
from mailroom.wire.sign_in import Password


@pytest.mark.parametrize(("answered", "stored"), [(False, 0), (True, 1)])
def test_a_cut_takes_effect_before_or_after_the_call(answered: bool, stored: int) -> None:
    server = MemoryServer()
    session = server.open()
    server.cut(after=1, answered=answered)
    session.noop()
    with pytest.raises(RetryLater):
        session.append(b"INBOX", b"x")
    assert len(server.folders[b"INBOX"].letters) == stored
    with pytest.raises(RetryLater):
        session.noop()
    assert server.open().status(b"INBOX").messages == stored


def test_a_cut_in_the_middle_of_a_fetch_keeps_what_came_before() -> None:
    server = MemoryServer()
    for number in range(4):
        server.deliver(b"%d" % number)
    session = server.open()
    session.select(b"INBOX")
    server.cut(after=2)
    arrived: list[int] = []
    with pytest.raises(RetryLater):
        arrived.extend(message.uid for message in session.fetch_bodies([4, 3, 2, 1]))
    assert arrived == [4, 3]


def test_a_new_uidvalidity_gives_new_uids_and_keeps_the_letters() -> None:
    server = MemoryServer()
    for number in range(3):
        server.deliver(b"%d" % number, flags=[SEEN])
    server.expunge([1])
    session = server.open()
    before = session.select(b"INBOX")
    server.rekey(reverse=True)
    after = session.select(b"INBOX")
    assert after.uidvalidity != before.uidvalidity
    assert {m.uid: m.raw for m in session.fetch_bodies([1, 2])} == {1: b"2", 2: b"1"}


def test_a_renamed_folder_keeps_its_identity() -> None:
    server = MemoryServer()
    identity = server.add_folder(b"Old").mailbox_id
    server.rename_folder(b"Old", b"New")
    folders = {folder.raw_name: folder for folder in server.open().list_folders()}
    assert folders[b"New"].mailbox_id == identity
    server.delete_folder(b"New")
    assert [folder.raw_name for folder in server.open().list_folders()] == [b"INBOX"]


def test_a_password_may_be_asked_for() -> None:
    server = MemoryServer()
    server.password = "right"
    with pytest.raises(AskPerson):
        server.open(Password("anna", "wrong"))
    server.open(Password("anna", "right")).close()
