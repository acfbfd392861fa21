"""Addresses of coming in and settling."""

from __future__ import annotations

from allauth.account import views as allauth_views
from django.urls import include, path

from . import preferences, setup
from .entrance import before_sign_in

named = (
    [
        path("setup/", setup.setup, name="setup"),
        path("preferences/", preferences.preferences, name="preferences"),
    ],
    "session",
)
urlpatterns = [
    path("", include(named)),
    # Before allauth's own address of the same name: while nobody exists it leads to set-up.
    path("account/login/", before_sign_in(allauth_views.login), name="account_login"),
]
