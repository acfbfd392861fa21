"""Letters that answer each other, and the list of threads kept ready for each folder."""

from __future__ import annotations

from django.db import models

from .accounts import Account
from .folders import Folder


class Thread(models.Model):
    """A conversation across the mailboxes of the firm; visibility filters what one sees of it."""

    base_subject = models.CharField(max_length=500, blank=True)
    """Of the letter that started it (RFC 5256 2.1)."""
    created_at = models.DateTimeField()


class ThreadKey(models.Model):
    """A Message-ID known to belong to a thread, also of letters that were only referred to."""

    key = models.BinaryField(max_length=16, primary_key=True)
    """BLAKE2b-128 of the Message-ID."""
    thread = models.ForeignKey(Thread, models.CASCADE, related_name="keys")


class ThreadRow(models.Model):
    """One thread in one folder, as the list shows it; kept by the transaction that changes its letters."""

    folder = models.ForeignKey(Folder, models.CASCADE, related_name="rows")
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    thread = models.ForeignKey(Thread, models.CASCADE, related_name="rows")
    newest = models.BigIntegerField()
    """Id of the newest letter of the thread in this folder: sorts by date by itself."""
    count = models.PositiveIntegerField()
    unread = models.PositiveIntegerField()
    flagged = models.BooleanField(default=False)
    answered = models.BooleanField(default=False)
    attachments = models.PositiveIntegerField(default=0)
    senders = models.JSONField(default=list)
    """Names of the last few correspondents, newest last."""
    restricted = models.BooleanField(default=False)
    """Holds a confidential or private letter: to be counted anew for each viewer."""

    class Meta:
        constraints = (models.UniqueConstraint(fields=["folder", "thread"], name="thread_row_once"),)
        indexes = (
            models.Index(fields=["folder", "-newest"], name="thread_row_list"),
            models.Index(
                fields=["folder", "-newest"], name="thread_row_unread", condition=models.Q(unread__gt=0)
            ),
        )
