"""Folders on servers and folders people see; several of the first may feed one of the second."""

from __future__ import annotations

from django.db import models

from mailroom.core.sync.state import Tier

from .accounts import Account


class Folder(models.Model):
    """A folder people see. Inbox, Sent, Drafts, Spam and Trash always exist (S1-27)."""

    class Role(models.TextChoices):
        INBOX = "inbox"
        SENT = "sent"
        DRAFTS = "drafts"
        SPAM = "spam"
        TRASH = "trash"

    account = models.ForeignKey(Account, models.CASCADE, related_name="folders")
    name = models.CharField(max_length=500)
    """The last part of the path; system folders are shown by their role in the reader's language."""
    name_key = models.CharField(max_length=500)
    role = models.CharField(max_length=8, choices=Role.choices, null=True)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, related_name="children")
    local = models.BooleanField(default=False)
    """Made here and on no server."""
    unread = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    """Both count letters that may be shown in lists, kept by the transaction that changes them."""

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "role"], name="one_folder_per_role"),)

    def __str__(self) -> str:
        return self.name


class ServerFolder(models.Model):
    """A folder on the server, and how far it has been read.

    ``uidnext``, ``highestmodseq`` and ``known_uids`` move in the transaction of the data they cover.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="server_folders")
    raw_name = models.BinaryField(max_length=1000)
    """The bytes on the wire; sent back exactly so."""
    name = models.CharField(max_length=500)
    delimiter = models.CharField(max_length=4, blank=True)
    attributes = models.JSONField(default=list)
    role = models.CharField(max_length=16, blank=True)
    """Role on the server (:class:`mailroom.core.sync.state.Role`), or empty."""
    mailbox_id = models.CharField(max_length=128, blank=True)
    selectable = models.BooleanField(default=True)
    subscribed = models.BooleanField(default=False)
    """Ours, not IMAP's SUBSCRIBE (S1-19)."""
    folder = models.ForeignKey(Folder, models.SET_NULL, null=True, related_name="server_folders")
    """Where its mail is shown; null until it is first subscribed."""

    uidvalidity = models.BigIntegerField(null=True)
    generation = models.PositiveIntegerField(default=0)
    uidnext = models.BigIntegerField(default=1)
    highestmodseq = models.BigIntegerField(null=True)
    tier = models.CharField(max_length=16, choices=[(t.value, t.value) for t in Tier], blank=True)
    permanent_flags = models.JSONField(default=list)
    read_only = models.BooleanField(default=False)
    known_uids = models.TextField(default="", blank=True)
    """Every UID with an outcome, as an IMAP sequence set (``1:40,42``)."""

    judged_by_date = models.DateField(null=True)
    """The start date by which older letters were left on the server; an earlier one judges them anew."""

    on_server = models.PositiveIntegerField(default=0)
    """EXISTS at the last complete look."""
    before_start = models.PositiveIntegerField(default=0)
    """Left on the server because they are older than the start date."""
    filtered = models.PositiveIntegerField(default=0)
    """Left on the server by a named rule."""
    waiting = models.PositiveIntegerField(default=0)
    """Known to exist, not stored yet."""
    counted_at = models.DateTimeField(null=True)
    scanned_at = models.DateTimeField(null=True)
    """Last full comparison of every flag and UID."""
    missing_since = models.DateTimeField(null=True)
    held_reason = models.CharField(max_length=32, blank=True)
    """Why a plan was refused (mass removal); empty = not held."""
    held_at = models.DateTimeField(null=True)
    error_kind = models.CharField(max_length=32, blank=True)
    error_words = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "raw_name"], name="server_folder_once"),)

    def __str__(self) -> str:
        return self.name
