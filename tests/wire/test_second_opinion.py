"""IMAPClient reads the same Dovecot and must see what we see: flags, dates, bytes, names."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import imapclient

from mailroom.wire.imap import ImapSession
from mailroom.wire.sign_in import Password
from tests.servers import PASSWORD, Dovecot


def test_another_client_reads_the_same_mailbox_alike(dovecot: Dovecot, mailbox_user: str) -> None:
    ours = ImapSession.open(dovecot.endpoint(), dovecot.trust, Password(mailbox_user, PASSWORD), timeout=10)
    ours.create_folder(b"Wys&AUI-ane/A &- B")
    for number in range(1, 21):
        raw = f"Subject: {number}\r\n\r\n{'zażółć ' * number}\r\n)\r\n* 1 FETCH (\r\n".encode()
        flags = ["\\Seen"] * (number % 2) + ["$Work"] * (number % 3 == 0)
        ours.append(b"INBOX", raw, flags=flags, internaldate=datetime(2026, 2, number, 7, tzinfo=UTC))
    ours.select(b"INBOX")
    mine = {message.uid: message for message in ours.fetch_bodies(range(1, 21))}
    names = {folder.name for folder in ours.list_folders()}
    ours.logout()

    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with imapclient.IMAPClient("localhost", dovecot.imaps_port, ssl_context=context) as theirs:
        theirs.login(mailbox_user, PASSWORD)
        theirs.normalise_times = False
        assert {name for _, _, name in theirs.list_folders()} == names
        theirs.select_folder("INBOX", readonly=True)
        answers = theirs.fetch(theirs.search(), ["FLAGS", "INTERNALDATE", "BODY.PEEK[]", "MODSEQ"])
    assert sorted(answers) == sorted(mine)
    for uid, answer in answers.items():
        assert answer[b"BODY[]"] == mine[uid].raw
        assert {flag.decode() for flag in answer[b"FLAGS"]} - {"\\Recent"} == mine[uid].flags
        assert answer[b"INTERNALDATE"] == mine[uid].internaldate
        assert answer[b"MODSEQ"][0] == mine[uid].modseq
