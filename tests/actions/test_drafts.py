"""Writing and handing over: bytes made once, Bcc in nobody's header, asking twice queues once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from mailroom.actions import draft_files, drafts, replying
from mailroom.actions.refusals import Clash, Invalid, NotAllowed
from mailroom.core.letter import Letter, attachment_bytes, read_letter
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Account, Message
from mailroom.data.outbox.models import Draft, Outgoing
from mailroom.data.people.models import User
from tests import letters

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return letters.user("Alice")


@pytest.fixture
def charlie() -> User:
    return letters.user("Charlie")


@pytest.fixture
def sales(alice: User) -> Account:
    return letters.account("sales@firm.example", users=[alice])


def written(by: User, account: Account, **changes: Any) -> Draft:
    values = {
        "account_id": account.pk,
        "to": [{"name": "Łucja Bianchi", "address": "lucja@client.example"}],
        "subject": "Zażółć gęślą jaźń",
        "html": "<p>Dzień dobry</p>",
    }
    return drafts.save_draft(by=by, values=values | changes)


def sent(draft: Draft, by: User, key: str = "k1") -> tuple[Outgoing, bytes, Letter]:
    outgoing = drafts.queue(draft=draft, by=by, idempotency_key=key)
    raw = content_of(outgoing.blob)
    return outgoing, raw, read_letter(raw)


def keys(found: Iterable[Any]) -> list[str]:
    return [address.key for address in found]


def test_what_was_written_is_what_the_letter_says(alice: User, sales: Account) -> None:
    draft = written(
        alice, sales, cc=["Ann <ann@client.example>, ben@client.example"], bcc=["boss@firm.example"]
    )
    draft_files.attach(
        draft=draft, filename="Oferta żółta.pdf", content_type="application/pdf", content=b"%PDF \x00\xff"
    )
    outgoing, raw, letter = sent(draft, alice)
    assert letter.subject == "Zażółć gęślą jaźń"
    assert keys(letter.to) == ["lucja@client.example"]
    assert letter.to[0].name == "Łucja Bianchi"
    assert keys(letter.cc) == ["ann@client.example", "ben@client.example"]
    assert (letter.message_id, keys(letter.from_)) == (outgoing.mid, ["sales@firm.example"])
    assert "Dzień dobry" in letter.text
    assert [(one.filename, attachment_bytes(raw, one)) for one in letter.attachments] == [
        ("Oferta żółta.pdf", b"%PDF \x00\xff")
    ]


def test_bcc_is_nowhere_in_the_bytes_and_still_a_recipient(alice: User, sales: Account) -> None:
    outgoing, raw, letter = sent(written(alice, sales, bcc=["secret@other.example"]), alice)
    assert b"secret" not in raw
    assert letter.bcc == ()
    assert set(outgoing.recipients.values_list("field", "email")) == {
        ("to", "lucja@client.example"),
        ("bcc", "secret@other.example"),
    }


def test_the_ids_are_our_own(alice: User, sales: Account) -> None:
    outgoing, raw, _letter = sent(written(alice, sales), alice)
    assert outgoing.mid.endswith("@firm.example")
    assert f"X-Mailroom-Ref: {outgoing.reference}".encode() in raw
    assert (outgoing.state, outgoing.envelope_from) == ("queued", "sales@firm.example")


def test_asking_twice_with_one_key_queues_once(alice: User, sales: Account) -> None:
    draft = written(alice, sales)
    first = drafts.queue(draft=draft, by=alice, idempotency_key="k1")
    again = drafts.queue(draft=draft, by=alice, idempotency_key="k1")
    assert first == again
    assert Outgoing.objects.count() == 1
    assert not Draft.objects.exists()


def test_a_draft_handed_over_elsewhere_is_not_sent_again(alice: User, sales: Account) -> None:
    draft = written(alice, sales)
    drafts.queue(draft=draft, by=alice, idempotency_key="k1")
    with pytest.raises(Clash):
        drafts.queue(draft=draft, by=alice, idempotency_key="k2")
    assert Outgoing.objects.count() == 1


def test_a_held_letter_waits_for_its_ten_seconds(alice: User, sales: Account) -> None:
    outgoing = drafts.queue(draft=written(alice, sales), by=alice, idempotency_key="k", hold_seconds=10)
    assert outgoing.state == "held"
    assert outgoing.next_at is not None
    assert 8 < (outgoing.next_at - outgoing.created_at).total_seconds() < 11


@pytest.mark.parametrize(
    ("changes", "field", "key"),
    [
        ({"subject": "a\nBcc: x@y.example"}, "subject", "line_break"),
        ({"subject": "a\0"}, "subject", "line_break"),
        ({"to": ["a@b.example\r\nBcc: x@y.example"]}, "to", "line_break"),
        ({"cc": [{"name": "A\nB", "address": "a@b.example"}]}, "cc", "line_break"),
        ({"bcc": [{"name": "", "address": "a@b.example\r\n"}]}, "bcc", "line_break"),
        ({"html": "a\0"}, "html", "line_break"),
        ({"text": "a\0"}, "text", "line_break"),
        ({"to": "a@b.example"}, "to", "not_a_list"),
        ({"in_reply_to": 12345}, "in_reply_to", "unknown_letter"),
        ({"in_reply_to": "<nobody@nowhere.example>"}, "in_reply_to", "unknown_letter"),
    ],
)
def test_what_could_break_a_header_is_refused_while_writing(
    alice: User, sales: Account, changes: dict[str, Any], field: str, key: str
) -> None:
    with pytest.raises(Invalid) as refused:
        written(alice, sales, **changes)
    assert [(fault.field, fault.key) for fault in refused.value.faults] == [(field, key)]
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field", "key"),
    [
        ({"to": []}, "to", "no_recipients"),
        ({"to": ["nobody"]}, "to", "bad_address"),
        ({"to": ["a b@client.example", "x@"]}, "to", "bad_address"),
        ({"cc": [{"name": "", "address": "a@b@c.example"}]}, "cc", "bad_address"),
        ({"bcc": [{"name": "", "address": "x@-y.example"}]}, "bcc", "bad_address"),
        ({"bcc": [{"name": "Ann", "address": ""}]}, "bcc", "bad_address"),
    ],
)
def test_half_written_recipients_are_kept_but_not_sent_to(
    alice: User, sales: Account, changes: dict[str, Any], field: str, key: str
) -> None:
    draft = written(alice, sales, **changes)
    with pytest.raises(Invalid) as refused:
        drafts.queue(draft=draft, by=alice, idempotency_key="k")
    assert (field, key) in {(fault.field, fault.key) for fault in refused.value.faults}
    assert Draft.objects.filter(pk=draft.pk).exists()


def test_nobody_sends_from_an_account_that_does_not_list_them(
    alice: User, charlie: User, sales: Account
) -> None:
    """S5-49: not even an administrator."""
    boss = letters.user("Boss", role="administrator")
    for user in (charlie, boss):
        with pytest.raises(NotAllowed):
            written(user, sales)
    draft = written(alice, sales)
    sales.accesses.all().delete()
    with pytest.raises(NotAllowed):
        drafts.queue(draft=draft, by=alice, idempotency_key="k")


def test_an_account_that_is_off_sends_nothing(alice: User, sales: Account) -> None:
    """S3-14."""
    draft = written(alice, sales)
    Account.objects.update(active=False)
    with pytest.raises(Clash):
        drafts.queue(draft=Draft.objects.get(pk=draft.pk), by=alice, idempotency_key="k")


def test_scripts_do_not_leave_the_house(alice: User, sales: Account) -> None:
    draft = written(alice, sales, html='<p onclick="x()">Hi</p><script>steal()</script><img src="cid:a@b">')
    assert draft.html == '<p>Hi</p><img src="cid:a@b">'


def test_a_text_without_html_stays_a_plain_letter(alice: User, sales: Account) -> None:
    _outgoing, raw, letter = sent(written(alice, sales, html="", text="Plain & simple"), alice)
    assert b"text/html" not in raw
    assert letter.text.strip() == "Plain & simple"


# ------------------------------------------------------------------ files


def test_files_come_from_rest_and_from_letters(alice: User, sales: Account) -> None:
    extra = letters.raw(extra="X-Plain: 1").replace(
        b"Content-Type: text/plain; charset=utf-8", b'Content-Type: multipart/mixed; boundary="b"'
    )
    head = extra.partition(b"\r\n\r\n")[0]
    body = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b\r\nContent-Type: text/csv\r\n"
        b'Content-Disposition: attachment; filename="a.csv"\r\n\r\n1;2\r\n--b--\r\n'
    )
    message_id = letters.put(sales, head + b"\r\n\r\n" + body).message_ids[0]
    draft = written(alice, sales)
    draft_files.set_attachments(
        by=alice,
        draft=draft,
        attachments=[
            {"filename": "../x/b.txt", "content_type": "text/plain", "content_base64": "Yg=="},
            {"message_id": message_id, "index": 0},
        ],
    )
    assert [(file.filename, content_of(file.blob)) for file in draft.files.order_by("pk")] == [
        ("b.txt", b"b"),
        ("a.csv", b"1;2"),
    ]


@pytest.mark.parametrize(
    ("attachment", "key"),
    [
        ({"filename": "a\r\nb", "content_base64": "Yg=="}, "line_break"),
        ({"filename": "a", "content_base64": "???"}, "bad_base64"),
        ({"message_id": 99, "index": 0}, "unknown_file"),
        ({"message_id": "x", "index": 0}, "unknown_file"),
        ("a", "unknown_file"),
    ],
)
def test_a_file_that_cannot_be_had_is_named_and_the_others_stay(
    alice: User, sales: Account, attachment: Any, key: str
) -> None:
    draft = written(alice, sales)
    draft_files.attach(draft=draft, filename="a", content_type="", content=b"a")
    with pytest.raises(Invalid) as refused:
        draft_files.set_attachments(by=alice, draft=draft, attachments=[attachment])
    assert [(fault.field, fault.key) for fault in refused.value.faults] == [("attachments.0", key)]
    assert draft.files.count() == 1


def test_a_file_of_a_letter_one_may_not_read_is_unknown(alice: User, charlie: User, sales: Account) -> None:
    own = letters.account("charlie@firm.example", users=[charlie])
    message_id = letters.put(sales, letters.raw()).message_ids[0]
    with pytest.raises(Invalid):
        draft_files.attach_from_letter(
            by=charlie, draft=written(charlie, own), message_id=message_id, index=0
        )
    with pytest.raises(Invalid):
        written(charlie, own, in_reply_to=message_id)


def test_a_letter_larger_than_servers_take_is_refused(
    alice: User, sales: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_files, "MAX_LETTER", 1000)
    with pytest.raises(Invalid) as refused:
        draft_files.attach(draft=written(alice, sales), filename="a", content_type="", content=b"x" * 900)
    assert refused.value.faults[0].key == "too_big"


# ------------------------------------------------------------------ answering


def letter(account: Account, **fields: Any) -> Message:
    return Message.objects.get(pk=letters.put(account, letters.raw(**fields)).message_ids[0])


def test_an_answer_goes_from_the_mailbox_that_received_the_letter(alice: User, sales: Account) -> None:
    """P34, S5-33."""
    letters.account("alice@firm.example", users=[alice])
    Account.objects.filter(pk=sales.pk).update(signature_html="<p>Sales team</p>")
    message = letter(sales)
    begun = replying.answer(by=alice, message=message, everybody=False, intro=lambda _: "Luca wrote:")
    assert begun.account == sales
    assert keys(begun.to) == ["luca@client.example"]
    assert begun.subject == "Re: Offer"
    assert begun.html.index("Sales team") < begun.html.index("Luca wrote:") < begun.html.index("fattura")


def test_an_answer_to_all_leaves_ourselves_out(alice: User, sales: Account) -> None:
    """P35."""
    message = letter(
        sales,
        cc="Anna <anna@client.example>, alice@firm.example",
        extra="Reply-To: orders@client.example",
    )
    begun = replying.answer(by=alice, message=message, everybody=True, intro=lambda _: "x")
    assert keys(begun.to) == ["orders@client.example"]
    assert keys(begun.cc) == ["anna@client.example"]


def test_an_answer_carries_the_thread_along(alice: User, sales: Account) -> None:
    """P24."""
    message = letter(sales, mid="two@client.example", answers="one@client.example")
    draft = written(alice, sales, in_reply_to=message.pk)
    outgoing, _raw, found = sent(draft, alice)
    assert found.in_reply_to == ("two@client.example",)
    assert found.references == ("one@client.example", "two@client.example")
    assert outgoing.answers == message


def test_in_reply_to_may_be_a_message_id(alice: User, sales: Account) -> None:
    message = letter(sales)
    assert written(alice, sales, in_reply_to="<one@client.example>").answers == message


def test_passing_on_takes_the_files_along_and_claims_no_answer(alice: User, sales: Account) -> None:
    message = letter(sales)
    begun = replying.forward(by=alice, message=message, intro=lambda _: "Forwarded:")
    assert (begun.subject, begun.to, begun.forwards) == ("Fwd: Offer", (), message)
    draft = written(alice, sales, forwards=message.pk)
    assert sent(draft, alice)[2].in_reply_to == ()


def test_a_new_letter_begins_with_the_default_account(alice: User, sales: Account) -> None:
    begun = replying.new_letter(
        by=alice, to="Luca <luca@client.example>", subject="Hello\r\nBcc: x@y.example"
    )
    assert begun.account == sales
    assert keys(begun.to) == ["luca@client.example"]
    assert begun.subject == "Hello Bcc: x@y.example"
