"""A configured mailbox of the firm, and who has access to it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from mailroom.data.contacts.models import Address
from mailroom.data.vault.models import Secret


class Account(models.Model):
    """One mailbox: where it is, how to sign in, what to keep, and how it is doing.

    Survives a crash at any point: what the engine knows of a pass stands in the rows, the lease runs out.
    """

    class Protocol(models.TextChoices):
        IMAP = "imap"
        POP3 = "pop3"

    class Encryption(models.TextChoices):
        TLS = "tls"
        STARTTLS = "starttls"
        NONE = "none"

    class DeletePolicy(models.TextChoices):
        """What a deletion here does on the server (C2)."""

        KEEP = "keep"
        TRASH = "trash"
        PURGE = "purge"
        AFTER_DOWNLOAD = "after_download"

    class CardVisibility(models.TextChoices):
        """Who reads this account's letters on company and person cards (C4)."""

        MEMBERS = "members"
        GROUP = "group"
        EVERYONE = "everyone"

    class Store(models.TextChoices):
        ALL = "all"
        KNOWN = "known"
        HEADERS = "headers"

    class State(models.TextChoices):
        NEW = "new"
        """Never reached the server yet."""
        FIRST_SYNC = "first_sync"
        LIVE = "live"
        RETRYING = "retrying"
        """The last pass failed; the next try is at ``next_at``."""
        NEEDS_PERSON = "needs_person"
        """No retry helps: see ``error_kind``."""
        INACTIVE = "inactive"

    email = models.CharField(max_length=320)
    address = models.ForeignKey(Address, models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200, db_index=True)
    login = models.CharField(max_length=320)
    secret = models.ForeignKey(Secret, models.PROTECT, related_name="+")
    protocol = models.CharField(max_length=8, choices=Protocol.choices, default=Protocol.IMAP)
    incoming_host = models.CharField(max_length=255)
    incoming_port = models.PositiveIntegerField()
    incoming_encryption = models.CharField(max_length=8, choices=Encryption.choices)
    outgoing_host = models.CharField(max_length=255)
    outgoing_port = models.PositiveIntegerField()
    outgoing_encryption = models.CharField(max_length=8, choices=Encryption.choices)
    provider = models.CharField(max_length=32, blank=True)
    """Key of the bundled provider table; empty when the host is not in it."""
    folder_wishes = models.JSONField(default=dict, blank=True)
    """Chosen before the server was first asked (:mod:`mailroom.actions.folder_wishes`); then empty."""
    active = models.BooleanField(default=True)
    system = models.BooleanField(default=False)
    """Sends Mailroom's own mail: invitations, resets, alarms."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="owned_accounts"
    )
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, through="mail.Access", related_name="accounts")
    card_visibility = models.CharField(
        max_length=8, choices=CardVisibility.choices, default=CardVisibility.MEMBERS
    )

    poll_minutes = models.PositiveIntegerField(default=10)
    start_date = models.DateField(null=True)
    """Mail received before this day (in the firm's zone) is counted but not stored; null = everything."""
    flag_days = models.PositiveIntegerField(default=0)
    """Flags of older mail are not kept in step; 0 = no limit (S1-18)."""
    delete_policy = models.CharField(max_length=16, choices=DeletePolicy.choices, default=DeletePolicy.KEEP)
    keep_days = models.PositiveIntegerField(default=0)
    """With ``after_download``: how many days a saved letter stays on the server."""
    store = models.CharField(max_length=8, choices=Store.choices, default=Store.ALL)
    auto_contacts = models.BooleanField(default=False)
    auto_tasks = models.BooleanField(default=False)
    notify = models.BooleanField(default=True)
    header_html = models.TextField(blank=True)
    signature_html = models.TextField(blank=True)

    state = models.CharField(max_length=16, choices=State.choices, default=State.NEW)
    capabilities = models.JSONField(default=list)
    """As announced after sign-in."""
    last_in_step_at = models.DateTimeField(null=True)
    """When the ledger last balanced at the end of a pass."""
    error_kind = models.CharField(max_length=32, blank=True)
    error_words = models.TextField(blank=True)
    """The server's own words, never a sentence of ours."""
    error_cure = models.CharField(max_length=64, blank=True)
    error_at = models.DateTimeField(null=True)
    fail_count = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, db_index=True)
    """When the next pass is due; null = never by itself."""
    wanted_at = models.DateTimeField(null=True, db_index=True)
    """Somebody pressed Fetch, or the server announced news; cleared by the pass that began after it."""
    progress_stored = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    server_saves_sent = models.BooleanField(null=True)
    """The submission server files a copy to Sent by itself; null = not known yet."""

    lease_owner = models.CharField(max_length=64, blank=True)
    lease_fence = models.BigIntegerField(default=0)
    """Grows with every claim; a worker whose fence is old cannot commit."""
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class Access(models.Model):
    """A user listed on an account: may read it and send from it."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="accesses")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="accesses")
    is_default = models.BooleanField(default=False)
    """The account this user writes from unless they say otherwise."""

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "user"], name="access_once"),)
