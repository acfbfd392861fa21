"""Users, tokens, and the very first set-up."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from mailroom.actions.refusals import clash, invalid
from mailroom.data.people.models import ApiToken, Firm, Role, User

SETUP_CODE_FILE = "setup-code"
MIN_PASSWORD = 8
_USED_EVERY = timedelta(minutes=5)


@transaction.atomic
def create_user(*, email: str, name: str, role: str, password: str | None, language: str = "") -> User:
    """Make a user. Refused when the address is odd or taken, or the password too short."""
    email = email.strip().lower()
    if "@" not in email or any(character.isspace() for character in email):
        raise invalid("email", "malformed")
    if User.objects.filter(email=email).exists():
        raise clash("taken", "email")
    if password is not None and len(password) < MIN_PASSWORD:
        raise invalid("password", "too_short", least=MIN_PASSWORD)
    if role not in Role.values:
        raise invalid("role", "unknown")
    return User.objects.create_user(
        email, password, name=name.strip() or email.partition("@")[0], role=role, language=language
    )


def issue_token(user: User) -> str:
    """A new API token; it is shown once, only its digest is kept."""
    token = f"mr_{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(user=user, digest=_digest(token))
    return token


def user_of_token(token: str) -> User | None:
    """The active user whom a token speaks for."""
    found = (
        ApiToken.objects.select_related("user").filter(digest=_digest(token), user__is_active=True).first()
    )
    if found is None:
        return None
    at = timezone.now()
    if found.used_at is None or at - found.used_at > _USED_EVERY:
        ApiToken.objects.filter(pk=found.pk).update(used_at=at)
    return found.user


def is_set_up() -> bool:
    """Somebody can sign in."""
    return User.objects.filter(is_active=True).exists()


@transaction.atomic
def set_up_firm(
    *, firm: str, language: str, timezone_name: str, name: str, email: str, password: str
) -> User:
    """The firm and its first administrator. Refused once there is a user."""
    if is_set_up():
        raise clash("done_already", "code")
    Firm.objects.update_or_create(
        pk=1, defaults={"name": firm.strip(), "language": language, "timezone": timezone_name}
    )
    user = create_user(email=email, name=name, role=Role.ADMINISTRATOR, password=password, language=language)
    transaction.on_commit(lambda: (settings.MAILROOM_DATA_DIR / SETUP_CODE_FILE).unlink(missing_ok=True))
    return user


def setup_code() -> str:
    """The one-time code of the set-up page: made on first need, kept beside the keys until it is used."""
    path = settings.MAILROOM_DATA_DIR / SETUP_CODE_FILE
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text("-".join(secrets.token_hex(2) for _ in range(4)) + "\n", encoding="ascii")
    return str(path.read_text(encoding="ascii")).strip()


def setup_code_matches(given: str) -> bool:
    return hmac.compare_digest(given.strip().lower().encode(), setup_code().encode())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
