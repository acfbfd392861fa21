"""The addresses of all screens."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

SCREENS = (
    ("", "mailroom.web.session.urls"),
    ("mail/", "mailroom.web.inbox.urls"),
    ("search/", "mailroom.web.search.urls"),
    ("contacts/", "mailroom.web.contacts.urls"),
    ("accounts/", "mailroom.web.accounts.urls"),
    ("write/", "mailroom.web.composer.urls"),
    ("api/v1/", "mailroom.web.api.urls"),
)


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="inbox:all"), name="home"),
    *(path(prefix, include(module)) for prefix, module in SCREENS if _exists(module)),
]
