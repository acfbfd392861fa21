"""Passes over POP3 maildrops: nothing lost, nothing twice, nothing deleted that is not committed.

S1-01, S1-02, S1-03, S1-07, S5-27, C1, C2; sync engine 1.16 and 1.22; goal 16; quirk 69.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailroom.actions import leases, moving, parking, popping, purging
from mailroom.actions.consequences import Effect
from mailroom.core.sync.maildrop import Outcome
from mailroom.data.mail.models import (
    Access,
    Account,
    Folder,
    Intent,
    Message,
    News,
    Parked,
    Placement,
    ServerFolder,
)
from mailroom.engine import loop
from mailroom.engine.passes import pass_over
from mailroom.wire.dial import Encryption, Endpoint
from mailroom.wire.failures import Failure, Kind
from mailroom.wire.pop3 import Pop3Session
from mailroom.wire.sign_in import Password
from tests import letters
from tests.engine.mailbox import Mailbox
from tests.engine.maildrops import Killed, Popped, Steps, make_popped
from tests.engine.test_loop import sync_process
from tests.servers.certs import Certificates
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.maildrop import Kept, Maildrop, maildrop
from tests.wire.scripted import HANG_UP

REMOVE = Account.DeletePolicy.AFTER_DOWNLOAD


def letter(number: int, **how: Any) -> bytes:
    return letters.raw(f"Letter {number}", mid=f"{number}@x.example", minutes=number, **how)


@pytest.fixture
def popped_of(
    dovecot: Dovecot, certificates: Certificates, mailbox_user: str, settings: Any, db: None
) -> Callable[..., Popped]:
    """Make a POP3 account on the real Dovecot."""
    settings.MAILROOM_CA_FILE = certificates.ca_file

    def make(**fields: Any) -> Popped:
        fields = {"incoming_encryption": "starttls", **fields}
        return make_popped(dovecot.host, dovecot.pop3_port, mailbox_user, **fields)

    return make


def account_on(drop: Maildrop, **fields: Any) -> Popped:
    return make_popped("127.0.0.1", drop.port, "anna@x.example", **fields)


# ------------------------------------------------------------------ a real server


@pytest.mark.dovecot
def test_ten_runs_with_letters_left_on_the_server_give_one_copy(
    popped_of: Callable[..., Popped], dovecot: Dovecot
) -> None:
    """S1-02, S1-03, S5-27: by default nothing is removed, and all lies in the inbox, unread."""
    popped = popped_of()
    for number in range(5):
        dovecot.deliver(popped.account.email, letter(number))

    results = [popped.run() for _ in range(10)]

    assert all(result.in_step for result in results)
    assert popped.subjects() == [f"Letter {n}" for n in range(5)]
    assert popped.count() == 5
    assert len(dovecot.letters(popped.account.email)) == 5
    assert popped.ledger().as_dict() == {
        "on_server": 5, "stored": 5, "waiting": 0, "filtered": 0, "before_start": 0, "parked": 0, "purged": 0,
    }  # fmt: skip
    inbox = Folder.objects.get(account=popped.account, role="inbox")
    assert (inbox.total, inbox.unread) == (5, 5)
    assert set(Placement.objects.values_list("server_folder", "uid")) == {(None, None)}


@pytest.mark.dovecot
def test_a_quiet_pass_writes_no_row_of_mail(popped_of: Callable[..., Popped], dovecot: Dovecot) -> None:
    """Goal 4."""
    popped = popped_of()
    dovecot.deliver(popped.account.email, letter(1))
    popped.run()
    popped.run()
    with CaptureQueriesContext(connection) as queries:
        popped.run()
    writes = [one["sql"] for one in queries if one["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]
    assert [sql for sql in writes if "lease_" not in sql and "fail_count" not in sql] == []


@pytest.mark.dovecot
def test_removed_after_download_and_the_bytes_are_here(
    popped_of: Callable[..., Popped], dovecot: Dovecot
) -> None:
    """S1-03: the server is empty, the letters are whole."""
    from mailroom.data.blobs.keeping import content_of

    popped = popped_of(delete_policy=REMOVE)
    raws = [letter(n, body="x" * 5000 + "\r\n.\r\n") for n in range(3)]
    for raw in raws:
        dovecot.deliver(popped.account.email, raw)

    result = popped.run()

    assert result.in_step
    assert dovecot.letters(popped.account.email) == []
    stored = Message.objects.filter(account=popped.account).select_related("blob")
    assert sorted(content_of(one.blob) for one in stored if one.blob) == sorted(raws)
    assert popped.ledger().on_server == popped.ledger().stored == 0
    assert all(row.dele_sent_at and row.saved_at and row.gone_at for row in popped.rows())
    popped.run()
    assert len(popped.subjects()) == 3


@pytest.mark.dovecot
def test_removed_after_some_days(popped_of: Callable[..., Popped], dovecot: Dovecot) -> None:
    """Section 1.16: counted from when it was saved."""
    popped = popped_of(delete_policy=REMOVE, keep_days=7)
    dovecot.deliver(popped.account.email, letter(1))
    popped.run()
    assert len(dovecot.letters(popped.account.email)) == 1
    popped.rows().update(saved_at=timezone.now() - timedelta(days=7))

    popped.run()

    assert dovecot.letters(popped.account.email) == []
    assert popped.subjects() == ["Letter 1"]


@pytest.mark.dovecot
def test_another_client_that_removes_letters_takes_none_of_ours(
    popped_of: Callable[..., Popped], dovecot: Dovecot
) -> None:
    """S1-05, goal 16: two clients."""
    popped = popped_of()
    for number in range(3):
        dovecot.deliver(popped.account.email, letter(number))
    popped.run()
    way = Endpoint(dovecot.host, dovecot.pop3_port, Encryption.STARTTLS)
    with Pop3Session.open(way, dovecot.trust, Password(popped.account.email, PASSWORD)) as other:
        other.delete(1)
        other.delete(3)
    dovecot.deliver(popped.account.email, letter(3))

    result = popped.run()

    assert result.in_step
    assert popped.subjects() == [f"Letter {n}" for n in range(4)]
    assert (popped.ledger().on_server, popped.ledger().stored) == (2, 2)


@pytest.mark.dovecot
def test_while_another_client_holds_the_maildrop_we_wait(
    popped_of: Callable[..., Popped], dovecot: Dovecot
) -> None:
    """Both at once: whoever comes second is told, or served; nothing is lost either way."""
    popped = popped_of(delete_policy=REMOVE)
    dovecot.deliver(popped.account.email, letter(1))
    way = Endpoint(dovecot.host, dovecot.pop3_port, Encryption.STARTTLS)
    with Pop3Session.open(way, dovecot.trust, Password(popped.account.email, PASSWORD)) as other:
        assert other.sizes()
        popped.run()
        other.delete(1)
    popped.run()
    assert popped.subjects() == ["Letter 1"]
    assert popped.ledger().on_server == 0


@pytest.mark.dovecot
@pytest.mark.parametrize("policy", [Account.DeletePolicy.KEEP, REMOVE])
def test_killed_before_any_step_and_run_again_it_comes_to_the_same_end(
    popped_of: Callable[..., Popped], dovecot: Dovecot, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 1.22, goal 6: RETR … commit, commit … DELE, DELE … QUIT, QUIT … row."""
    die_before, finished = 0, False
    while not finished:
        die_before += 1
        popped = _fresh(popped_of, dovecot, policy)
        user = popped.account.email
        steps = Steps(die_before)
        with monkeypatch.context() as patch:
            steps.watch_writes(patch)
            try:
                popped.run(steps.connect)
                finished = True
            except Killed as killed:
                _nothing_lost(popped, dovecot, str(killed))

        popped.run()

        assert popped.subjects() == ["Letter 0", "Letter 1", "Letter 2"], steps.names
        assert popped.count() == 3
        assert len(dovecot.letters(user)) == (0 if policy == REMOVE else 3), steps.names
        assert popped.ledger().in_step
        assert popped.ledger().on_server == len(dovecot.letters(user))
    assert {"listing", "retr", "keep", "quit"} <= set(steps.names)
    assert ("dele" in steps.names) == (policy == REMOVE)


