"""Addresses of the mail screen."""

from __future__ import annotations

from django.urls import path

from . import body, events, filing, marking, screen

app_name = "inbox"
urlpatterns = [
    path("", screen.screen, name="all"),
    path("events/", events.events, name="events"),
    path("looked/", screen.looked, name="looked"),
    path("fetch/", marking.fetch, name="fetch"),
    path("folder/<int:folder_id>/", screen.screen, name="folder"),
    path("thread/<int:thread_id>/", screen.screen, name="thread"),
    path("thread/<int:thread_id>/seen/", marking.seen, name="seen"),
    path("thread/<int:thread_id>/file/", filing.file, name="file"),
    path("undo/", filing.undo, name="undo"),
    path("message/<int:message_id>/", screen.message, name="message"),
    path("message/<int:message_id>/letter/", screen.letter, name="letter"),
    path("message/<int:message_id>/body/", body.body, name="body"),
    path("message/<int:message_id>/attachments/<int:index>/", body.attachment, name="attachment"),
    path("message/<int:message_id>/pictures/<path:content_id>", body.picture, name="picture"),
]
