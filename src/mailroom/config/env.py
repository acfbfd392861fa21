"""Reads the environment, and refuses nonsense at start with a sentence that names the variable and the cure.

A secret may stand in a file, named by `X_FILE`: then no process list and no compose file shows it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

TRUE_WORDS: Final = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "no", "off"})


class SettingRefused(Exception):
    """A setting makes no sense; the message is one sentence that names the variable and the cure."""


class Endpoint(NamedTuple):
    """An address to listen on: host without brackets, and a port from 0 (any free one) to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def env_text(name: str, default: str = "") -> str:
    """The variable without surrounding blanks; unset and empty are the same thing."""
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, *, default: bool = False) -> bool:
    """True or false; any word that is neither is refused."""
    word = env_text(name).lower()
    if not word:
        return default
    if word in TRUE_WORDS | FALSE_WORDS:
        return word in TRUE_WORDS
    raise SettingRefused(f"{name} is {word!r}: write true or false.")


def env_int(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number between `least` and `most`, both included."""
    word = env_text(name)
    if not word:
        return default
    try:
        number = int(word)
    except ValueError:
        raise SettingRefused(f"{name} is {word!r}: write a whole number from {least} to {most}.") from None
    if not least <= number <= most:
        raise SettingRefused(f"{name} is {number}: write a whole number from {least} to {most}.")
    return number


def env_list(name: str) -> tuple[str, ...]:
    """The parts of a comma-separated variable, blanks and empty parts dropped."""
    return tuple(part.strip() for part in env_text(name).split(",") if part.strip())


def env_choice(name: str, default: str, *, allowed: tuple[str, ...]) -> str:
    """One of the allowed words, in lower case."""
    word = env_text(name, default).lower()
    if word not in allowed:
        raise SettingRefused(f"{name} is {word!r}: write one of {', '.join(allowed)}.")
    return word


def env_secret(name: str) -> str | None:
    """The secret from the variable, or from the file that `NAME_FILE` names; None if neither is set."""
    value, path = env_text(name), env_text(f"{name}_FILE")
    if value and path:
        raise SettingRefused(f"{name} and {name}_FILE are both set: remove one of them.")
    if not path:
        return value or None
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise SettingRefused(
            f"{name}_FILE names {path}, which cannot be read ({failure}): correct the path or its rights."
        ) from None
    if not secret:
        raise SettingRefused(f"{name}_FILE names {path}, which is empty: put the secret in it.")
    return secret


def env_file(name: str) -> Path | None:
    """The file that the variable names, which must be readable; None if unset."""
    word = env_text(name)
    if not word:
        return None
    path = Path(word).expanduser().resolve()
    if not path.is_file() or not os.access(path, os.R_OK):
        raise SettingRefused(f"{name} names {word}, which is not a readable file: correct the path.")
    return path


def env_endpoint(name: str, default: str) -> Endpoint:
    """An address and port to listen on, such as `127.0.0.1:8025` or `[::1]:8025`."""
    word = env_text(name, default)
    try:
        parts = urlsplit(f"//{word}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port is None or parts.path or parts.username is not None:
        raise SettingRefused(f"{name} is {word!r}: write an address and a port, for example 127.0.0.1:8025.")
    return Endpoint(host, port)


def env_base_url(name: str, default: str) -> str:
    """A public address, `http` or `https`, without a trailing slash."""
    word = env_text(name, default)
    try:
        parts = urlsplit(word)
        _ = parts.port  # raises for nonsense
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        valid = False
    if (
        not valid
        or parts.query
        or parts.fragment
        or parts.path not in {"", "/"}
        or parts.username is not None
    ):
        raise SettingRefused(
            f"{name} is {word!r}: write an address such as https://mail.example.com, no path."
        )
    return word.rstrip("/")
