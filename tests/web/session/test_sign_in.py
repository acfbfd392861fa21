"""Coming in, going out, and what is said to those who may not."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory, override_settings
from django.views.defaults import server_error

from mailroom.data.people.models import User
from tests.world import PASSWORD, make_user


@pytest.fixture
def alice(db: None) -> User:
    """Somebody who may sign in."""
    cache.clear()
    return make_user("Alice Nowak")


def sign_in(client: Client, password: str = PASSWORD, **more: str) -> int:
    answer = client.post("/account/login/", {"login": "Alice@acme.example", "password": password, **more})
    return int(answer.status_code)


def test_a_user_signs_in_with_address_and_password_and_lands_where_they_wanted(alice: User) -> None:
    client = Client()
    assert client.get("/mail/?unread=1")["Location"] == "/account/login/?next=/mail/%3Funread%3D1"
    page = client.get("/account/login/?next=/search/").content.decode()
    assert 'autocomplete="current-password"' in page
    answer = client.post(
        "/account/login/?next=/search/", {"login": alice.email, "password": PASSWORD, "next": "/search/"}
    )
    assert answer["Location"] == "/search/"


def test_a_wrong_password_is_said_without_telling_which_was_wrong(alice: User) -> None:
    client = Client()
    known = client.post("/account/login/", {"login": alice.email, "password": "wrong"})
    unknown = client.post("/account/login/", {"login": "nobody@acme.example", "password": "wrong"})
    assert 'role="alert"' in known.content.decode()
    assert known.context["form"].errors == unknown.context["form"].errors
    assert client.get("/mail/").status_code == 302


@override_settings(ACCOUNT_RATE_LIMITS={"login_failed": "3/m/ip"})
def test_guessing_passwords_is_slowed_down(alice: User) -> None:
    client = Client()
    for _ in range(4):
        sign_in(client, "wrong")
    sign_in(client)
    assert client.get("/mail/").status_code == 302


def test_who_was_switched_off_does_not_come_in(alice: User) -> None:
    User.objects.update(is_active=False)
    client = Client()
    sign_in(client)
    assert client.get("/mail/").status_code == 302


def test_switching_a_user_off_ends_their_session(alice: User) -> None:
    client = Client()
    sign_in(client)
    assert client.get("/mail/").status_code == 200
    User.objects.update(is_active=False)
    assert client.get("/mail/").status_code == 302


def test_signing_out_takes_a_post(alice: User) -> None:
    client = Client()
    sign_in(client)
    assert "Sign out?" in client.get("/account/logout/").content.decode()
    assert client.get("/mail/").status_code == 200
    client.post("/account/logout/")
    assert client.get("/mail/").status_code == 302


def test_nobody_signs_themselves_up(alice: User) -> None:
    client = Client()
    client.post("/account/signup/", {"email": "x@y.example", "password1": PASSWORD, "password2": PASSWORD})
    assert User.objects.count() == 1


def test_a_fragment_after_the_session_ended_is_refused_plainly(alice: User) -> None:
    assert Client().get("/mail/", headers={"HX-Request": "true"}).status_code == 401


def test_no_address_of_elsewhere_is_led_to(alice: User) -> None:
    client = Client()
    sign_in(client)
    answer = client.post("/preferences/", {"theme": "dark", "next": "https://evil.example/"})
    assert answer["Location"] == "/mail/"


def test_pages_come_with_a_strict_policy_and_no_inline_script(alice: User) -> None:
    client = Client()
    sign_in(client)
    for path in ("/mail/", "/search/", "/account/login/", "/nowhere/"):
        answer = client.get(path)
        page = answer.content.decode()
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert (
            "'unsafe-inline'"
            not in answer["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]
        )
        assert "<script>" not in page
        assert " onclick" not in page


def test_theme_keys_and_language_are_remembered(alice: User) -> None:
    client = Client()
    sign_in(client)
    client.post("/preferences/", {"theme": "dark"})
    client.post("/preferences/", {"keys": "off"})
    client.post("/preferences/", {"language": "pl"})
    page = client.get("/mail/").content.decode()
    assert 'data-theme="dark"' in page
    assert 'data-keys="off"' in page
    assert 'lang="pl"' in page
    alice.refresh_from_db()
    assert alice.language == "pl"
    client.post("/preferences/", {"theme": "<b>", "language": "xx"})
    assert 'data-theme="dark"' in client.get("/mail/").content.decode()


@pytest.mark.parametrize("path", ["/nowhere/", "/mail/thread/1/"])
def test_what_is_not_there_is_said_calmly(alice: User, path: str) -> None:
    client = Client()
    sign_in(client)
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is nothing here, or it is not yours to see." in answer.content.decode()


def test_our_fault_is_said_by_a_page_that_needs_nothing(rf: RequestFactory) -> None:
    answer = server_error(rf.get("/mail/"))
    assert answer.status_code == 500
    assert "No mail is lost" in answer.content.decode()
