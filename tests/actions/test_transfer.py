"""Letters from files and to files: every byte kept, nothing doubled, one bad letter stops no other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import DataError, OperationalError

from mailroom.actions.ingest import store as store_batch
from mailroom.actions.refusals import Clash, Invalid
from mailroom.actions.transfer import Format, Selection, Source, Summary, find, importing, sources, write_out
from mailroom.actions.transfer.importing import StoreFailed, take_in
from mailroom.core.mbox import written
from mailroom.core.search import parse_query
from mailroom.data.blobs import keeping
from mailroom.data.mail.models import Account, Folder, Message, Placement
from mailroom.data.mail.visibility import reach_of
from mailroom.data.people.models import User
from mailroom.wire.imap import names
from tests import letters

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 11, 2, 8, 5, 9, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    return letters.user("Alice")


@pytest.fixture
def account(alice: User) -> Account:
    return letters.account(users=[alice])


@pytest.fixture
def other(alice: User) -> Account:
    return letters.account("archive@firm.example", users=[alice])


def look(path: Path) -> Source:
    return find(path, read_name=names.decode)


def import_(account: Account, path: Path, folder: str = "Old") -> Summary:
    return take_in(
        account_id=account.pk, source=look(path), folder_name=folder, tell=lambda done, summary: None
    )


def export(user: User, to: Path, form: Format = Format.MBOX, **selection: object) -> int:
    return write_out(
        reach=reach_of(user),
        selection=Selection(**selection),  # type: ignore[arg-type]
        to=to,
        form=form,
        encode=names.encode,
        tell=lambda written: None,
    ).written


def digests(account: Account) -> set[bytes]:
    """Of the bytes that the store really holds."""
    rows = Message.objects.filter(account=account).select_related("blob")
    return {hashlib.sha256(keeping.content_of(row.blob)).digest() for row in rows if row.blob}


def content(number: int, **how: object) -> bytes:
    return letters.raw(f"Letter {number}", mid=f"{number}@x.example", minutes=number, **how)  # type: ignore[arg-type]


def counts(summary: Summary) -> tuple[int, int, int, int]:
    return summary.taken, summary.known, summary.removed, len(summary.refused)


# --- in ------------------------------------------------------------------------------------------------


def test_an_mbox_becomes_a_local_folder_with_the_bytes_kept(account: Account, tmp_path: Path) -> None:
    raws = [content(1), content(2, extra="Status: O"), content(3, extra="Status: RO\r\nX-Status: AF")]
    raws.append(b"Subject: bare\n\nno line end\nFrom here on it is text\n>From there too")
    mbox = tmp_path / "archive.mbox"
    mbox.write_bytes(b"".join(written(raw, sender="a@x.example", at=MONDAY) for raw in raws))

    summary = import_(account, mbox)

    assert counts(summary) == (4, 0, 0, 0)
    assert digests(account) == {hashlib.sha256(raw).digest() for raw in raws}
    folder = Folder.objects.get(account=account, name="Old")
    assert (folder.local, folder.role, folder.total, folder.unread) == (True, None, 4, 1)
    flags = dict(Placement.objects.filter(folder=folder).values_list("message__mid", "local"))
    assert flags["2@x.example"] == ""
    assert flags["3@x.example"] == "\\Answered \\Flagged \\Seen"
    assert set(Message.objects.values_list("internal_at", flat=True)) == {MONDAY}
    assert set(Placement.objects.values_list("server_folder", "uid")) == {(None, None)}


def test_a_second_run_adds_nothing(account: Account, tmp_path: Path) -> None:
    mbox = tmp_path / "archive"
    mbox.write_bytes(b"".join(written(content(n), sender="a@x", at=MONDAY) for n in range(5)))
    import_(account, mbox)

    assert counts(import_(account, mbox)) == (0, 5, 0, 0)
    assert Message.objects.count() == Placement.objects.count() == 5
    assert Folder.objects.filter(local=True).count() == 1


def test_what_the_server_brought_is_known_even_with_other_line_ends(account: Account, tmp_path: Path) -> None:
    letters.put(account, content(1))
    mbox = tmp_path / "archive"
    unix = content(1).replace(b"\r\n", b"\n")
    mbox.write_bytes(b"".join(written(raw, sender="", at=MONDAY) for raw in (unix, unix, content(2))))

    assert counts(import_(account, mbox)) == (1, 2, 0, 0)
    assert Placement.objects.filter(folder__local=True).count() == 1


def test_another_accounts_letters_are_no_reason_to_leave_one_out(
    account: Account, other: Account, tmp_path: Path
) -> None:
    letters.put(account, content(1))
    (tmp_path / "one.eml").write_bytes(content(1))

    assert counts(import_(other, tmp_path / "one.eml")) == (1, 0, 0, 0)


def test_a_letter_gone_from_the_server_gets_a_place_again(account: Account, tmp_path: Path) -> None:
    letters.put(account, content(1))
    Placement.objects.update(state=Placement.State.GONE)
    (tmp_path / "one.eml").write_bytes(content(1))

    assert counts(import_(account, tmp_path / "one.eml")) == (1, 0, 0, 0)
    assert Message.objects.count() == 1
    assert Placement.objects.filter(state=Placement.State.LIVE).get().folder.name == "Old"


def test_what_was_purged_here_does_not_come_back(account: Account, tmp_path: Path) -> None:
    letters.put(account, content(1))
    Message.objects.update(fate=Message.Fate.PURGED)
    Placement.objects.update(state=Placement.State.GONE)
    (tmp_path / "one.eml").write_bytes(content(1))

    assert [each.reason for each in import_(account, tmp_path / "one.eml").refused] == ["purged"]


def test_a_maildir_keeps_flags_folders_keywords_and_times(account: Account, tmp_path: Path) -> None:
    root = tmp_path / "Maildir"
    for folder in ("", ".Clients", ".Clients.Pok&APM-j &AUE-", ".Acme S&AC4-p"):
        for inner in ("cur", "new", "tmp"):
            (root / folder / inner).mkdir(parents=True)
    (root / "new" / "1.x").write_bytes(content(1))
    (root / "cur" / "2.x:2,FRSa").write_bytes(content(2))
    (root / "tmp" / "3.x").write_bytes(content(3))
    (root / "dovecot-keywords").write_text("0 $label1\n")
    (root / "dovecot.index").write_bytes(b"\0\0")
    (root / ".Clients.Pok&APM-j &AUE-" / "cur" / "4.x:2,S").write_bytes(content(4))
    (root / ".Acme S&AC4-p" / "cur" / "5.x:2,ST").write_bytes(content(5))
    os.utime(root / "cur" / "2.x:2,FRSa", (MONDAY.timestamp(), MONDAY.timestamp()))

    summary = import_(account, root)

    assert counts(summary) == (4, 0, 0, 0)
    rows = Placement.objects.values_list("message__mid", "folder__name", "folder__parent__name", "local")
    assert {(mid[0], name, parent, flags) for mid, name, parent, flags in rows} == {
        ("1", "Old", None, ""),
        ("2", "Old", None, "$label1 \\Answered \\Flagged \\Seen"),
        ("4", "Pokój Ł", "Clients", "\\Seen"),
        ("5", "Acme S.p", "Old", "\\Seen"),
    }
    assert Message.objects.get(mid="2@x.example").internal_at == MONDAY


def test_a_tree_of_files_becomes_a_tree_of_folders(account: Account, tmp_path: Path) -> None:
    """As Thunderbird (`.sbd`) and Apple (`X.mbox/mbox`) lay them out, with .eml files and others between."""
    root = tmp_path / "Mail"
    for folder in ("Work.sbd", "Apple.mbox", "single"):
        (root / folder).mkdir(parents=True)
    entry = lambda n: written(content(n), sender="", at=MONDAY)  # noqa: E731
    gone = written(content(9, extra="X-Mozilla-Status: 0009"), sender="", at=MONDAY)
    (root / "Work").write_bytes(entry(1) + gone)
    (root / "Work.msf").write_text("// index")
    (root / "Work.sbd" / "Deep").write_bytes(entry(2))
    (root / "Apple.mbox" / "mbox").write_bytes(entry(3))
    (root / "single" / "a.EML").write_bytes(content(4))
    (root / "top.eml").write_bytes(content(5))

    summary = import_(account, root)

    assert counts(summary) == (5, 0, 1, 0)
    assert look(root).ignored == ("Work.msf",)
    rows = Placement.objects.values_list("message__mid", "folder__name", "folder__parent__name")
    assert {(mid[0], name, parent) for mid, name, parent in rows} == {
        ("1", "Work", "Old"),
        ("2", "Deep", "Work"),
        ("3", "Apple", "Old"),
        ("4", "single", "Old"),
        ("5", "Old", None),
    }


def test_a_letter_that_cannot_be_stored_is_named_and_the_rest_goes_on(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mail").mkdir()
    for number in range(6):
        (tmp_path / "mail" / f"{number}.eml").write_bytes(content(number))
    (tmp_path / "mail" / "empty.eml").write_bytes(b"")
    (tmp_path / "mail" / "huge.eml").write_bytes(b"x" * 3000)
    (tmp_path / "mail" / "link.eml").symlink_to(tmp_path / "nowhere")
    monkeypatch.setattr(sources, "MOST_BYTES", 2000)
    monkeypatch.setattr(importing, "store", failing_at("3@x.example", DataError("cannot be stored")))

    summary = import_(account, tmp_path / "mail")

    assert summary.taken == 5
    assert {(each.file, each.reason) for each in summary.refused} == {
        ("3.eml", "not_stored"),
        ("empty.eml", "empty"),
        ("huge.eml", "too_big"),
        ("link.eml", "unreadable"),
    }
    monkeypatch.undo()
    assert import_(account, tmp_path / "mail").known == 5
    assert Message.objects.filter(mid="3@x.example").exists()


def test_a_store_that_fails_altogether_ends_the_run_and_the_next_goes_on(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mbox = tmp_path / "archive"
    mbox.write_bytes(b"".join(written(content(n), sender="", at=MONDAY) for n in range(9)))
    monkeypatch.setattr(importing, "BATCH_LETTERS", 2)
    monkeypatch.setattr(importing, "store", failing_at("5@x.example", OperationalError("disk is full")))

    with pytest.raises(StoreFailed):
        import_(account, mbox)

    assert Message.objects.count() == 4
    monkeypatch.undo()
    assert counts(import_(account, mbox)) == (5, 4, 0, 0)


def failing_at(mid: str, error: Exception) -> Callable[..., object]:
    """The real store, but for batches with one letter."""

    def store(batch: object) -> object:
        if any(arrival.letter.message_id == mid for arrival in batch.arrivals):  # type: ignore[attr-defined]
            raise error
        return store_batch(batch)  # type: ignore[arg-type]

    return store


# --- out -----------------------------------------------------------------------------------------------

ODD = [
    content(1),
    content(2, body="From the start\r\n>From quoted\r\nFrom luca@x Mon Nov  2 08:00:00 2026\r\nSubject: no"),
    b"Message-ID: <3@x.example>\nContent-Length: 2\n\nunix\n\n\n",
    b"Message-ID: <4@x.example>\r\n\r\nno line end",
    b"From a@x Mon Nov  2 08:00:00 2026\nMessage-ID: <5@x.example>\n\nbegins oddly\r\n",
    b"\xff\xfe\x00garbage\r",
]


@pytest.mark.parametrize("form", list(Format))
def test_what_is_exported_and_imported_has_the_same_bytes(
    form: Format, alice: User, account: Account, other: Account, tmp_path: Path
) -> None:
    letters.put(account, *ODD[:4])
    letters.put(account, *ODD[4:], role="sent", first_uid=9)

    assert export(alice, tmp_path / "out", form, account_id=account.pk) == len(ODD)

    assert counts(import_(other, tmp_path / "out")) == (len(ODD), 0, 0, 0)
    assert digests(other) == digests(account) == {hashlib.sha256(raw).digest() for raw in ODD}
    assert {folder.name for folder in Folder.objects.filter(local=True) if folder.total} == {"inbox", "sent"}
    assert not list(tmp_path.glob(".*"))


def test_a_maildir_carries_flags_and_folders_there_and_back(
    alice: User, account: Account, other: Account, tmp_path: Path
) -> None:
    place = Folder.objects.create(account=account, name="Acme S.p.A / Łódź", name_key="x", local=True)
    letters.put(account, content(1), flags=frozenset({"\\Seen", "\\Flagged"}))
    letters.put(account, content(2), first_uid=2)
    Placement.objects.filter(message__mid="2@x.example").update(folder=place)

    export(alice, tmp_path / "out", Format.MAILDIR, account_id=account.pk)
    import_(other, tmp_path / "out")

    rows = Placement.objects.filter(account=other).values_list("message__mid", "folder__name", "local")
    assert set(rows) == {
        ("1@x.example", "inbox", "\\Flagged \\Seen"),
        ("2@x.example", "Acme S.p.A / Łódź", ""),
    }
    assert set(Message.objects.filter(account=other).values_list("internal_at", flat=True)) == {letters.START}


def test_one_folder_or_a_search_is_one_mbox(alice: User, account: Account, tmp_path: Path) -> None:
    letters.put(account, content(1), content(2))
    letters.put(account, content(3), role="sent", first_uid=9)
    inbox = Folder.objects.get(account=account, role="inbox")

    assert export(alice, tmp_path / "inbox", account_id=account.pk, folder_id=inbox.pk) == 2
    assert export(alice, tmp_path / "found", query=parse_query("subject:letter")) == 3
    both = {"folder_id": inbox.pk, "account_id": account.pk, "query": parse_query("subject:2")}
    assert export(alice, tmp_path / "both", **both) == 1
    assert (
        (tmp_path / "both").read_bytes().startswith(b"From luca@client.example Mon Nov  2 08:00:00 2026\r\n")
    )


def test_letters_in_no_folder_are_exported_with_their_account(
    alice: User, account: Account, tmp_path: Path
) -> None:
    letters.put(account, content(1))
    Placement.objects.update(state=Placement.State.GONE)

    assert export(alice, tmp_path / "out", account_id=account.pk) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["_no folder.mbox"]


@pytest.mark.parametrize("form", list(Format))
def test_an_account_without_letters_is_an_empty_export(
    form: Format, alice: User, account: Account, tmp_path: Path
) -> None:
    assert export(alice, tmp_path / "out", form, account_id=account.pk) == 0
    assert (tmp_path / "out").is_dir()


def test_nobody_exports_what_they_may_not_read(alice: User, account: Account, tmp_path: Path) -> None:
    """Question 3 of the design: one rule decides for export too."""
    charlie = letters.user("Charlie")
    stored = letters.put(account, content(1), content(2))
    Message.objects.filter(pk=stored.message_ids[0]).update(confidential=True)
    inbox = Folder.objects.get(account=account, role="inbox")

    assert export(alice, tmp_path / "alice", account_id=account.pk) == 1
    assert export(charlie, tmp_path / "charlie", query=parse_query("")) == 0
    for selection in ({"account_id": account.pk}, {"folder_id": inbox.pk}):
        with pytest.raises(Invalid):
            export(charlie, tmp_path / "no", **selection)
    assert not (tmp_path / "no").exists()


def test_an_export_overwrites_nothing_and_leaves_nothing_half_done(
    alice: User, account: Account, tmp_path: Path
) -> None:
    letters.put(account, content(1))
    (tmp_path / "there").write_text("mine")

    with pytest.raises(Clash):
        export(alice, tmp_path / "there", account_id=account.pk)

    def stop(written: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_out(
            reach=reach_of(alice),
            selection=Selection(account_id=account.pk),
            to=tmp_path / "stopped",
            form=Format.MAILDIR,
            encode=names.encode,
            tell=stop,
        )
    assert {path.name for path in tmp_path.iterdir()} == {"there"}


def test_a_letter_without_bytes_is_counted_not_hidden(alice: User, account: Account, tmp_path: Path) -> None:
    letters.put(account, content(1), content(2))
    Message.objects.filter(mid="1@x.example").update(blob=None, body_state="header")

    result = write_out(
        reach=reach_of(alice),
        selection=Selection(account_id=account.pk),
        to=tmp_path / "out",
        form=Format.EML,
        encode=names.encode,
        tell=lambda written: None,
    )

    assert (result.total, result.written, result.without_bytes) == (2, 1, 1)


def test_folders_whose_names_are_no_file_names_stay_within_the_export(
    alice: User, account: Account, tmp_path: Path
) -> None:
    for number, name in enumerate(("..", "a/b", "A/B", "", "x" * 400)):
        folder = Folder.objects.create(account=account, name=name, name_key=name, local=True)
        letters.put(account, content(number), first_uid=number + 1)
        Placement.objects.filter(message__mid=f"{number}@x.example").update(folder=folder)

    assert export(alice, tmp_path / "out", account_id=account.pk) == 5
    names_written = {path.name for path in (tmp_path / "out").iterdir()}
    assert names_written == {"_...mbox", "A_B.mbox", "a_b (2).mbox", "_.mbox", "x" * 180 + ".mbox"}
