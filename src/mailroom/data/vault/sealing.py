"""Sealing with the keys of the installation: the newest seals, every known one opens."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Sealed(Exception):
    """No key of this installation opens the value: the keys were lost or belong to another one."""


def seal(plain: str) -> bytes:
    return _keys().encrypt(plain.encode())


def unseal(sealed: bytes) -> str:
    try:
        return _keys().decrypt(sealed).decode()
    except InvalidToken:
        raise Sealed from None


def reseal(sealed: bytes) -> bytes:
    """The same value under the newest key, for rotation."""
    return _keys().rotate(sealed)


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.MAILROOM_VAULT_KEYS])