_fresh_ones = iter(range(10_000))


def _fresh(popped_of: Callable[..., Popped], dovecot: Dovecot, policy: str) -> Popped:
    """An account of its own for each round, on a mailbox of its own."""
    user = f"killed{next(_fresh_ones)}@firma.example"
    for number in range(3):
        dovecot.deliver(user, letter(number))
    return make_popped(
        dovecot.host,
        dovecot.pop3_port,
        user,
        incoming_encryption="starttls",
        delete_policy=policy,
    )


def _nothing_lost(popped: Popped, dovecot: Dovecot, where: str) -> None:
    """Whatever is not on the server any more is here."""
    there = {raw.split(b"\r\n", 3)[2].decode() for raw in dovecot.letters(popped.account.email)}
    here = {f"Subject: {subject}" for subject in popped.subjects()}
    assert there | here == {f"Subject: Letter {n}" for n in range(3)}, where


# ------------------------------------------------------------------ ids


def test_an_id_given_twice_brings_both_letters(db: None) -> None:
    """Quirk 69: the same UIDL twice."""
    with maildrop() as drop:
        drop.letters = [Kept("same", letter(1)), Kept("same", letter(2, body="Longer than that."))]
        popped = account_on(drop, delete_policy=REMOVE)
        assert popped.run().in_step
        popped.run()
        assert popped.subjects() == ["Letter 1", "Letter 2"]
        assert drop.letters == []
        assert sorted(popped.rows().values_list("uidl", "nth")) == [("same", 0), ("same", 1)]


