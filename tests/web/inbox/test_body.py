"""What a letter brings along: frames under their own policy, files that are only ever kept (P32)."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import pytest
from django.urls import reverse

from mailroom.data.mail.models import Attachment
from mailroom.web.inbox.body import safe_name
from tests.world import World, deliver_one, letter

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
HOSTILE = (
    '<p onclick="a()">Hi<script>alert(1)</script><img src="https://spy.example/p.gif">'
    '<img src="cid:logo@x"><a href="javascript:alert(2)">x</a><form action="/account/logout/"><input></form>'
    '<iframe src="https://spy.example"></iframe><style>@import "https://spy.example/a.css"</style></p>'
)


def with_picture() -> bytes:
    """A letter whose HTML shows a picture that it brings along."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Logo", "a@b.example", "sales@acme.example"
    message.set_content("Hi")
    message.add_alternative(HOSTILE, subtype="html")
    message.get_payload()[1].add_related(PNG, "image", "png", cid="<logo@x>")  # type: ignore[union-attr,index]
    return message.as_bytes()


def test_the_frame_runs_nothing_and_loads_nothing_from_elsewhere(world: World, as_user: Any) -> None:
    message = deliver_one(world.sales, with_picture())
    answer = as_user(world.alice).get(reverse("inbox:body", args=[message.pk]))
    policy, page = answer["Content-Security-Policy"], answer.content.decode()
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-same-origin allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "img-src 'self' data:;" in policy
    assert answer["Referrer-Policy"] == "no-referrer"
    for gone in ("<script", "onclick", "javascript:", "<form", "<iframe", "spy.example", "@import"):
        assert gone not in page, gone


def test_held_back_pictures_are_counted_and_come_only_when_asked_for(world: World, as_user: Any) -> None:
    html = '<p>Hi <img src="https://spy.example/p.gif"></p>'
    message = deliver_one(world.sales, letter(html=html))
    client = as_user(world.alice)
    page = client.get(f"/mail/?thread={message.thread_id}").content.decode()
    assert "1 picture from elsewhere is held back" in page
    shown = client.get(reverse("inbox:body", args=[message.pk]) + "?pictures=1")
    assert "https://spy.example/p.gif" in shown.content.decode()
    assert "img-src 'self' data: https:; upgrade-insecure-requests" in shown["Content-Security-Policy"]
    assert "default-src 'none'" in shown["Content-Security-Policy"]


def test_a_picture_inside_the_letter_is_served_by_its_content_id(world: World, as_user: Any) -> None:
    message = deliver_one(world.sales, with_picture())
    client = as_user(world.alice)
    address = reverse("inbox:picture", args=[message.pk, "logo@x"])
    assert address in client.get(reverse("inbox:body", args=[message.pk])).content.decode()
    answer = client.get(address)
    assert (answer.content, answer["Content-Type"]) == (PNG, "image/png")
    assert as_user(world.charlie).get(address).status_code == 404


def test_a_file_is_kept_and_never_shown(world: World, as_user: Any) -> None:
    """S4-42."""
    page = b"<script>alert(document.cookie)</script>"
    message = deliver_one(world.sales, letter(files=[("Łódź faktura.html", "text/html", page)]))
    answer = as_user(world.alice).get(reverse("inbox:attachment", args=[message.pk, 0]))
    assert answer.content == page
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''%C5%81")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_a_file_is_named_with_its_size_in_the_letter(world: World, as_user: Any) -> None:
    message = deliver_one(world.sales, letter(files=[("umowa.pdf", "application/pdf", b"x" * 2048)]))
    page = as_user(world.alice).get(f"/mail/?thread={message.thread_id}").content.decode()
    assert "umowa.pdf" in page
    assert "2.0\xa0KB" in page


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("a\r\nb.txt", "a_b.txt"),
        ("", "attachment-1.eml"),
        ("...", "attachment-1.eml"),
    ],
)
def test_names_of_files_hide_nothing(named: str, kept: str) -> None:
    assert safe_name(Attachment(index=0, filename=named, content_type="message/rfc822")) == kept


def test_a_missing_file_or_letter_is_not_found(world: World, as_user: Any) -> None:
    message = deliver_one(world.sales, letter())
    client = as_user(world.alice)
    assert client.get(reverse("inbox:attachment", args=[message.pk, 7])).status_code == 404
    assert client.get(reverse("inbox:attachment", args=[message.pk, 10**18])).status_code == 404
    assert client.get(reverse("inbox:body", args=[message.pk])).status_code == 404
