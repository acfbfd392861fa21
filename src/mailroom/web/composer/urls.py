"""Addresses of writing."""

from __future__ import annotations

from django.urls import path

from . import files, outbox, sending, window

app_name = "composer"
urlpatterns = [
    path("", window.new, name="new"),
    path("reply/<int:message_id>/", window.reply, name="reply"),
    path("reply-all/<int:message_id>/", window.reply_all, name="reply_all"),
    path("forward/<int:message_id>/", window.forward, name="forward"),
    path("drafts/", window.drafts, name="drafts"),
    path("drafts/<int:pk>/", window.draft, name="draft"),
    path("drafts/<int:pk>/discard/", sending.discard, name="discard"),
    path("drafts/<int:pk>/files/<int:file>/remove/", files.remove, name="remove_file"),
    path("drafts/<int:pk>/pictures/<path:content_id>", files.picture, name="picture"),
    path("files/", files.upload, name="upload"),
    path("save/", sending.save, name="save"),
    path("send/", sending.send, name="send"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("outbox/<int:pk>/", outbox.state, name="state"),
    path("outbox/<int:pk>/undo/", outbox.undo, name="undo"),
    path("outbox/<int:pk>/edit/", outbox.edit, name="edit"),
    path("outbox/<int:pk>/retry/", outbox.retry, name="retry"),
    path("outbox/<int:pk>/resolve/", outbox.resolve, name="resolve"),
]