def test_identical_letters_with_one_id_are_one_letter_here(db: None) -> None:
    with maildrop() as drop:
        drop.letters = [Kept("same", letter(1)), Kept("same", letter(1))]
        popped = account_on(drop)
        assert popped.run().in_step
        assert popped.subjects() == ["Letter 1"]
        assert popped.ledger().stored == 2


def test_an_id_given_to_another_letter_brings_that_one_too(db: None) -> None:
    """Quirk 69, cyrus#374: and the first one is not forgotten."""
    with maildrop() as drop:
        drop.letters = [Kept("7", letter(1))]
        popped = account_on(drop)
        popped.run()
        drop.letters = []
        popped.run()
        drop.letters = [Kept("7", letter(2))]
        assert popped.run().in_step
        assert popped.subjects() == ["Letter 1", "Letter 2"]


def test_a_letter_that_comes_back_is_not_fetched_again(db: None) -> None:
    with maildrop() as drop:
        drop.put(letter(1))
        popped = account_on(drop)
        popped.run()
        kept, drop.letters = drop.letters, []
        popped.run()
        drop.letters = kept
        assert popped.run().in_step
        assert drop.count("RETR") == 1
        assert popped.ledger().stored == 1


def test_before_a_late_deletion_the_server_shows_which_letter_it_is(db: None) -> None:
    """An id that stands on another letter of the same size must not cost that one."""
    with maildrop() as drop:
        drop.letters = [Kept("1", letter(1))]
        popped = account_on(drop)
        popped.run()
        Account.objects.filter(pk=popped.account.pk).update(delete_policy=REMOVE)
        drop.letters = [Kept("1", letter(2))]
        drop.heard.clear()
        popped.run()
        assert popped.subjects() == ["Letter 1", "Letter 2"]
        assert drop.heard.index("TOP 1 0") < drop.heard.index("RETR 1") < drop.heard.index("DELE 1")


