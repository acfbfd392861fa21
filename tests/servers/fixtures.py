"""The servers as pytest fixtures, one of each kind per run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.servers.certs import Certificates
from tests.servers.dovecot import Dovecot
from tests.servers.smtp_sink import SmtpSink


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="session")
def dovecot_of(certificates: Certificates) -> Iterator[Callable[[str], Dovecot]]:
    """Give the running Dovecot of a capability set: full, no_qresync, no_condstore, plain."""
    with ExitStack() as stack:
        running: dict[str, Dovecot] = {}

        def give(capability: str) -> Dovecot:
            if capability not in running:
                running[capability] = stack.enter_context(Dovecot(capability, certificates=certificates))
            return running[capability]

        yield give


@pytest.fixture(scope="session")
def dovecot(dovecot_of: Callable[[str], Dovecot]) -> Dovecot:
    return dovecot_of("full")


@pytest.fixture(scope="session")
def smtp_sink(certificates: Certificates, dovecot: Dovecot) -> Iterator[SmtpSink]:
    """Takes mail for anybody and delivers it into the Dovecot mailbox of the same address."""
    with SmtpSink(certificates, deliver_to=dovecot) as sink:
        yield sink


_names = itertools.count(1)


@pytest.fixture
def mailbox_user() -> str:
    """A mailbox name that no other test uses."""
    return f"user{next(_names)}@firma.example"
