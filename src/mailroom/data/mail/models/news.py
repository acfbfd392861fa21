"""What happened, for pages that are open: a short-lived trail read by the event stream."""

from __future__ import annotations

from django.db import models

from .accounts import Account


class News(models.Model):
    """One thing worth telling open pages; rows older than an hour are swept."""

    class Kind(models.TextChoices):
        ARRIVED = "arrived"
        CHANGED = "changed"
        PROGRESS = "progress"
        STATE = "state"
        SENT = "sent"

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    about = models.JSONField(default=dict)
    """Ids only: the page asks for what it may see."""
    at = models.DateTimeField(db_index=True)
