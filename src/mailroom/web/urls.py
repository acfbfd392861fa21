"""The addresses of all screens."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="inbox:all"), name="home"),
    path("", include("mailroom.web.session.urls")),
    path("mail/", include("mailroom.web.inbox.urls")),
    path("search/", include("mailroom.web.search.urls")),
    path("contacts/", include("mailroom.web.contacts.urls")),
    path("accounts/", include("mailroom.web.accounts.urls")),
    path("write/", include("mailroom.web.composer.urls")),
    path("api/v1/", include("mailroom.web.api.urls")),
]
