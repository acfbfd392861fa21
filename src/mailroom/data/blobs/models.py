"""The rows that say which bytes exist. A row is written after its bytes are durable, never before."""

from django.db import models


class Blob(models.Model):
    """Bytes shared by digest: copies of a letter in several mailboxes are stored once."""

    digest = models.BinaryField(max_length=32, unique=True)
    """SHA-256 of the plain bytes."""
    size = models.BigIntegerField()
    """Length of the plain bytes."""
    stored_size = models.BigIntegerField()
    """Length as kept, compressed."""
    created_at = models.DateTimeField()
