"""The firm that every test of this screen starts with."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from mailroom.data.people.models import User
from tests.world import World, make_world

As = Callable[[User], Client]


@pytest.fixture
def world(db: None) -> World:
    """Alice, Bob, Charlie and Dora with two mailboxes."""
    return make_world()


@pytest.fixture
def as_user() -> As:
    """A browser in which a user has signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in
