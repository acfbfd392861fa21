"""Mailboxes for the tests of the engine: real Dovecots, trusted by the settings of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailroom.engine.readers import READERS
from tests.engine.mailbox import Mailbox, make_mailbox
from tests.servers.certs import Certificates
from tests.servers.dovecot import Dovecot

MakeMailbox = Callable[..., Mailbox]


@pytest.fixture
def mailbox_of(
    dovecot_of: Callable[[str], Dovecot],
    certificates: Certificates,
    mailbox_user: str,
    settings: Any,
    db: None,
) -> MakeMailbox:
    """Make a mailbox on the Dovecot of a capability set: full, no_qresync, no_condstore or plain."""
    settings.MAILROOM_CA_FILE = certificates.ca_file

    def make(capability: str = "full", **fields: Any) -> Mailbox:
        return make_mailbox(dovecot_of(capability), mailbox_user, **fields)

    return make


@pytest.fixture
def mailbox(mailbox_of: MakeMailbox) -> Mailbox:
    """A mailbox on a server that can do everything."""
    return mailbox_of("full")


@pytest.fixture(scope="session", autouse=True)
def readers_end() -> Iterator[None]:
    """Reading processes of first syncs end with the run."""
    yield
    READERS.close()
