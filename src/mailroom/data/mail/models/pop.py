"""What is known of the messages of a POP3 maildrop, by the server's unique ids."""

from __future__ import annotations

from django.db import models

from mailroom.core.sync.maildrop import Outcome

from .accounts import Account
from .letters import Message


class PopUidl(models.Model):
    """One message that has, or had, an outcome; written in the transaction of that outcome.

    Kept until 90 days after the message left the server: some ids come back, some are given anew.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="pop_uidls")
    uidl = models.CharField(max_length=255)
    """As the server says it; ``top <digest>`` where it says none (see :mod:`mailroom.core.sync.maildrop`)."""
    nth = models.PositiveIntegerField(default=0)
    """Several messages may have had the same id, at once or one after the other."""
    outcome = models.CharField(max_length=16, choices=[(one.value, one.value) for one in Outcome])
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="pop_uidls")
    """The letter it was stored as; identical ones share it."""
    size = models.BigIntegerField(default=0)
    """As LIST said; 0 = not known."""
    identity = models.CharField(max_length=32, blank=True)
    """A digest of the headers, in hex; empty where they were never seen."""
    received_at = models.DateTimeField(null=True)
    """What the start date is compared with: topmost Received, else Date."""
    saved_at = models.DateTimeField(null=True)
    """When the letter was committed; "remove after n days" counts from here."""
    dele_sent_at = models.DateTimeField(null=True)
    """Durable before the first DELE is sent; whether it worked is told by the next listing."""
    gone_at = models.DateTimeField(null=True)
    """When it was first missing in a listing, or QUIT confirmed its deletion."""

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "uidl", "nth"], name="pop_uidl_once"),)
        indexes = (
            models.Index(
                fields=["account", "outcome"], name="pop_uidl_live", condition=models.Q(gone_at=None)
            ),
        )

    def __str__(self) -> str:
        return self.uidl