def test_a_changed_format_of_ids_downloads_nothing_twice(db: None) -> None:
    """Section 1.16: a migration of the server."""
    with maildrop() as drop:
        drop.put(*(letter(n) for n in range(12)))
        popped = account_on(drop)
        popped.run()
        drop.letters = [Kept(f"new/{kept.uidl}", kept.raw) for kept in drop.letters]
        drop.put(letter(12))
        drop.heard.clear()
        assert popped.run().in_step
        assert drop.count("RETR") == 1
        assert len(popped.subjects()) == 13
        assert popped.ledger().stored == 13
        drop.heard.clear()
        popped.run()
        assert (drop.count("TOP"), drop.count("RETR")) == (0, 0)


@pytest.mark.parametrize("top", [("TOP",), ()])
def test_without_unique_ids_letters_come_once_and_none_is_deleted(db: None, top: tuple[str, ...]) -> None:
    """Quirk 69, neomutt#1427: identity from TOP (from the letters where there is no TOP either)."""
    with maildrop(capabilities=("USER", *top)) as drop:
        drop.put(*(letter(n) for n in range(3)), letters.raw("No id", mid=None))
        popped = account_on(drop, delete_policy=REMOVE)
        for _ in range(3):
            assert popped.run().in_step
        assert popped.subjects() == ["Letter 0", "Letter 1", "Letter 2", "No id"]
        assert drop.count("DELE") == 0
        # Without TOP each look is a download; even then nothing is stored twice.
        assert drop.count("RETR") == (4 if top else 16)
        drop.letters.pop(0)
        assert popped.run().in_step
        assert len(popped.subjects()) == 4
        assert popped.ledger().on_server == 3


def test_without_capa_what_works_is_found_out(db: None) -> None:
    with maildrop(capabilities=()) as drop:
        drop.put(letter(1))
        popped = account_on(drop)
        popped.run()
        assert popped.run().in_step
        assert popped.subjects() == ["Letter 1"]


# ------------------------------------------------------------------ windows


def test_letters_before_the_start_date_are_counted_and_left(db: None) -> None:
    """Section 1.10: POP3 has no INTERNALDATE, so the headers decide; an earlier date lets them in."""
    with maildrop() as drop:
        old = [letter(n).replace(b"2026", b"2019") for n in range(100, 130)]
        drop.put(*old, *(letter(n) for n in range(3)))
        popped = account_on(drop, start_date=date(2026, 1, 1))
        assert popped.run().in_step
        assert drop.count("RETR") == 3
        assert popped.ledger().as_dict() | {"stored": 3, "before_start": 30, "on_server": 33} == (
            popped.ledger().as_dict()
        )
        popped.run()
        assert (drop.count("RETR"), drop.count("TOP")) == (3, 33)

        Account.objects.filter(pk=popped.account.pk).update(start_date=date(2019, 1, 1))
        assert popped.run().in_step
        assert popped.ledger().stored == 33


def test_few_old_letters_are_judged_when_they_are_read(db: None) -> None:
    with maildrop() as drop:
        drop.put(letter(1).replace(b"2026", b"2019"), letter(2))
        popped = account_on(drop, start_date=date(2026, 1, 1), delete_policy=REMOVE)
        assert popped.run().in_step
        assert popped.subjects() == ["Letter 2"]
        assert popped.ledger().before_start == 1
        assert [kept.uidl for kept in drop.letters] == ["id-0"]


# ------------------------------------------------------------------ faults


def test_one_refused_letter_is_parked_and_never_deleted(db: None) -> None:
    """A cursor never passes a failure: parked, shown, tried again."""
    with maildrop(spoil=lambda command: b"-ERR cannot read\r\n" if command == "RETR 2" else None) as drop:
        drop.put(*(letter(n) for n in range(3)))
        popped = account_on(drop, delete_policy=REMOVE)
        assert popped.run().in_step
        assert popped.subjects() == ["Letter 0", "Letter 2"]
        parked = Parked.objects.get(account=popped.account)
        assert (parked.reason, parked.words) == ("no_bytes", "cannot read")
        assert (popped.ledger().parked, popped.ledger().on_server) == (1, 1)
        assert [kept.uidl for kept in drop.letters] == ["id-1"]

        drop.spoil = lambda command: None
        parking.try_again(parked, timezone.now())
        assert popped.run().in_step
        assert popped.subjects() == ["Letter 0", "Letter 1", "Letter 2"]
        assert not Parked.objects.exists()
        assert drop.letters == []


