"""The firm, its users, groups and tokens. Rights are decided in :mod:`mailroom.core.access`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from mailroom.core.fold import fold


class Role(models.TextChoices):
    """What a user is in the firm (S5-53)."""

    ADMINISTRATOR = "administrator"
    DIRECTOR = "director"
    EMPLOYEE = "employee"


class ReadScope(models.TextChoices):
    """Whose mail members of a group may read (S4-49)."""

    OWN = "own"
    GROUP = "group"
    ALL = "all"


class Firm(models.Model):
    """The one firm of this installation."""

    name = models.CharField(max_length=200)
    language = models.CharField(max_length=8, default="en")
    timezone = models.CharField(max_length=64, default="UTC")
    employees_connect = models.BooleanField(default=False)
    """An employee may connect their own first mailbox (C17)."""
    created_at = models.DateTimeField(auto_now_add=True)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person of the firm who signs in by e-mail address."""

    email = models.EmailField(unique=True)
    """Lower case."""
    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200, editable=False, db_index=True)
    """The name folded, so that both databases sort alike."""
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.EMPLOYEE)
    can_purge = models.BooleanField(default=False)
    can_read_all = models.BooleanField(default=False)
    can_read_confidential = models.BooleanField(default=False)
    language = models.CharField(max_length=8, blank=True)
    """Empty: the firm's."""
    timezone = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = fold(self.name)[:200]
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_administrator(self) -> bool:
        return self.role == Role.ADMINISTRATOR

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in (self.name or self.email).split()[:2]).upper()


class Group(models.Model):
    """Users who share a reading scope and actions."""

    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200, editable=False, db_index=True)
    members = models.ManyToManyField(User, related_name="mail_groups")
    read_scope = models.CharField(max_length=8, choices=ReadScope.choices, default=ReadScope.OWN)
    actions = models.JSONField(default=list)
    """Of: reply, link, move, delete, purge, configure."""

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = fold(self.name)[:200]
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """A bearer token; only its digest is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)
