"""From an account's row to a signed-in session, and from a failure to what the row keeps of it."""

from __future__ import annotations

from django.conf import settings

from mailroom.actions.health import Trouble
from mailroom.data.mail.models import Account
from mailroom.data.vault.sealing import Sealed
from mailroom.wire.dial import Endpoint, Trust
from mailroom.wire.failures import AskPerson, Failure, GiveUp
from mailroom.wire.imap.session import ImapSession
from mailroom.wire.sign_in import Password

TIMEOUT = 60.0
"""Seconds without progress after which a command has failed."""


def trust() -> Trust:
    """Whom this installation believes and may call."""
    ca_file = settings.MAILROOM_CA_FILE
    return Trust(str(ca_file) if ca_file else None, tuple(settings.MAILROOM_ALLOW_HOSTS))


def incoming(account: Account) -> Endpoint:
    return Endpoint(account.incoming_host, account.incoming_port, account.incoming_encryption)


def outgoing(account: Account) -> Endpoint:
    return Endpoint(account.outgoing_host, account.outgoing_port, account.outgoing_encryption)


def credentials(account: Account) -> Password:
    """The login and its password. Raises :class:`Sealed` when the keys of the installation are lost."""
    return Password(account.login, account.secret.reveal())


def open_mailbox(account: Account, *, timeout: float = TIMEOUT) -> ImapSession:
    """A session signed in to the account's mailbox. Raises Failure, or Sealed."""
    return ImapSession.open(incoming(account), trust(), credentials(account), timeout=timeout)


def trouble_of(error: Failure | Sealed) -> Trouble:
    """What the row keeps of a failure."""
    if isinstance(error, Sealed):
        return Trouble("keys_lost", cure="keys_lost", asks_person=True)
    asks = isinstance(error, AskPerson | GiveUp)
    return Trouble(str(error.kind), error.words, error.cure or "", asks_person=asks)