def test_a_server_that_refuses_everything_ends_the_pass_and_parks_little(db: None) -> None:
    with maildrop(spoil=lambda command: b"-ERR broken\r\n" if "RETR" in command else None) as drop:
        drop.put(*(letter(n) for n in range(30)))
        popped = account_on(drop)
        with pytest.raises(Failure):
            popped.run()
        assert Parked.objects.count() == 5
        drop.spoil = lambda command: None
        assert popped.run().in_step
        assert len(popped.subjects()) == 25
        assert popped.ledger().parked == 5


def test_a_letter_that_we_cannot_store_is_parked_with_its_bytes(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad letter, good pass; and its bytes survive another client's deletion."""
    whole = popping.keep

    def stumbling(lease: Any, drop: Any, taken: Any, at: Any, **how: Any) -> None:
        if any(one.letter.subject == "Letter 1" for one in taken):
            raise ValueError("a fault of ours")
        whole(lease, drop, taken, at, **how)

    with maildrop() as drop:
        drop.put(*(letter(n) for n in range(4)))
        popped = account_on(drop, delete_policy=REMOVE)
        with monkeypatch.context() as patch:
            patch.setattr(popping, "keep", stumbling)
            assert popped.run().in_step
        assert popped.subjects() == ["Letter 0", "Letter 2", "Letter 3"]
        assert [kept.raw for kept in drop.letters] == [letter(1)]

        drop.letters = []
        popped.run()
        parked = Parked.objects.get(account=popped.account)
        assert parked.reason == "crashed"
        parking.try_again(parked, timezone.now())
        assert popped.run().in_step
        assert popped.subjects() == [f"Letter {n}" for n in range(4)]
        assert not Parked.objects.exists()


def test_what_is_too_big_waits_until_a_person_asks(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailroom.engine.pop3.MOST_BYTES", 2_000)
    with maildrop() as drop:
        drop.put(letter(1), letter(2, body="x" * 5_000))
        popped = account_on(drop, delete_policy=REMOVE)
        assert popped.run().in_step
        assert (popped.ledger().parked, len(drop.letters)) == (1, 1)
        parked = Parked.objects.get()
        assert (parked.reason, parked.size) == (parking.TOO_BIG, len(letter(2, body="x" * 5_000)))
        popped.run()
        assert drop.count("RETR") == 1

        parking.try_again(parked, timezone.now())
        assert popped.run().in_step
        assert len(popped.subjects()) == 2


@pytest.mark.parametrize("verb", ["UIDL", "LIST", "RETR 2", "DELE 1", "QUIT"])
@pytest.mark.parametrize("fault", [HANG_UP, b"-ERR [SYS/TEMP] not now\r\n"], ids=["cut", "refused"])
def test_a_fault_at_any_command_costs_only_time(db: None, verb: str, fault: bytes) -> None:
    """Goal 16: lost 0, DELE before commit 0."""
    with maildrop(spoil=lambda command: fault if command == verb else None) as drop:
        drop.put(*(letter(n) for n in range(4)))
        popped = account_on(drop, delete_policy=REMOVE)
        failed = False
        try:
            failed = not popped.run().in_step
        except Failure:
            failed = True
        assert failed
        assert len(drop.letters) == 4

        drop.spoil = lambda command: None
        popped.run()
        assert popped.run().in_step
        assert popped.subjects() == [f"Letter {n}" for n in range(4)]
        assert drop.letters == []


def test_what_came_before_the_line_broke_is_kept(db: None) -> None:
    """Goal 7: the next pass does not fetch it again."""
    with maildrop(capabilities=("USER", "UIDL", "TOP")) as drop:
        drop.spoil = lambda command: HANG_UP if command == "RETR 3" else None
        drop.put(*(letter(n) for n in range(10)))
        popped = account_on(drop)
        with pytest.raises(Failure):
            popped.run()
        assert len(popped.subjects()) == 7
        drop.spoil = lambda command: None
        drop.heard.clear()
        assert popped.run().in_step
        assert drop.count("RETR") == 3


def test_a_refused_deletion_leaves_the_others(db: None) -> None:
    with maildrop(spoil=lambda command: b"-ERR locked\r\n" if command == "DELE 1" else None) as drop:
        drop.put(letter(0), letter(1))
        popped = account_on(drop, delete_policy=REMOVE)
        assert popped.run().in_step
        assert [kept.uidl for kept in drop.letters] == ["id-0"]
        assert popped.ledger().on_server == 1


def test_a_server_that_forgets_deletions_is_asked_again(db: None) -> None:
    """The next listing decides, not what QUIT said."""
    with maildrop() as drop:
        drop.put(letter(0))
        kept = list(drop.letters)
        popped = account_on(drop, delete_policy=REMOVE)
        popped.run()
        drop.letters = kept
        popped.run()
        assert drop.count("DELE") == 2
        assert popped.subjects() == ["Letter 0"]
        assert drop.letters == []


# ------------------------------------------------------------------ as the engine does it


def claimed(at: datetime | None = None) -> leases.Lease:
    lease = leases.claim_due("test", at or timezone.now())
    assert lease is not None, "nothing is due"
    return lease


def test_the_engine_claims_and_finishes_a_maildrop_like_any_account(db: None) -> None:
    with maildrop(capabilities=("USER", "UIDL", "TOP", "LOGIN-DELAY 1800")) as drop:
        drop.put(letter(1))
        popped = account_on(drop)
        pass_over(claimed())
        popped.account.refresh_from_db()
        assert popped.account.state == Account.State.LIVE
        assert popped.account.last_in_step_at is not None
        assert popped.account.capabilities == ["LOGIN-DELAY", "TOP", "UIDL", "USER"]
        assert popped.account.next_at is not None
        assert popped.account.next_at > timezone.now() + timedelta(minutes=29)


@pytest.mark.parametrize(
    ("answer", "state", "kind", "again"),
    [
        (b"-ERR [IN-USE] another client\r\n", "retrying", "unavailable", timedelta(minutes=1)),
        (b"-ERR [LOGIN-DELAY] slowly\r\n", "retrying", "throttled", timedelta(minutes=16)),
        (b"-ERR [AUTH] no\r\n", "needs_person", "wrong_password", None),
    ],
)
def test_a_sign_in_that_fails_is_told_like_any_other(
    db: None, answer: bytes, state: str, kind: str, again: timedelta | None
) -> None:
    """Section 1.16: [IN-USE] and [LOGIN-DELAY] are obeyed; a refused password is not tried again."""
    with maildrop(spoil=lambda command: answer if command.startswith("PASS") else None) as drop:
        popped = account_on(drop)
        pass_over(claimed())
        popped.account.refresh_from_db()
    assert (popped.account.state, popped.account.error_kind) == (state, kind)
    next_at = popped.account.next_at
    assert (next_at is None) == (again is None)
    assert again is None or timezone.now() < next_at <= timezone.now() + again


@pytest.mark.django_db(transaction=True)
@pytest.mark.dovecot
def test_killed_with_the_ninth_signal_it_loses_and_doubles_nothing(
    dovecot: Dovecot, mailbox_user: str
) -> None:
    """Goal 7, S1-03: kill -9 in the middle of a download that removes."""
    for number in range(300):
        dovecot.deliver(mailbox_user, letter(number))
    popped = make_popped(
        dovecot.host, dovecot.pop3_port, mailbox_user, incoming_encryption="starttls", delete_policy=REMOVE
    )
    office = Mailbox(dovecot, mailbox_user, popped.account)
    for target in (1, 120, 270):
        process = sync_process(office)
        ends_at = time.monotonic() + 30
        while process.poll() is None and popped.count() < target and time.monotonic() < ends_at:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(dovecot.letters(mailbox_user)) + popped.count() >= 300
        loop.recover()

    process = sync_process(office)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert popped.subjects() == sorted(f"Letter {n}" for n in range(300))
    assert popped.count() == 300
    assert dovecot.letters(mailbox_user) == []


# ------------------------------------------------------------------ the rest of the product


def test_flags_and_letters_of_a_maildrop_are_no_business_of_the_server(db: None) -> None:
    """S1-07: read state does not travel, and no change waits for the server for ever."""
    from mailroom.actions.reading import mark_seen

    with maildrop() as drop:
        drop.put(letter(1))
        popped = account_on(drop)
        popped.run()
        alice = letters.user()
        Access.objects.create(account=popped.account, user=alice)
        mark_seen(alice, list(Message.objects.values_list("pk", flat=True)))
        popped.run()
        assert Placement.objects.get().seen
        assert not Intent.objects.exists()


@pytest.mark.parametrize(
    ("policy", "told", "left"),
    [("purge", Effect.REMOVED, ["id-1"]), ("keep", Effect.NOTHING, ["id-0", "id-1"])],
)
def test_a_letter_purged_here_is_deleted_there_only_where_that_is_wanted(
    db: None, policy: str, told: Effect, left: list[str]
) -> None:
    """C2: after a purge here, as was said before; and it does not come back."""
    with maildrop() as drop:
        drop.put(letter(1), letter(2))
        popped = account_on(drop, delete_policy=policy)
        popped.run()
        alice = letters.user(can_purge=True)
        Access.objects.create(account=popped.account, user=alice)
        pk = Message.objects.get(subject="Letter 1").pk
        moving.delete(alice, [pk])
        seen = list(Message.objects.filter(pk=pk).select_related("account"))
        assert purging.foresee_purge(alice, seen).server is told
        assert purging.purge(alice, [pk]).server is told
        assert popped.ledger().purged == 1
        popped.run()
        assert [kept.uidl for kept in drop.letters] == left
        assert popped.run().in_step


def test_new_mail_is_announced_and_the_first_fetch_is_not(db: None) -> None:
    with maildrop() as drop:
        drop.put(letter(1))
        popped = account_on(drop)
        popped.run()
        assert not News.objects.filter(kind=News.Kind.ARRIVED).exists()
        drop.put(letter(2))
        popped.run()
        assert News.objects.filter(kind=News.Kind.ARRIVED).count() == 1


def test_a_maildrop_is_mapped_like_any_folder(db: None) -> None:
    """Section 1.16: all mail lands in the mapped inbox."""
    with maildrop() as drop:
        popped = account_on(drop)
        popped.run()
        mine = Folder.objects.create(account=popped.account, name="Orders", name_key="orders")
        ServerFolder.objects.filter(account=popped.account).update(folder=mine)
        drop.put(letter(1))
        popped.run()
        assert Placement.objects.get().folder == mine


def test_an_id_is_forgotten_ninety_days_after_it_left(db: None) -> None:
    with maildrop() as drop:
        drop.put(letter(1))
        popped = account_on(drop, delete_policy=REMOVE)
        popped.run()
        popped.rows().update(gone_at=datetime(2020, 1, 1, tzinfo=UTC))
        popped.run()
        assert not popped.rows().exists()
        assert popped.subjects() == ["Letter 1"]


def test_a_wrong_password_is_a_failure_for_the_person(db: None) -> None:
    with maildrop(
        spoil=lambda command: b"-ERR [AUTH] no\r\n" if command.startswith("PASS") else None
    ) as drop:
        popped = account_on(drop)
        with pytest.raises(Failure) as caught:
            popped.run()
    assert caught.value.kind is Kind.WRONG_PASSWORD
    assert not popped.rows().filter(outcome=Outcome.STORED).exists()
