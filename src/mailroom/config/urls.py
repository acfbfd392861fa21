"""The roots of all addresses: health, sign-in, and the screens."""

from __future__ import annotations

from django.urls import include, path

from mailroom.web.health import healthz, metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("", include("mailroom.web.urls")),
    path("account/", include("allauth.account.urls")),
]
