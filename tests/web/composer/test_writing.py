"""Writing and sending by the page: saved as it is written, sent once, taken back, nobody else's business."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from mailroom.core.letter import Letter, attachment_bytes, read_letter
from mailroom.data.blobs.keeping import content_of
from mailroom.data.mail.models import Account
from mailroom.data.outbox.models import Draft, Outgoing
from mailroom.data.people.models import User
from tests.world import World, deliver_one, letter

As = Callable[[User], Client]
JSON = {"Accept": "application/json"}


def said(account: Account, **changes: Any) -> dict[str, Any]:
    return {
        "draft": "",
        "answers": "",
        "forwards": "",
        "key": "key-1",
        "account_id": account.pk,
        "to": '"Nowak, Marta" <marta@nowak.example>, ben@nowak.example',
        "cc": "",
        "bcc": "boss@acme.example",
        "subject": "Zażółć",
        "html": "<p>Dzień <strong>dobry</strong></p>",
    } | changes


def bytes_of(outgoing: Outgoing) -> tuple[bytes, Letter]:
    raw = content_of(outgoing.blob)
    return raw, read_letter(raw)


def test_what_is_written_is_saved_and_found_again(world: World, as_user: As) -> None:
    alice = as_user(world.alice)
    first = alice.post(reverse("composer:save"), said(world.sales), headers=JSON).json()
    assert first["saved"].startswith("draft saved")
    changed = said(world.sales, draft=first["id"], subject="Other")
    assert alice.post(reverse("composer:save"), changed, headers=JSON).json()["id"] == first["id"]
    page = alice.get(reverse("composer:draft", args=[first["id"]])).content.decode()
    assert "Other" in page
    assert "&lt;strong&gt;dobry" in page
    assert "Nowak, Marta" in page
    assert "Other" in alice.get(reverse("composer:drafts")).content.decode()


def test_a_sent_letter_says_what_was_written_and_hides_bcc(world: World, as_user: As) -> None:
    alice = as_user(world.alice)
    answer = alice.post(reverse("composer:send"), said(world.sales), headers=JSON).json()
    outgoing = Outgoing.objects.get(pk=answer["id"])
    raw, found = bytes_of(outgoing)
    assert [one.key for one in found.to] == ["marta@nowak.example", "ben@nowak.example"]
    assert found.to[0].name == "Nowak, Marta"
    assert found.subject == "Zażółć"
    assert "Dzień dobry" in found.text
    assert b"boss" not in raw
    assert (outgoing.state, answer["seconds"]) == ("held", 10)
    assert not Draft.objects.exists()


def test_the_same_click_twice_sends_once(world: World, as_user: As) -> None:
    alice = as_user(world.alice)
    ids = {alice.post(reverse("composer:send"), said(world.sales), headers=JSON).json()["id"] for _ in "ab"}
    assert len(ids) == 1
    assert Outgoing.objects.count() == 1


def test_a_plain_form_works_without_any_script(world: World, as_user: As) -> None:
    alice = as_user(world.alice)
    file = SimpleUploadedFile("a.txt", b"hello", "text/plain")
    shown = alice.post(reverse("composer:send"), said(world.sales, files=file), follow=True)
    assert "leaves in a moment" in shown.content.decode()
    raw, found = bytes_of(Outgoing.objects.get())
    assert [attachment_bytes(raw, one) for one in found.attachments] == [b"hello"]
    wrong = alice.post(reverse("composer:send"), said(world.sales, key="k2", to="nonsense"))
    assert wrong.status_code == 422
    assert "is not an e-mail address" in wrong.content.decode()
    assert "&lt;strong&gt;dobry" in wrong.content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"to": "", "bcc": ""}, "at least one recipient"),
        ({"to": "a b@nowak.example x"}, "is not an e-mail address"),
        ({"cc": "half@"}, "is not an e-mail address"),
        ({"subject": "a\r\nBcc: x@y.example"}, "Line breaks"),
        ({"to": "a@b.example\r\nBcc: x@y.example"}, "Line breaks"),
        ({"html": "a\0"}, "Line breaks"),
    ],
)
def test_what_cannot_be_sent_says_why_and_stays(
    world: World, as_user: As, changes: dict[str, str], words: str
) -> None:
    answer = as_user(world.alice).post(reverse("composer:send"), said(world.sales, **changes), headers=JSON)
    assert answer.status_code == 422
    assert words in " ".join(fault["words"] for fault in answer.json()["faults"])
    assert not Outgoing.objects.exists()


def test_nobody_sends_from_a_mailbox_that_does_not_list_them(world: World, as_user: As) -> None:
    """S5-49: not even an administrator."""
    for user in (world.charlie, world.dora):
        answer = as_user(user).post(reverse("composer:send"), said(world.sales), headers=JSON)
        assert answer.status_code == 422
    bob = as_user(world.bob)
    assert bob.post(reverse("composer:send"), said(world.alices), headers=JSON).status_code == 422
    assert not Outgoing.objects.exists()
    assert "alice@acme.example" not in bob.get(reverse("composer:new")).content.decode()


def test_a_draft_belongs_to_its_writer(world: World, as_user: As) -> None:
    pk = as_user(world.alice).post(reverse("composer:save"), said(world.sales), headers=JSON).json()["id"]
    bob = as_user(world.bob)
    assert bob.get(reverse("composer:draft", args=[pk])).status_code == 404
    assert bob.post(reverse("composer:discard", args=[pk])).status_code == 404
    assert bob.post(reverse("composer:save"), said(world.sales, draft=pk), headers=JSON).status_code == 404
    assert bob.post(reverse("composer:send"), said(world.sales, draft=pk), headers=JSON).status_code == 404
    assert Draft.objects.filter(pk=pk).exists()


def test_charlie_finds_no_letter_to_answer_and_no_outgoing(world: World, as_user: As) -> None:
    message = deliver_one(world.sales, letter())
    as_user(world.alice).post(reverse("composer:send"), said(world.sales), headers=JSON)
    outgoing = Outgoing.objects.get()
    charlie = as_user(world.charlie)
    for name in ("reply", "reply_all", "forward"):
        assert charlie.get(reverse(f"composer:{name}", args=[message.pk])).status_code == 404
    assert charlie.get(reverse("composer:state", args=[outgoing.pk])).status_code == 404
    for name in ("undo", "retry", "resolve", "edit"):
        assert charlie.post(reverse(f"composer:{name}", args=[outgoing.pk])).status_code == 404
    assert "Zażółć" not in charlie.get(reverse("composer:outbox")).content.decode()
    outgoing.refresh_from_db()
    assert outgoing.state == "held"


def test_an_answer_opens_with_recipient_subject_and_quotation(world: World, as_user: As) -> None:
    """S4-22, P34."""
    raw = letter("Offer", "<b>Good</b> day", cc="ann@nowak.example, bob@acme.example")
    message = deliver_one(world.sales, raw)
    alice = as_user(world.alice)
    page = alice.get(reverse("composer:reply", args=[message.pk])).content.decode()
    assert 'value="Re: Offer"' in page
    assert "marta@nowak.example" in page
    assert "ann@nowak.example" not in page
    assert "Marta Nowak &amp;lt;marta@nowak.example&amp;gt; wrote:" in page
    assert "&amp;lt;b&amp;gt;Good" in page
    assert f'value="{world.sales.pk}" selected' in page
    everybody = alice.get(reverse("composer:reply_all", args=[message.pk])).content.decode()
    assert "ann@nowak.example" in everybody


def test_an_answer_sent_carries_the_thread_and_its_own_account(world: World, as_user: As) -> None:
    message = deliver_one(world.sales, letter(mid="one@nowak.example"))
    as_user(world.alice).post(reverse("composer:send"), said(world.sales, answers=message.pk), headers=JSON)
    _raw, found = bytes_of(Outgoing.objects.get())
    assert found.in_reply_to == ("one@nowak.example",)
    assert [one.key for one in found.from_] == ["sales@acme.example"]


def test_a_letter_passed_on_takes_its_files_along(world: World, as_user: As) -> None:
    message = deliver_one(world.sales, letter("Offer", files=[("oferta.pdf", "application/pdf", b"%PDF")]))
    alice = as_user(world.alice)
    page = alice.get(reverse("composer:forward", args=[message.pk])).content.decode()
    assert "oferta.pdf" in page
    assert 'value="Fwd: Offer"' in page
    alice.post(reverse("composer:send"), said(world.sales, forwards=message.pk), headers=JSON)
    raw, found = bytes_of(Outgoing.objects.get())
    assert [(one.filename, attachment_bytes(raw, one)) for one in found.attachments] == [
        ("oferta.pdf", b"%PDF")
    ]


def test_files_are_attached_and_taken_out(world: World, as_user: As) -> None:
    alice = as_user(world.alice)
    file = SimpleUploadedFile("Żółta.pdf", b"%PDF", "application/pdf")
    answer = alice.post(reverse("composer:upload"), said(world.sales, files=file), headers=JSON)
    draft = Draft.objects.get(pk=answer["X-Draft"])
    assert "Żółta.pdf" in answer.content.decode()
    pk = draft.files.get().pk
    other = as_user(world.bob).post(reverse("composer:remove_file", args=[draft.pk, pk]), headers=JSON)
    assert other.status_code == 404
    alice.post(reverse("composer:remove_file", args=[draft.pk, pk]), headers=JSON)
    assert not draft.files.exists()


def test_a_letter_taken_back_is_the_same_draft_again(world: World, as_user: As) -> None:
    alice = as_user(world.alice)
    file = SimpleUploadedFile("a.pdf", b"%PDF", "application/pdf")
    sent = alice.post(reverse("composer:send"), said(world.sales, files=file), headers=JSON).json()
    back = alice.post(sent["undo"], headers=JSON).json()
    draft = Draft.objects.get()
    assert back["draft"] == reverse("composer:draft", args=[draft.pk])
    assert [row["address"] for row in draft.to] == ["marta@nowak.example", "ben@nowak.example"]
    assert [row["address"] for row in draft.bcc] == ["boss@acme.example"]
    assert (draft.subject, draft.account) == ("Zażółć", world.sales)
    assert "<strong>dobry</strong>" in draft.html
    assert [file.filename for file in draft.files.all()] == ["a.pdf"]
    assert alice.post(sent["undo"], headers=JSON).status_code == 409
    assert "Zażółć" not in alice.get(reverse("composer:outbox")).content.decode()


OUTBOX: list[tuple[dict[str, Any], list[str]]] = [
    ({"state": "queued"}, ["queued", "Try now", "Take back"]),
    ({"state": "queued", "error_kind": "timeout"}, ["trying again", "did not answer in time"]),
    ({"state": "sending"}, ["sending"]),
    (
        {"state": "failed", "error_kind": "sender_refused", "error_words": "550 no"},
        ["not sent", "550 no", "Write on"],
    ),
    ({"state": "uncertain", "error_kind": "after_dot"}, ["uncertain", "It was sent", "Send again"]),
]


@pytest.mark.parametrize(("fields", "words"), OUTBOX)
def test_the_outbox_says_how_each_letter_is_doing(
    world: World, as_user: As, fields: dict[str, Any], words: list[str]
) -> None:
    alice = as_user(world.alice)
    alice.post(reverse("composer:send"), said(world.sales), headers=JSON)
    Outgoing.objects.update(**fields)
    page = alice.get(reverse("composer:outbox")).content.decode()
    for word in words:
        assert word in page
    state = alice.get(reverse("composer:state", args=[Outgoing.objects.get().pk])).json()
    assert state["final"] == (fields["state"] in ("failed", "uncertain"))


def test_a_letter_in_doubt_is_settled_by_a_person(world: World, as_user: As) -> None:
    alice = as_user(world.alice)
    alice.post(reverse("composer:send"), said(world.sales), headers=JSON)
    Outgoing.objects.update(state="uncertain")
    first = Outgoing.objects.get()
    alice.post(reverse("composer:resolve", args=[first.pk]), {"as": "sent"})
    assert Outgoing.objects.get().state == "sent"
    assert (
        alice.post(reverse("composer:resolve", args=[first.pk]), {"as": "again"}, headers=JSON).status_code
        == 409
    )


def test_without_a_mailbox_the_window_says_so(world: World, as_user: As) -> None:
    assert "No mailbox to send from" in as_user(world.charlie).get(reverse("composer:new")).content.decode()


def test_the_address_bar_cannot_write_into_the_page(world: World, as_user: As) -> None:
    query = {"to": '"><script>alert(1)</script>', "subject": "<script>x</script>", "from": "x' or 1"}
    page = as_user(world.alice).get(reverse("composer:new"), query).content.decode()
    assert "<script>alert" not in page
    assert "<script>x" not in page
