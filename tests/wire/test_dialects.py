"""Transcripts of servers that deviate: quirks 9-52 of the survey, each by a server that says it so."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mailroom.core.sync.state import SEEN, Tier
from mailroom.wire.failures import Failure, Kind, OurBug
from mailroom.wire.imap import ImapSession
from mailroom.wire.imap.grammar import Data, Reader
from mailroom.wire.imap.listing import listed_folder
from mailroom.wire.mailbox import Alert, Exists, FolderStatus, QResync, Vanished
from mailroom.wire.sign_in import Password
from tests.wire.scripted import LOCAL, Script, Scripted, imap_server, read_line, serve

SELECTED = (
    b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
    b"* OK [PERMANENTFLAGS (\\Seen \\Deleted)] limited\r\n"
    b"* 3 EXISTS\r\n* 0 RECENT\r\n"
    b"* OK [UIDVALIDITY 11]\r\n* OK [UIDNEXT 10] next\r\n"
    b"%T OK [READ-WRITE] done\r\n"
)
FULL = b"* CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC ESEARCH UIDPLUS MOVE IDLE LITERAL+\r\n%T OK\r\n"

Open = Callable[..., tuple[ImapSession, Scripted]]


@pytest.fixture
def session_of() -> Iterator[Open]:
    """Sign in to a scripted server."""
    with ExitStack() as stack:

        def open_session(script: Script, timeout: float = 3.0) -> tuple[ImapSession, Scripted]:
            server = stack.enter_context(imap_server({r"(SELECT|EXAMINE) .*": SELECTED, **script}))
            session = ImapSession.open(server.endpoint(), LOCAL, Password("anna", "x"), timeout=timeout)
            stack.callback(session.close)
            return session, server

        yield open_session


def test_id_is_sent_after_sign_in_and_before_select(session_of: Open) -> None:
    """Quirk 30: 163.com calls a login without ID unsafe."""
    session, server = session_of({})
    session.select(b"INBOX")
    verbs = [command.split()[0] for command in server.heard]
    assert verbs == [b"CAPABILITY", b"LOGIN", b"CAPABILITY", b"ID", b"SELECT"]


def test_bodies_are_asked_with_peek_never_as_rfc822(session_of: Open) -> None:
    """Quirk 31: iCloud answers RFC822 with nothing; without PEEK reading would mark."""
    session, server = session_of(
        {r"UID FETCH .*": b"* 1 FETCH (UID 1 FLAGS () BODY[] {3}\r\nabc)\r\n%T OK\r\n"}
    )
    session.select(b"INBOX")
    assert [message.raw for message in session.fetch_bodies([1])] == [b"abc"]
    assert b"BODY.PEEK[]" in server.heard[-1]
    assert b"RFC822" not in server.heard[-1]


@pytest.mark.parametrize(
    ("answer", "raw", "flags"),
    [
        (
            b"(BODY[] {2}\r\nab FLAGS (\\SEEN) UID 1 X-NEW (a (b)) RFC822.SIZE 2)",
            b"ab",
            {SEEN},
        ),  # 41: other order
        (b'(UID 1 FLAGS (\\seen \\Recent) BODY[] "ab")', b"ab", {SEEN}),
        (b"(UID 1 FLAGS () BODY[] NIL)", None, set()),  # 1.12: never an empty message taken as whole
        (b"(UID 1 FLAGS () body[] {2}\r\nab)", b"ab", set()),
        (b'(UID 1 FLAGS () BODY[] "")', b"", set()),
        (b"(UID 1 FLAGS (\\Seen \\) BODY[] {0}\r\n)", b"", {SEEN}),  # 34: an empty flag
        (b"(UID 1 FLAGS () BODY[] ~{2}\r\nab)", b"ab", set()),
        (
            b"(UID 1 FLAGS () BODY[] {2}\r\nab BODYSTRUCTURE (NIL NIL (NIL)",
            b"ab",
            set(),
        ),  # 33: torn structure
    ],
)
def test_fetch_answers_are_read_by_name(
    session_of: Open, answer: bytes, raw: bytes | None, flags: set[str]
) -> None:
    session, _ = session_of({r"UID FETCH .*": b"* 1 FETCH " + answer + b"\r\n%T OK\r\n"})
    session.select(b"INBOX")
    (message,) = session.fetch_bodies([1])
    assert (message.raw, message.flags) == (raw, flags)


def test_an_answer_in_pieces_is_put_together(session_of: Open) -> None:
    session, _ = session_of(
        {
            r"UID FETCH .*": b"* 1 FETCH (UID 1 BODY[] {2}\r\nab)\r\n* 4 EXISTS\r\n"
            b"* 2 FETCH (FLAGS (\\Seen))\r\n"
            b'* 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE " 5-Mar-2024 00:30:00 +0200")\r\n%T OK\r\n'
        }
    )
    session.select(b"INBOX")
    (message,) = session.fetch_bodies([1])
    assert (message.raw, message.flags) == (b"ab", {SEEN})
    assert message.internaldate is not None
    assert message.internaldate.isoformat() == "2024-03-04T22:30:00+00:00"
    assert Exists(4) in session.events
    assert session.exists == 4


def test_a_broken_answer_costs_only_itself(session_of: Open) -> None:
    """Quirk 32: unescaped quotes inside an answer; the next line is read afresh."""
    session, _ = session_of(
        {
            r"UID FETCH .*": b'* 1 FETCH (UID 1 ENVELOPE ("x "y" z" NIL FLAGS ()\r\nrubbish\r\n'
            b"* 2 FETCH (UID 2 FLAGS () BODY[] {2}\r\nab)\r\n%T OK\r\n"
        }
    )
    session.select(b"INBOX")
    assert [message.uid for message in session.fetch_bodies([1, 2])] == [2]


@pytest.mark.parametrize(
    ("line", "raw_name", "name", "delimiter"),
    [
        (b'* LIST (\\HasNoChildren \\) "." "Wys&AUI-ane"', b"Wys&AUI-ane", "Wysłane", "."),  # 34, 53: home.pl
        ('* LIST () "/" "Wysłane"'.encode(), "Wysłane".encode(), "Wysłane", "/"),  # 35, 38: raw 8-bit
        (b'* LIST () "/" "A & B &AUI-"', b"A & B &AUI-", "A & B ł", "/"),  # 36: & not escaped
        (b'* LIST () "/" "&broken"', b"&broken", "&broken", "/"),
        (b'* LIST () "/" "&AAA-x"', b"&AAA-x", "\ufffdx", "/"),
        (b'* LIST () "/" "\xff\xfe"', b"\xff\xfe", "ÿþ", "/"),
        (b"* LIST () NIL INBOX", b"INBOX", "INBOX", None),
        (b'* LIST () "/" inbox', b"INBOX", "INBOX", "/"),
        (b'* LIST (\\Noselect) "\\\\" "a\\\\b"', b"a\\b", "a\\b", "\\"),
        (b'* LIST () "\\" Foo', b"Foo", "Foo", "\\"),
        (b'* LIST () "/" "a "quoted" name"', b'a "quoted" name', 'a "quoted" name', "/"),
        (b'* LIST () "/" two words', b"two words", "two words", "/"),
        (b'* LIST () "/" NIL', b"NIL", "NIL", "/"),
        (b'* LIST () "/" Foo (CHILDINFO ("SUBSCRIBED"))', b"Foo", "Foo", "/"),
        (b'* LIST () "/" {9}\r\nline\r\nend', b"line\r\nend", "line\ufffd\ufffdend", "/"),
    ],
)
def test_folder_names_are_kept_raw_and_shown_as_well_as_can_be(
    line: bytes, raw_name: bytes, name: str, delimiter: str | None
) -> None:
    reader = Reader()
    reader.feed(line + b"\r\n")
    response = reader.next_response()
    assert isinstance(response, Data)
    folder = listed_folder(response)
    assert folder is not None
    assert (folder.raw_name, folder.name, folder.delimiter) == (raw_name, name, delimiter)


def test_a_raw_name_goes_back_byte_for_byte(session_of: Open) -> None:
    """Quirks 35 and 37: 8-bit as a literal of its byte length, the rest in quotes."""
    session, server = session_of({})
    for raw in ("Wysłane".encode(), b"Wys&AUI-ane", b"[Gmail]/Kosz"):
        session.select(raw)
    assert server.heard[-3] == b"SELECT {8}\nWys\xc5\x82ane"
    assert server.heard[-2:] == [b'SELECT "Wys&AUI-ane"', b'SELECT "[Gmail]/Kosz"']


@pytest.mark.parametrize("evil", [b'a"\r\nm9 DELETE INBOX\r\n', b"a\0b", b"{5+}", b'x" (', b"a\nb"])
def test_no_name_can_end_the_command(session_of: Open, evil: bytes) -> None:
    """Quirk 100: text that reaches IMAP stays one argument."""
    session, server = session_of({})
    session.select(evil)
    assert all(command.split()[0] != b"DELETE" for command in server.heard)
    sent = server.heard[-1].removeprefix(b"SELECT ")
    if sent.startswith(b"{"):
        assert sent == b"{%d}\n%s" % (len(evil), evil)
    else:
        assert sent == b'"' + evil.replace(b'"', b'\\"') + b'"'


@pytest.mark.parametrize("text", [b"ALL\r\nx", b"ALL\0"])
def test_a_line_break_in_a_search_is_our_bug_and_is_not_sent(session_of: Open, text: bytes) -> None:
    session, server = session_of({})
    session.select(b"INBOX")
    before = len(server.heard)
    with pytest.raises(OurBug):
        session.search(text)
    with pytest.raises(OurBug):
        session.store_flags([1], add=["bad flag"])
    session.select(b"INBOX")
    assert len(server.heard) == before + 1


def test_sets_are_rising_merged_and_short(session_of: Open) -> None:
    """Quirks 39 and 40: QQ refuses falling sets, Exchange and Zimbra long ones."""
    session, server = session_of({r"UID STORE .*": b"%T OK\r\n"})
    session.select(b"INBOX")
    session.store_flags([9, 3, 1, 2, 2], add=[SEEN])
    assert server.heard[-1] == b"UID STORE 1:3,9 +FLAGS.SILENT (\\Seen)"
    before = len(server.heard)
    session.store_flags(range(1_000_000_000, 1_000_004_000, 2), add=[SEEN])
    commands = server.heard[before:]
    assert all(len(command) <= 4096 and command.count(b",") < 500 for command in commands)
    assert sum(command.count(b",") + 1 for command in commands) == 2000


def test_search_sends_no_charset(session_of: Open) -> None:
    """Quirk 42: Microsoft refuses a CHARSET."""
    session, server = session_of({r"UID SEARCH .*": b"* SEARCH 3 1\r\n* SEARCH 2 (MODSEQ 9)\r\n%T OK\r\n"})
    session.select(b"INBOX")
    assert session.search(b"UNSEEN") == [1, 2, 3]
    assert server.heard[-1] == b"UID SEARCH UNSEEN"


def test_an_empty_status_is_no_figures(session_of: Open) -> None:
    """Quirk 44."""
    session, _ = session_of({r"STATUS .*": b'* STATUS "box" ()\r\n%T OK\r\n'})
    assert session.status(b"box") == FolderStatus()


def test_a_bare_plus_is_a_go_ahead(session_of: Open) -> None:
    """Quirk 45."""
    session, server = session_of(
        {r"CAPABILITY": FULL, r"ENABLE .*": b"%T OK\r\n", r"IDLE": b"+\r\n", r"DONE": b""}
    )
    session.select(b"INBOX")
    session.idle_start()
    session.idle_events()
    assert server.heard[-1] == b"IDLE"


@pytest.mark.parametrize("code", [b"", b" [APPENDUID 1]", b" [APPENDUID 5 x]", b" [APPENDUID 0 0]"])
def test_an_append_without_a_usable_uid_is_still_done(session_of: Open, code: bytes) -> None:
    """Quirks 46 and 47."""
    session, server = session_of({r"APPEND .*": b"%T OK" + code + b"\r\n"})
    assert session.append(b"Sent", b"a: b\r\n\r\nc\r\n") is None
    assert server.heard[-1].endswith(b"{10}\na: b\r\n\r\nc\r\n") or b"{" in server.heard[-1]


def test_an_append_refused_before_its_bytes_leaves_the_session_in_step() -> None:
    """All common servers answer NO before the literal; bytes sent anyway would be read as commands."""

    def refuse_literals(line: socket.socket, server: Scripted) -> None:
        line.sendall(b"* OK ready\r\n")
        while command := read_line(line, server):
            tag, _, rest = command.rstrip().partition(b" ")
            server.heard.append(rest)
            refused = rest.startswith(b"APPEND")
            line.sendall(tag + (b" NO [TRYCREATE] no such folder\r\n" if refused else b" OK\r\n"))

    with serve(refuse_literals) as server:
        session = ImapSession.open(server.endpoint(), LOCAL, Password("a", "b"), timeout=3)
        with pytest.raises(Failure) as caught:
            session.append(b"Nowhere", b"A1 DELETE INBOX\r\n" * 1000)
        session.noop()
        session.close()
    assert caught.value.kind is Kind.NO_SUCH_FOLDER
    assert server.heard[-2:] == [b'APPEND "Nowhere" () {17000}', b"NOOP"]


def test_copyuid_with_impossible_numbers_is_ignored(session_of: Open) -> None:
    """Quirk 3: COPYUID 0; also unequal lists."""
    for code in (b"[COPYUID 0 0 0]", b"[COPYUID 7 1:2 9]", b"[COPYUID 7 * 5]", b"[COPYUID]"):
        session, _ = session_of({r"UID COPY .*": b"%T OK " + code + b" done\r\n"})
        session.select(b"INBOX")
        assert session.copy([1], b"x") == {}


def test_uidnext_missing_is_asked_for(session_of: Open) -> None:
    """Quirk 9: Courier does not say it at SELECT."""
    bare = SELECTED.replace(b"* OK [UIDNEXT 10] next\r\n", b"")
    session, _ = session_of(
        {r"SELECT .*": bare, r"STATUS .*": b"* STATUS INBOX (MESSAGES 3 UIDNEXT 12)\r\n%T OK\r\n"}
    )
    assert session.select(b"INBOX").uidnext == 12


@pytest.mark.parametrize("line", [b"* OK [HIGHESTMODSEQ 0]\r\n", b"* OK [NOMODSEQ]\r\n", b""])
def test_a_folder_that_does_not_count_is_plain(session_of: Open, line: bytes) -> None:
    """Quirk 13: HIGHESTMODSEQ 0 in a folder of a server with CONDSTORE."""
    script = {r"CAPABILITY": FULL, r"ENABLE .*": b"* ENABLED QRESYNC\r\n%T OK\r\n"}
    session, _ = session_of({**script, r"SELECT .*": line + SELECTED})
    selected = session.select(b"INBOX", qresync=QResync(11, 5, frozenset({1})))
    assert (selected.highestmodseq, selected.resynced) == (None, False)
    assert session.abilities.tier is Tier.QRESYNC
    assert session.tier(selected) is Tier.PLAIN


def test_a_code_without_text_is_read(session_of: Open) -> None:
    """Quirk 16: Gmail says HIGHESTMODSEQ without a word behind it."""
    session, _ = session_of(
        {r"CAPABILITY": FULL.replace(b" QRESYNC", b""), r"ENABLE .*": b"* ENABLED CONDSTORE\r\n%T OK\r\n",
         r"SELECT .*": b"* OK [HIGHESTMODSEQ 7]\r\n" + SELECTED}
    )  # fmt: skip
    selected = session.select(b"INBOX")
    assert selected.highestmodseq == 7
    assert session.tier(selected) is Tier.CONDSTORE


def test_qresync_that_is_not_confirmed_is_not_used(session_of: Open) -> None:
    """Quirk 12: iCloud offers QRESYNC and does not confirm it."""
    session, server = session_of({r"CAPABILITY": FULL, r"ENABLE .*": b"%T OK\r\n"})
    session.select(b"INBOX", qresync=QResync(11, 5))
    assert server.heard[-1] == b'SELECT "INBOX" (CONDSTORE)'


def test_a_vanished_that_empties_the_world_is_cut_to_what_we_hold(session_of: Open) -> None:
    """Quirks 10, 11, 14: the endless range, the explicit last UID, and VANISHED at any time."""
    session, server = session_of(
        {
            r"CAPABILITY": FULL,
            r"ENABLE .*": b"* ENABLED QRESYNC\r\n%T OK\r\n",
            r"SELECT .*": b"* OK [HIGHESTMODSEQ 9]\r\n* VANISHED (EARLIER) 1:4294967295\r\n" + SELECTED,
            r"UID FETCH .*": b"* VANISHED (EARLIER) 2:4294967295\r\n* VANISHED 8\r\n"
            b"* 3 FETCH (UID 8 FLAGS ())\r\n%T OK\r\n",
        }
    )
    selected = session.select(b"INBOX", qresync=QResync(11, 5, frozenset({2, 3, 8})))
    assert selected.vanished == (2, 3, 8)
    flags, gone = session.fetch_flags(changed_since=5, vanished=True)
    assert (flags, gone) == ([], [2, 3, 8])
    assert server.heard[-1] == b"UID FETCH 1:4294967295 (UID FLAGS MODSEQ) (CHANGEDSINCE 5 VANISHED)"
    assert Vanished(((8, 8),)) in session.events


def test_an_absurd_answer_to_search_is_a_failure_not_a_memory_hole(session_of: Open) -> None:
    session, _ = session_of(
        {r"CAPABILITY": FULL, r"ENABLE .*": b"%T OK\r\n",
         r"UID SEARCH .*": b'* ESEARCH (TAG "m9") UID ALL 1:4294967295\r\n%T OK\r\n'}
    )  # fmt: skip
    session.select(b"INBOX")
    with pytest.raises(Failure) as caught:
        session.search()
    assert caught.value.kind is Kind.PROTOCOL


def test_esearch_is_asked_and_read(session_of: Open) -> None:
    session, server = session_of(
        {r"CAPABILITY": FULL, r"ENABLE .*": b"%T OK\r\n",
         r"UID SEARCH .*": b'* ESEARCH (TAG "m9") UID ALL 5:7,1\r\n%T OK\r\n'}
    )  # fmt: skip
    session.select(b"INBOX")
    assert session.search() == [1, 5, 6, 7]
    assert server.heard[-1] == b"UID SEARCH RETURN (ALL) ALL"


def test_an_alert_is_kept_for_a_person(session_of: Open) -> None:
    session, _ = session_of({r"NOOP": b"* OK [ALERT] Your mailbox is nearly full\r\n%T OK\r\n"})
    session.noop()
    assert Alert("Your mailbox is nearly full") in session.events


def test_old_servers_are_listed_by_xlist(session_of: Open) -> None:
    session, _ = session_of(
        {r"CAPABILITY": b"* CAPABILITY IMAP4rev1 XLIST\r\n%T OK\r\n",
         r"XLIST .*": b'* XLIST (\\Inbox) "/" Odebrane\r\n'
         b'* XLIST (\\Sent) "/" "[Gmail]/Wys&AUI-ane"\r\n%T OK\r\n',
         r"STATUS .*": b"%T NO no rights\r\n"}
    )  # fmt: skip
    folders = session.list_folders()
    assert [(folder.name, sorted(folder.attributes)) for folder in folders] == [
        ("Odebrane", ["\\inbox"]), ("[Gmail]/Wysłane", ["\\sent"]),
    ]  # fmt: skip


def test_one_folder_without_rights_does_not_hide_the_others(session_of: Open) -> None:
    session, _ = session_of(
        {r"LIST .*": b'* LIST () "/" a\r\n* LIST () "/" b\r\n* LIST (\\NoSelect) "/" c\r\n%T OK\r\n',
         r'STATUS "a".*': b"%T NO [NOPERM] denied\r\n",
         r'STATUS "b".*': b"* STATUS b (MESSAGES 4)\r\n%T OK\r\n"}
    )  # fmt: skip
    assert [folder.messages for folder in session.list_folders()] == [None, 4, None]


def test_an_offer_that_is_not_understood_falls_back(session_of: Open) -> None:
    session, server = session_of(
        {r"CAPABILITY": b"* CAPABILITY IMAP4rev1 LIST-STATUS SPECIAL-USE\r\n%T OK\r\n",
         r"LIST .*RETURN.*": b"%T BAD what\r\n",
         r'LIST "" "\*"': b'* LIST () "/" a\r\n%T OK\r\n',
         r"STATUS .*": b"* STATUS a (MESSAGES 4 UIDNEXT 0)\r\n%T OK\r\n"}
    )  # fmt: skip
    (folder,) = session.list_folders()
    assert (folder.messages, folder.uidnext) == (4, None)
    assert server.heard[-2] == b'LIST "" "*"'
