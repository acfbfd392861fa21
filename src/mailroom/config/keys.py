"""The keys of an installation: taken from the environment, else made once in the data directory, mode 0600.

Nothing is made before it is asked for: reading settings leaves the disk as it was.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path
from typing import Final

from mailroom.config.env import SettingRefused, env_secret

SECRET_KEY_FILE: Final = "secret.key"  # noqa: S105 (the name of a file)
VAULT_KEYS_FILE: Final = "vault.keys"
VAULT_KEY_BYTES: Final = 32


def make_data_dir(data_dir: Path) -> Path:
    """The data directory, made with mode 0700 if missing; an existing one keeps its rights."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as failure:
        raise SettingRefused(
            f"MAILROOM_DATA_DIR is {data_dir}, which cannot be made ({failure.strerror}): name another."
        ) from None
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise SettingRefused(
            f"MAILROOM_DATA_DIR is {data_dir}, which cannot be written: name a folder you own."
        )
    return data_dir


def secret_key(data_dir: Path) -> str:
    """The key of sessions and signatures."""
    given = env_secret("MAILROOM_SECRET_KEY")
    if given is None:
        return _kept(data_dir, SECRET_KEY_FILE, secrets.token_urlsafe(64))
    if len(given) < 32:
        raise SettingRefused(
            "MAILROOM_SECRET_KEY has fewer than 32 characters: remove it or write a longer one."
        )
    return given


def vault_keys(data_dir: Path) -> tuple[str, ...]:
    """The Fernet keys that seal credentials, newest first: the first seals, all of them open."""
    given = env_secret("MAILROOM_VAULT_KEYS")
    text = given or _kept(data_dir, VAULT_KEYS_FILE, new_vault_key())
    source = "MAILROOM_VAULT_KEYS" if given else str(data_dir / VAULT_KEYS_FILE)
    keys = tuple(text.replace(",", " ").split())
    if not keys or not all(map(_is_vault_key, keys)):
        raise SettingRefused(
            f"{source} holds what is no key: write 32 bytes in base64 each, newest first, comma between."
        )
    return keys


def new_vault_key() -> str:
    """A fresh Fernet key: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(VAULT_KEY_BYTES)).decode("ascii")


def _kept(data_dir: Path, name: str, fresh: str) -> str:
    """What the file holds; written with `fresh` if it is not there yet."""
    path = make_data_dir(data_dir) / name
    if not path.exists():
        _write_once(path, fresh)
    text = path.read_text(encoding="ascii").strip()
    if not text:
        raise SettingRefused(f"{path} is empty: put the key of this installation back, or remove the file.")
    return text


def _write_once(path: Path, text: str) -> None:
    """Two processes may start at once: whole file first, then a name that only one of them gets."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _is_vault_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key)) == VAULT_KEY_BYTES
    except (binascii.Error, ValueError):
        return False
