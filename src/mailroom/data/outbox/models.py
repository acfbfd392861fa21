"""Drafts, and letters to be sent. The bytes of an Outgoing are made once; every attempt sends the same."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from mailroom.data.blobs.models import Blob
from mailroom.data.contacts.models import Address
from mailroom.data.mail.models import Account, Message


class Draft(models.Model):
    """A letter being written."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="drafts")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="drafts")
    to = models.JSONField(default=list)
    cc = models.JSONField(default=list)
    bcc = models.JSONField(default=list)
    """Each a list of ``{"name", "address"}``."""
    subject = models.TextField(blank=True)
    html = models.TextField(blank=True)
    text = models.TextField(blank=True)
    answers = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+")
    """The letter this one replies to."""
    forwards = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+")
    send_at = models.DateTimeField(null=True)
    confidential = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)


class DraftFile(models.Model):
    """A file attached to a draft."""

    draft = models.ForeignKey(Draft, models.CASCADE, related_name="files")
    filename = models.CharField(max_length=500)
    content_type = models.CharField(max_length=200)
    size = models.BigIntegerField()
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="+")
    content_id = models.CharField(max_length=200, blank=True)
    """Set when the text shows it."""


class Outgoing(models.Model):
    """A letter to be sent: immutable bytes, states of :mod:`mailroom.core.delivery`.

    ``sent_at`` and ``filed_at`` are two facts: a failed upload to Sent never sends again.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="outgoing")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    idempotency_key = models.CharField(max_length=64)
    """Of the click or the call: asking twice queues once."""
    reference = models.CharField(max_length=36, unique=True)
    """The X-Mailroom-Ref header."""
    mid = models.CharField(max_length=998)
    """Message-ID without brackets, made once."""
    subject = models.TextField(blank=True)
    envelope_from = models.CharField(max_length=320)
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="+")
    state = models.CharField(max_length=12)
    phase = models.CharField(max_length=12, blank=True)
    """pre_data or dot while sending; the row is durable before the final dot leaves."""
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    error_kind = models.CharField(max_length=32, blank=True)
    error_words = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True)
    filed_at = models.DateTimeField(null=True)
    answers = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+")
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+")
    """Our own copy, once sent."""
    again_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="sent_again")
    confidential = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "idempotency_key"], name="queued_once"),)
        indexes = (
            models.Index(
                fields=["next_at"], name="outgoing_due", condition=models.Q(state__in=["queued", "sending"])
            ),
        )


class Recipient(models.Model):
    """One address an Outgoing goes to, and what became of it. Bcc lives only here."""

    outgoing = models.ForeignKey(Outgoing, models.CASCADE, related_name="recipients")
    field = models.CharField(max_length=8)
    """to, cc or bcc."""
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=320)
    address = models.ForeignKey(Address, models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, default="waiting")
    """waiting, sent, deferred or failed."""
    code = models.PositiveSmallIntegerField(null=True)
    reply = models.TextField(blank=True)


class Attempt(models.Model):
    """One try at sending, written as it goes: the evidence read after a crash."""

    outgoing = models.ForeignKey(Outgoing, models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    phase = models.CharField(max_length=12)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=32, blank=True)
    words = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["outgoing", "number"], name="attempt_once"),)
