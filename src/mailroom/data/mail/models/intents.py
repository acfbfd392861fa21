"""Changes the server must still hear of, and letters that could not be processed."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from mailroom.data.blobs.models import Blob

from .accounts import Account
from .folders import Folder, ServerFolder
from .letters import Message, Placement


class Intent(models.Model):
    """A change made here that the server must still hear of.

    Written in the transaction of the visible change; ends when its effect is observed, not when the
    command was sent. Phases before a command that cannot be repeated carry evidence and are durable.
    """

    class Kind(models.TextChoices):
        FLAGS = "flags"
        MOVE = "move"
        DELETE = "delete"
        APPEND = "append"

    class Phase(models.TextChoices):
        PENDING = "pending"
        COPYING = "copying"
        """Evidence is written; the command may have been sent."""
        COPIED = "copied"
        OBSERVED = "observed"
        SUPERSEDED = "superseded"
        FAILED = "failed"

    LIVE = (Phase.PENDING, Phase.COPYING, Phase.COPIED)

    account = models.ForeignKey(Account, models.CASCADE, related_name="intents")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    phase = models.CharField(max_length=12, choices=Phase.choices, default=Phase.PENDING)
    message = models.ForeignKey(Message, models.CASCADE, related_name="intents")
    placement = models.ForeignKey(Placement, models.CASCADE, null=True, related_name="intents")
    server_folder = models.ForeignKey(ServerFolder, models.CASCADE, null=True, related_name="intents")
    add = models.JSONField(default=list)
    remove = models.JSONField(default=list)
    """Flags are deltas, never a full set."""
    target = models.ForeignKey(Folder, models.SET_NULL, null=True, related_name="+")
    evidence = models.JSONField(default=dict)
    """Before a COPY, MOVE or APPEND: UIDVALIDITY and UIDNEXT of the destination."""
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    error_kind = models.CharField(max_length=32, blank=True)
    error_words = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["account", "next_at"],
                name="intent_live",
                condition=models.Q(phase__in=["pending", "copying", "copied"]),
            ),
        )


class Parked(models.Model):
    """Something that could not be processed, kept with its bytes where there are any, and the reason."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="parked")
    server_folder = models.ForeignKey(ServerFolder, models.CASCADE, related_name="parked")
    uidvalidity = models.BigIntegerField()
    uid = models.BigIntegerField()
    reason = models.CharField(max_length=32)
    """too_big, no_bytes, unreadable, refused, crashed."""
    words = models.TextField(blank=True)
    size = models.BigIntegerField(null=True)
    blob = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="+")
    attempts = models.PositiveIntegerField(default=1)
    parked_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    """When it is tried again by itself; null = only by hand."""

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["server_folder", "uidvalidity", "uid"], name="parked_once"),
        )
