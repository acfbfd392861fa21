"""Moves and deletions on a real Dovecot, told apart by what it offers; IMAPClient is the second opinion."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from imapclient import IMAPClient

from mailroom.actions import moving, purging
from mailroom.actions.ledger import ledger_of
from mailroom.data.mail.models import Access, Account, Folder, Intent, Message
from mailroom.data.people.models import User
from mailroom.engine.connecting import open_mailbox
from mailroom.wire.failures import Failure, Kind, RetryLater
from mailroom.wire.mailbox import MailServer
from tests import letters
from tests.engine.conftest import MakeMailbox
from tests.engine.faults import Faults
from tests.engine.mailbox import Mailbox
from tests.servers.dovecot import PASSWORD

pytestmark = [pytest.mark.dovecot]

SERVERS = ("full", "no_qresync", "no_condstore", "no_move", "plain")
CHANGING = ("move", "copy", "store_flags", "uid_expunge", "append", "create_folder")


class Cut:
    """Sessions that count what changes the server, and die at one call, before or after its effect."""

    def __init__(self, at: int | None = None, *, answered: bool = False) -> None:
        self.at, self.answered = at, answered
        self.calls: list[str] = []

    def connect(self, account: Account) -> MailServer:
        return _Mortal(open_mailbox(account), self)

    @property
    def changes(self) -> list[str]:
        return [name for name in self.calls if name in CHANGING]


class _Mortal:
    def __init__(self, session: MailServer, cut: Cut) -> None:
        self._session, self._cut = session, cut

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._session, name)
        if not callable(found) or name in ("close", "logout", "tier"):
            return found

        def call(*args: Any, **how: Any) -> Any:
            self._cut.calls.append(name)
            dies = len(self._cut.calls) == self._cut.at
            if dies and not self._cut.answered:
                self._die()
            answer = found(*args, **how)
            if dies:
                self._die()
            return answer

        return call

    def _die(self) -> None:
        self._session.close()
        raise RetryLater(Kind.CONNECTION_LOST, "killed by the test")


@contextmanager
def second_opinion(mailbox: Mailbox) -> Iterator[IMAPClient]:
    trusted = ssl.create_default_context(cafile=str(mailbox.server.ca_file))
    with IMAPClient(mailbox.server.host, mailbox.server.imaps_port, ssl_context=trusted) as client:
        client.login(mailbox.user, PASSWORD)
        yield client


def there(mailbox: Mailbox) -> dict[str, list[str]]:
    """Folder to the subjects in it, marked ones with a star."""
    found: dict[str, list[str]] = {}
    with second_opinion(mailbox) as client:
        for _, _, name in client.list_folders():
            client.select_folder(name, readonly=True)
            fetched = client.fetch(client.search(), ["ENVELOPE", "FLAGS"])
            told = [
                one[b"ENVELOPE"].subject.decode() + "*" * (b"\\Deleted" in one[b"FLAGS"])
                for one in fetched.values()
            ]
            if told:
                found[name] = sorted(told)
    return found


@pytest.fixture
def alice(db: None) -> User:
    return letters.user(can_purge=True)


def a_mailbox(
    mailbox_of: MakeMailbox, capability: str, alice: User, count: int = 3, **fields: Any
) -> Mailbox:
    mailbox = mailbox_of(capability, **fields)
    Access.objects.create(account=mailbox.account, user=alice)
    mailbox.deliver(count)
    mailbox.sync()
    return mailbox


def folder(mailbox: Mailbox, name: str) -> Folder:
    return Folder.objects.get(account=mailbox.account, name=name)


def settled(mailbox: Mailbox) -> bool:
    return not Intent.objects.filter(account=mailbox.account, phase__in=Intent.LIVE).exists()


@pytest.mark.parametrize("capability", SERVERS)
def test_moved_here_it_lies_there_with_its_history(
    mailbox_of: MakeMailbox, capability: str, alice: User
) -> None:
    """S1-13, P13: on every kind of server; no body is fetched again; the next pass sends nothing."""
    mailbox = a_mailbox(mailbox_of, capability, alice)
    ids = mailbox.ids()
    faults = Faults()

    moving.move(alice, [ids["Letter 1"]], folder(mailbox, "Archive"))
    mailbox.sync(connect=faults.connect)
    result = mailbox.sync(connect=faults.connect)

    left = ["Letter 0", "Letter 1*", "Letter 2"] if capability == "plain" else ["Letter 0", "Letter 2"]
    assert there(mailbox) == {"INBOX": left, "Archive": ["Letter 1"]}
    assert mailbox.ids("Archive") == {"Letter 1": ids["Letter 1"]}
    assert faults.bodies == []
    assert result.in_step
    assert settled(mailbox)
    cut = Cut()
    mailbox.sync(connect=cut.connect)
    assert cut.changes == []


@pytest.mark.parametrize("capability", ["full", "no_move", "plain"])
@pytest.mark.parametrize("answered", [False, True])
def test_killed_at_every_command_it_comes_to_the_same_end(
    mailbox_of: MakeMailbox, capability: str, answered: bool, alice: User
) -> None:
    """1.22, goals 2 and 6: after every kill the letter is there once, and here once."""
    mailbox = a_mailbox(mailbox_of, capability, alice, count=1)
    targets = [folder(mailbox, "Archive"), folder(mailbox, "Inbox")]
    step, died = 1, True
    while died:
        target = targets[(step - 1) % 2]
        moving.move(alice, list(Message.objects.values_list("pk", flat=True)), target)
        cut = Cut(step, answered=answered)
        died = _dies(mailbox, cut)
        mailbox.account.intents.update(next_at=mailbox.account.created_at)
        mailbox.sync()
        mailbox.sync()
        name = "Archive" if target.name == "Archive" else "INBOX"
        found = there(mailbox)
        assert found[name] == ["Letter 0"], step
        assert sum(subjects.count("Letter 0") for subjects in found.values()) == 1, step
        assert Message.objects.count() == 1
        assert settled(mailbox), step
        assert ledger_of(mailbox.account).in_step, step
        _expunge(mailbox)
        step += 1
    assert step > 6


def _dies(mailbox: Mailbox, cut: Cut) -> bool:
    try:
        mailbox.sync(connect=cut.connect)
    except Failure:
        return True
    return False


def _expunge(mailbox: Mailbox) -> None:
    """Another client tidies up what is marked."""
    with second_opinion(mailbox) as client:
        for _, _, name in client.list_folders():
            client.select_folder(name)
            client.expunge()
    mailbox.sync()


@pytest.mark.parametrize("capability", SERVERS)
def test_another_client_moves_the_same_letter_meanwhile(
    mailbox_of: MakeMailbox, capability: str, alice: User
) -> None:
    mailbox = a_mailbox(mailbox_of, capability, alice)
    ids = mailbox.ids()
    moving.move(alice, [ids["Letter 1"]], folder(mailbox, "Archive"))
    with second_opinion(mailbox) as client:
        client.select_folder("INBOX")
        client.copy([2], "Junk")
        client.delete_messages([2])
        client.expunge()

    for _ in range(3):
        mailbox.account.intents.update(next_at=mailbox.account.created_at)
        mailbox.sync()

    found = there(mailbox)
    assert found["Archive"] == ["Letter 1"]
    assert sum(subjects.count("Letter 1") for subjects in found.values()) == 1
    assert mailbox.ids("Archive") == {"Letter 1": ids["Letter 1"]}
    assert settled(mailbox)
    assert ledger_of(mailbox.account).in_step


@pytest.mark.parametrize(
    ("policy", "deleted", "purged"),
    [
        ("keep", [], []),
        ("trash", ["move"], []),
        ("purge", [], ["store_flags", "uid_expunge"]),
    ],
)
def test_what_each_policy_sends(
    mailbox_of: MakeMailbox, policy: str, deleted: list[str], purged: list[str], alice: User
) -> None:
    """C2, S3-24, S4-09, goal 13: counted in commands that change the server."""
    mailbox = a_mailbox(mailbox_of, "full", alice, delete_policy=policy)
    letter = [mailbox.ids()["Letter 1"]]
    first, second = Cut(), Cut()

    moving.delete(alice, letter)
    mailbox.sync(connect=first.connect)
    purging.purge(alice, letter)
    mailbox.sync(connect=second.connect)
    mailbox.sync(connect=second.connect)

    assert (first.changes, second.changes) == (deleted, purged)
    places = {"keep": "INBOX", "trash": "Trash", "purge": None}
    found = there(mailbox)
    assert [name for name, subjects in found.items() if "Letter 1" in subjects] == [
        place for place in [places[policy]] if place
    ]
    assert mailbox.ids().keys() - {""} == {"Letter 0", "Letter 2"}
    assert settled(mailbox)
    assert ledger_of(mailbox.account).in_step


def test_many_letters_are_moved_by_one_command_and_no_body_comes_again(
    mailbox_of: MakeMailbox, alice: User
) -> None:
    mailbox = a_mailbox(mailbox_of, "full", alice, count=600)
    cut = Cut()
    moving.move(alice, list(mailbox.ids().values()), folder(mailbox, "Archive"))

    mailbox.sync(connect=cut.connect)

    assert cut.changes == ["move"]
    assert "fetch_bodies" not in cut.calls
    assert len(there(mailbox)["Archive"]) == 600
    assert settled(mailbox)
    assert ledger_of(mailbox.account).in_step
