"""The demo's mail server: real conversations over IMAP and SMTP, push, misbehaving names, a clean end."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from io import BufferedRWPair

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from mailroom.demo.cast import CAST
from mailroom.demo.letters import letters
from mailroom.demo.server import HOST, DemoMail, Ports
from mailroom.demo.sink import SentLetter

AT = datetime(2026, 3, 12, 11, 30, tzinfo=UTC)
SALES = "oferty@warta-meble.example"
ANNA = "anna.zielinska@warta-meble.example"
BILLS = "faktury@warta-meble.example"
GIULIA = "giulia@panificiomoretti.example"


@pytest.fixture
def mail() -> Iterator[DemoMail]:
    server = DemoMail(clock=lambda: AT)
    yield server
    server.stop()


@pytest.fixture
def ports(mail: DemoMail) -> Ports:
    return mail.start()


@pytest.fixture
def imap(mail: DemoMail, ports: Ports) -> Iterator[IMAPClient]:
    client = sign_in(ports, SALES, mail.password)
    client.select_folder("INBOX")
    yield client
    client.shutdown()


def sign_in(ports: Ports, address: str, password: str) -> IMAPClient:
    client = IMAPClient(HOST, ports.imap, ssl=False, timeout=10)
    try:
        client.login(address, password)
    except LoginError:
        client.shutdown()
        raise
    return client


def submission(ports: Ports, mail: DemoMail, *, timeout: float = 10) -> smtplib.SMTP:
    smtp = smtplib.SMTP(HOST, ports.smtp, timeout=timeout)
    smtp.login(ANNA, mail.password)
    return smtp


def a_letter(to: str, subject: str = "Oferta") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ANNA, to, subject
    message["Message-ID"] = "<one@warta-meble.example>"
    message.set_content("Dzień dobry, oferta w załączniku.\n")
    return message


def test_every_mailbox_serves_what_was_loaded_byte_for_byte(mail: DemoMail, ports: Ports) -> None:
    loaded = letters(AT)
    assert mail.load(loaded) == len(loaded)
    for mailbox in CAST.mailboxes:
        with sign_in(ports, mailbox.address, mail.password) as client:
            for folder in ("INBOX", "Sent", "Drafts", "Spam", "Trash", *mailbox.folders):
                wanted = [x for x in loaded if (x.mailbox, x.folder) == (mailbox.address, folder)]
                assert client.select_folder(folder, readonly=True)[b"EXISTS"] == len(wanted)
                if not wanted:
                    continue
                got = client.fetch("1:*", ["BODY.PEEK[]", "FLAGS", "INTERNALDATE", "BODYSTRUCTURE"])
                pairs = zip(wanted, (got[uid] for uid in sorted(got)), strict=True)
                for letter, item in pairs:
                    assert item[b"BODY[]"] == letter.raw
                    flags = {flag.decode() for flag in item[b"FLAGS"]} - {"\\Recent"}
                    assert flags == set(letter.flags)


def test_folders_are_listed_and_subscribed(imap: IMAPClient) -> None:
    expected = {"INBOX", "Sent", "Drafts", "Spam", "Trash", "Projekty", "Spedycja"}
    assert {name for _, _, name in imap.list_folders()} == expected
    assert {name for _, _, name in imap.list_sub_folders()} == expected


def test_the_capabilities_that_the_engine_falls_back_on(imap: IMAPClient) -> None:
    assert {b"UIDPLUS", b"MOVE", b"IDLE", b"MULTIAPPEND"} <= set(imap.capabilities())
    assert not {b"CONDSTORE", b"QRESYNC", b"SPECIAL-USE"} & set(imap.capabilities())


def test_a_wrong_password_and_an_unknown_mailbox_are_refused(ports: Ports, mail: DemoMail) -> None:
    for login, password in ((SALES, "wrong"), ("nobody@warta-meble.example", mail.password)):
        with pytest.raises(LoginError):
            sign_in(ports, login, password)


def test_a_delivered_letter_is_announced_to_an_idling_client_within_a_second(
    mail: DemoMail, ports: Ports
) -> None:
    """By a socket: IMAPClient gives up when a line of an IDLE arrives in two pieces."""
    with socket.create_connection((HOST, ports.imap), 10) as line, line.makefile("rwb") as server:
        say(server, f'a LOGIN "{SALES}" "{mail.password}"', until=b"a OK")
        say(server, "b SELECT INBOX", until=b"b OK")
        say(server, "c IDLE", until=b"+")
        mail.deliver(SALES, a_letter(SALES).as_bytes())
        line.settimeout(1)
        assert next(told for told in server if b"EXISTS" in told).strip() == b"* 1 EXISTS"


def say(server: BufferedRWPair, command: str, *, until: bytes) -> None:
    """One command, and its answer up to the line that ends it."""
    server.write(command.encode() + b"\r\n")
    server.flush()
    while answer := server.readline():
        if answer.startswith(until):
            return
    raise AssertionError(f"no answer to {command}")


def test_two_sessions_see_each_others_flags_and_flags_last(
    mail: DemoMail, ports: Ports, imap: IMAPClient
) -> None:
    uid = mail.deliver(SALES, a_letter(SALES).as_bytes())
    imap.noop()
    with sign_in(ports, SALES, mail.password) as other:
        other.select_folder("INBOX")
        other.add_flags([uid], [b"\\Seen", b"\\Flagged"])
    imap.noop()
    assert {b"\\Seen", b"\\Flagged"} <= set(imap.get_flags([uid])[uid])
    with sign_in(ports, SALES, mail.password) as third:
        third.select_folder("INBOX", readonly=True)
        assert {b"\\Seen", b"\\Flagged"} <= set(third.get_flags([uid])[uid])


def test_a_moved_letter_leaves_one_folder_and_appears_in_the_other(mail: DemoMail, imap: IMAPClient) -> None:
    uid = mail.deliver(SALES, a_letter(SALES).as_bytes())
    imap.noop()
    imap.move([uid], "Projekty")
    assert imap.search("ALL") == []
    assert imap.select_folder("Projekty")[b"EXISTS"] == 1


def test_uid_expunge_removes_only_what_is_named(mail: DemoMail, imap: IMAPClient) -> None:
    first, second = (mail.deliver(SALES, a_letter(SALES).as_bytes()) for _ in range(2))
    imap.noop()
    imap.delete_messages([first, second])
    imap.uid_expunge([first])
    assert imap.search("ALL") == [second]


def test_a_letter_sent_to_colleagues_arrives_once_in_each_mailbox(
    mail: DemoMail, ports: Ports, imap: IMAPClient
) -> None:
    with submission(ports, mail) as smtp:
        to = [SALES, "SALES@warta-meble.example", BILLS]
        assert smtp.send_message(a_letter(SALES), ANNA, to) == {}
    for address in (SALES, BILLS):
        with sign_in(ports, address, mail.password) as client:
            assert client.select_folder("INBOX")[b"EXISTS"] == 1
            raw = next(iter(client.fetch("1:*", ["BODY.PEEK[]"]).values()))[b"BODY[]"]
            assert raw.startswith(b"Return-Path: <" + ANNA.encode())
            assert b"Message-ID: <one@warta-meble.example>" in raw


def test_clients_are_accepted_told_of_and_get_nothing(mail: DemoMail, ports: Ports) -> None:
    heard: list[SentLetter] = []
    mail.when_sent(heard.append)
    with submission(ports, mail) as smtp:
        assert smtp.send_message(a_letter(GIULIA), ANNA, [GIULIA]) == {}
    assert [(sent.login, sent.recipients, sent.sent_at) for sent in heard] == [(ANNA, (GIULIA,), AT)]
    assert b"Subject: Oferta" in heard[0].raw


def test_nobody_sends_without_signing_in(ports: Ports) -> None:
    with smtplib.SMTP(HOST, ports.smtp, timeout=10) as smtp:
        smtp.ehlo()
        assert smtp.mail("x@warta-meble.example")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(ANNA, "wrong")


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("temperror@panificiomoretti.example", 451),
        ("permerror@panificiomoretti.example", 550),
        ("421@panificiomoretti.example", 421),
        ("nobody@warta-meble.example", 550),
        ("somebody@gmail.com", 550),
        ("pawel.sroka@warta-meble.example", 250),
        ("unknown@anything.example", 250),
    ],
)
def test_recipients_are_treated_as_their_names_say(
    mail: DemoMail, ports: Ports, recipient: str, code: int
) -> None:
    with submission(ports, mail) as smtp:
        smtp.mail(ANNA)
        assert smtp.rcpt(recipient)[0] == code


def test_a_recipient_named_timeout_leaves_the_sender_waiting(mail: DemoMail, ports: Ports) -> None:
    smtp = submission(ports, mail, timeout=0.5)
    smtp.mail(ANNA)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        smtp.rcpt("timeout@panificiomoretti.example")
    smtp.close()


def test_stop_ends_the_thread_although_clients_are_connected() -> None:
    before = set(threading.enumerate())
    mail = DemoMail(clock=lambda: AT)
    ports = mail.start()
    client = sign_in(ports, SALES, mail.password)
    client.select_folder("INBOX")
    client.idle()
    smtp = submission(ports, mail)
    mail.stop()
    mail.stop()
    assert set(threading.enumerate()) == before
    client.shutdown()
    smtp.close()
    with pytest.raises(RuntimeError, match="not running"):
        mail.deliver(SALES, b"")


def test_two_demos_run_side_by_side(mail: DemoMail, ports: Ports) -> None:
    other = DemoMail(clock=lambda: AT)
    try:
        assert set(vars_of(other.start())).isdisjoint(vars_of(ports))
    finally:
        other.stop()


def vars_of(ports: Ports) -> tuple[int, int]:
    return ports.imap, ports.smtp
