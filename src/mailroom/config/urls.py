"""The roots of all addresses: health, sign-in, and the screens."""

from __future__ import annotations

from django.urls import include, path

from mailroom.web import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
    path("", include("mailroom.web.urls")),
    path("account/", include("allauth.account.urls")),
]
