"""The demo's IMAP store: pymap's dictionary backend with a user for each mailbox. Everything is memory."""

from __future__ import annotations

import ssl
from argparse import Namespace
from collections.abc import Iterable
from datetime import datetime

from proxyprotocol.noop import ProxyProtocolNoop
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxData, MailboxSet
from pymap.concurrent import Subsystem
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials.flag import Flag
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

from mailroom.demo.cast import Mailbox

STANDARD_FOLDERS = ("Sent", "Drafts", "Spam", "Trash")
INBOX = "INBOX"


class Store:
    """Mailboxes of the demo, each with its folders; its coroutines run in the server's loop only."""

    def __init__(self, mailboxes: Iterable[Mailbox], password: str) -> None:
        self.config = _Quiet(
            Namespace(debug=False),
            host="127.0.0.1",
            port=0,
            demo_data=False,
            demo_user="",
            demo_password="",
            # Plain comparison in the loop: a hash in a thread pool would leave threads behind at the end.
            hash_context=Cleartext(),
            cpu_subsystem=Subsystem.for_asyncio(),
            proxy_protocol=ProxyProtocolNoop(),
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            tls_enabled=False,
            reject_dnsbl=False,
        )
        self.login = Login(self.config)
        self._sets = {mailbox.address: self._open(mailbox, password) for mailbox in mailboxes}
        self._folders = {mailbox.address: mailbox.folders for mailbox in mailboxes}

    def _open(self, mailbox: Mailbox, password: str) -> MailboxSet:
        name = mailbox.address
        self.login.users_dict[name] = UserMetadata(self.config, name, password=password)
        mailbox_set = MailboxSet()
        self.config.set_cache[name] = (mailbox_set, FilterSet())
        return mailbox_set

    async def make_folders(self) -> None:
        """Create and subscribe the standard folders and each mailbox's own."""
        for address, mailbox_set in self._sets.items():
            for folder in (*STANDARD_FOLDERS, *self._folders[address]):
                await mailbox_set.add_mailbox(folder)
                await mailbox_set.set_subscribed(folder, True)

    async def append(
        self, address: str, folder: str, raw: bytes, flags: Iterable[str], internaldate: datetime
    ) -> int:
        """Store one letter; sessions that idle on the folder hear of it. Returns the UID."""
        data: MailboxData = await self._sets[address].get_mailbox(folder)
        wanted = frozenset(Flag(flag.encode("ascii")) for flag in flags)
        message = await data.append(AppendMessage(raw, internaldate, wanted), recent=True)
        return int(message.uid)


class _Quiet(Config):  # type: ignore[misc]  # pymap is untyped for us
    """Pymap's settings without its look-up of the machine's own name (that may ask the network)."""

    @property
    def greeting(self) -> bytes:
        return b"Mailroom demo ready"


__all__ = ["INBOX", "STANDARD_FOLDERS", "Identity", "Store"]
