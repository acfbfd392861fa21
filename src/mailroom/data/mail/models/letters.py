"""A letter, who takes part in it, and where it sits.

The id of a message is its date key: seconds since the epoch shifted left by 20 bits, plus a number that
makes it unique (below 2**53, so JSON carries it). Newest first is ``ORDER BY id DESC`` everywhere: in
lists, on cards, in the search index; nothing has to be sorted.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models

from mailroom.core.datekey import instant_of
from mailroom.data.blobs.models import Blob
from mailroom.data.contacts.models import Address

from .accounts import Account
from .folders import Folder, ServerFolder
from .keys import DateKeyField
from .threads import Thread


class Message(models.Model):
    """One letter in one account, and what was read from it."""

    class BodyState(models.TextChoices):
        HEADER = "header"
        """Headers are stored, the body waits."""
        FULL = "full"
        TOO_BIG = "too_big"

    class Fate(models.TextChoices):
        LIVE = "live"
        TRASH = "trash"
        """Deleted here; shown behind the filter "deleted"."""
        HIDDEN = "hidden"
        """Removed from view while the home mailbox keeps it (C2: keep)."""
        PURGED = "purged"
        """Content wiped; the row remains so that it does not come back."""

    id = DateKeyField(primary_key=True)
    """The date key (:mod:`mailroom.core.datekey`)."""
    account = models.ForeignKey(Account, models.CASCADE, related_name="messages", db_index=False)
    thread = models.ForeignKey(Thread, models.PROTECT, related_name="messages", db_index=False)
    blob = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="messages")
    email_id = models.CharField(max_length=64, blank=True)
    """EMAILID or X-GM-MSGID: the server's own name of the letter."""
    mid = models.CharField(max_length=998, blank=True)
    """Message-ID without brackets; empty when it has none. Never an identity by itself."""
    letter_key = models.BinaryField(max_length=16)
    """Message-ID and body hash: copies in several accounts share it."""
    header_digest = models.BinaryField(max_length=16)
    size = models.BigIntegerField()
    internal_at = models.DateTimeField(null=True)
    """INTERNALDATE; the start date and the flag window go by it."""
    date_at = models.DateTimeField(null=True)
    """The Date header, as claimed."""
    stored_at = models.DateTimeField()
    subject = models.TextField(blank=True)
    snippet = models.CharField(max_length=255, blank=True)
    from_address = models.ForeignKey(Address, models.PROTECT, null=True, related_name="+")
    from_name = models.CharField(max_length=200, blank=True)
    outgoing = models.BooleanField(default=False)
    """Written by the firm: the author is an own address."""
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=16)
    """:class:`mailroom.core.bounces.Kind`."""
    body_state = models.CharField(max_length=8, choices=BodyState.choices)
    fate = models.CharField(max_length=8, choices=Fate.choices, default=Fate.LIVE)
    spam = models.BooleanField(default=False)
    """Lies in Spam only: on no card."""
    confidential = models.BooleanField(default=False)
    private_to = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    gone_at = models.DateTimeField(null=True)
    """When its last placement vanished from the server; it stays on cards and in search."""
    has_html = models.BooleanField(default=False)
    attachment_count = models.PositiveIntegerField(default=0)
    """Without those shown inside the text."""
    defects = models.JSONField(default=list)

    class Meta:
        indexes = (
            models.Index(fields=["account", "mid"], name="message_account_mid"),
            models.Index(fields=["letter_key"], name="message_letter_key"),
            models.Index(fields=["thread", "id"], name="message_thread"),
        )

    @property
    def sorted_at(self) -> datetime:
        """The date lists sort by: topmost Received, else Date, else INTERNALDATE, never after arrival."""
        return instant_of(self.id)


class Placement(models.Model):
    """A message sits here: in a folder people see, and usually under a UID of a server folder."""

    class State(models.TextChoices):
        LIVE = "live"
        UNLINKED = "unlinked"
        """Vanished from the server; may reappear elsewhere as a move."""
        GONE = "gone"

    message = models.ForeignKey(Message, models.CASCADE, related_name="placements")
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    folder = models.ForeignKey(Folder, models.PROTECT, related_name="placements")
    server_folder = models.ForeignKey(ServerFolder, models.PROTECT, null=True, related_name="placements")
    uidvalidity = models.BigIntegerField(null=True)
    uid = models.BigIntegerField(null=True)
    """Null where there is no server copy: local folders, sent mail not filed yet, a move under way."""
    base = models.CharField(max_length=1000, blank=True)
    """Flags the server last confirmed, sorted, separated by spaces."""
    local = models.CharField(max_length=1000, blank=True)
    """Flags the user sees: base with the pending intents applied, kept in their transaction."""
    seen = models.BooleanField(default=False)
    flagged = models.BooleanField(default=False)
    answered = models.BooleanField(default=False)
    """These three follow ``local``, for indexes and counters."""
    modseq = models.BigIntegerField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.LIVE)
    unlinked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["server_folder", "uidvalidity", "uid"], name="placement_once"),
        )
        indexes = (models.Index(fields=["folder", "-message"], name="placement_folder"),)


class Participant(models.Model):
    """An address in a header of a letter. The covering index is what cards read."""

    class Field(models.TextChoices):
        FROM = "from"
        SENDER = "sender"
        REPLY_TO = "reply_to"
        TO = "to"
        CC = "cc"
        BCC = "bcc"

    message = models.ForeignKey(Message, models.CASCADE, related_name="participants", db_index=False)
    address = models.ForeignKey(Address, models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_index=False)
    """Repeated from the message, so that the right to read is decided inside the index."""
    field = models.CharField(max_length=8, choices=Field.choices)
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["message", "field", "position"], name="participant_once"),
        )
        indexes = (models.Index(fields=["address", "-message", "account"], name="participant_history"),)


class Attachment(models.Model):
    """A part that is no body text: a byte range of the letter, decoded on demand, never stored twice."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="attachments", db_index=False)
    index = models.PositiveSmallIntegerField()
    filename = models.CharField(max_length=500, blank=True)
    content_type = models.CharField(max_length=200)
    size = models.BigIntegerField()
    """Decoded."""
    offset = models.BigIntegerField()
    length = models.BigIntegerField()
    encoding = models.CharField(max_length=32)
    inline = models.BooleanField(default=False)
    content_id = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["message", "index"], name="attachment_once"),)


class LetterText(models.Model):
    """The exact text the search index was shown: a contentless index forgets only what it is shown again."""

    message = models.OneToOneField(Message, models.CASCADE, primary_key=True, related_name="indexed")
    text = models.BinaryField()
    """JSON of the indexed columns, zstd."""
