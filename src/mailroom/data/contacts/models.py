"""Addresses, companies and people. Contacts own addresses, so a new address shows its past mail at once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from mailroom.core.fold import fold


class Address(models.Model):
    """One row per normalised e-mail address ever seen."""

    key = models.CharField(max_length=320, unique=True)
    """The matching form (:attr:`mailroom.core.address.Address.key`)."""
    email = models.CharField(max_length=320)
    """As first written, for eyes."""
    host = models.CharField(max_length=255, db_index=True)
    name = models.CharField(max_length=200, blank=True)
    """The display name last seen with it."""

    def __str__(self) -> str:
        return self.email


class Card(models.Model):
    """What companies and people have in common."""

    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200, editable=False, db_index=True)
    """The name folded, so that both databases sort alike."""
    labels = models.JSONField(default=list, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    notes = models.TextField(blank=True)
    phone = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = fold(self.name)[:200]
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper()


class Company(Card):
    """A client, a supplier: its addresses, its domains, and the addresses of its people."""

    vat_number = models.CharField(max_length=32, blank=True)
    city = models.CharField(max_length=100, blank=True)


class CompanyDomain(models.Model):
    """Mail of this domain lies on the company's card; never a free-mail domain."""

    company = models.ForeignKey(Company, models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=255, db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["company", "domain"], name="company_domain_once"),)


class Person(Card):
    """Somebody outside the firm, with one address or several."""

    company = models.ForeignKey(Company, models.SET_NULL, null=True, blank=True, related_name="people")
    position = models.CharField(max_length=100, blank=True)


class Claim(models.Model):
    """This card owns this address, and why. Cards find their mail through claims alone."""

    class Reason(models.TextChoices):
        LISTED = "listed"
        """The address is written on the card."""
        DOMAIN = "domain"
        """The address is of a domain of the company."""
        EMPLOYEE = "employee"
        """The address is written on the card of a person of the company."""

    address = models.ForeignKey(Address, models.CASCADE, related_name="claims")
    company = models.ForeignKey(Company, models.CASCADE, null=True, related_name="claims")
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="claims")
    reason = models.CharField(max_length=16, choices=Reason.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(company__isnull=False, person__isnull=True)
                | models.Q(company__isnull=True, person__isnull=False),
                name="claim_of_one_card",
            ),
            models.UniqueConstraint(fields=["company", "address", "reason"], name="company_claim_once"),
            models.UniqueConstraint(fields=["person", "address"], name="person_claim_once"),
        )
