"""Addresses of the mail screen."""

from __future__ import annotations

from django.urls import path

from . import events, screen

app_name = "inbox"
urlpatterns = [
    path("", screen.screen, name="all"),
    path("events/", events.events, name="events"),
]
