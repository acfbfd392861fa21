"""The door in a real browser: a stranger is asked to sign in, and the page keeps its own security policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from mailroom.actions.people import create_user
from tests.browser import take_shot

pytestmark = [pytest.mark.browser]


def test_a_stranger_is_led_to_the_sign_in(page: Page) -> None:
    create_user(email="ann@example.com", name="Ann", role="administrator", password="correct horse")
    page.goto("/")
    assert page.locator("input[type=password]").count() == 1
    take_shot(page, "sign-in")


def test_the_server_answers_more_than_one_request_at_once(page: Page) -> None:
    page.goto("/healthz")
    asked = "Promise.all(Array.from({length: 12}, () => fetch('/healthz').then(a => a.status)))"
    assert page.evaluate(asked) == [200] * 12
