"""First start: the set-up page, once, with the code; nothing else can be reached before."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from mailroom.actions import people
from mailroom.data.people.models import Firm, Role, User
from tests.world import make_user

SAID = {
    "firm": "Acme sp. z o.o.",
    "language": "pl",
    "timezone": "Europe/Warsaw",
    "name": "Jan Król",
    "email": "Jan@acme.example",
    "password": "correct horse",
}


@pytest.fixture(autouse=True)
def fresh_tries() -> None:
    """Tries are counted in the cache; each test has its own."""
    cache.clear()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/mail/", "/search/?q=x", "/account/login/", "/mail/thread/1/"])
def test_every_page_leads_to_set_up_while_nobody_exists(client: Client, path: str) -> None:
    answer = client.get(path, follow=True)
    assert answer.redirect_chain[-1][0] == "/setup/"
    assert "Set up Mailroom" in answer.content.decode()


@pytest.mark.django_db
def test_the_first_administrator_is_signed_in_and_the_page_is_gone(client: Client) -> None:
    answer = client.post("/setup/", {**SAID, "code": people.setup_code()})
    assert answer.status_code == 302
    user = User.objects.get()
    assert (user.email, user.role, user.language) == ("jan@acme.example", Role.ADMINISTRATOR, "pl")
    firm = Firm.objects.get()
    assert (firm.name, firm.timezone) == ("Acme sp. z o.o.", "Europe/Warsaw")
    assert client.get("/mail/").status_code == 200
    assert client.cookies["mailroom_language"].value == "pl"
    assert Client().get("/setup/").status_code == 302
    assert Client().post("/setup/", {**SAID, "code": "x"}).status_code == 302
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("code", "0000-0000"),
        ("password", "short"),
        ("email", "nobody"),
        ("firm", ""),
        ("timezone", "Mars/Olympus"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_made(client: Client, field: str, wrong: str) -> None:
    answer = client.post("/setup/", {**SAID, "code": people.setup_code(), field: wrong})
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_guessing_the_code_is_slowed_down(client: Client) -> None:
    answers: list[Any] = [client.post("/setup/", {**SAID, "code": f"guess-{n}"}) for n in range(12)]
    assert "Too many tries" in answers[-1].content.decode()
    late = client.post("/setup/", {**SAID, "code": people.setup_code()})
    assert late.status_code == 422
    assert not User.objects.exists()


@pytest.mark.django_db
def test_set_up_is_no_way_in_once_there_is_a_user(client: Client) -> None:
    make_user("Alice Nowak")
    assert client.get("/setup/")["Location"] == "/mail/"
