"""Sealed secrets: passwords and tokens of mailboxes."""

from __future__ import annotations

from django.db import models

from .sealing import seal, unseal


class Secret(models.Model):
    """One sealed value. Reading it is explicit (:meth:`reveal`), so that no query or dump shows it."""

    sealed = models.BinaryField()
    changed_at = models.DateTimeField(auto_now=True)

    @classmethod
    def keep(cls, plain: str) -> Secret:
        """Seal ``plain`` in a new row."""
        return cls.objects.create(sealed=seal(plain))

    def replace(self, plain: str) -> None:
        """Seal another value in the same row."""
        self.sealed = seal(plain)
        self.save(update_fields=["sealed", "changed_at"])

    def reveal(self) -> str:
        """The plain value. Raises :class:`mailroom.data.vault.sealing.Sealed` without the right key."""
        return unseal(bytes(self.sealed))

    def __repr__(self) -> str:
        return f"<Secret {self.pk}>"

    __str__ = __repr__
