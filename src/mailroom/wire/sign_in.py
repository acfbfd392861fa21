"""How we prove who we are to a mail server: values only, sealed in no log and no repr."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Password:
    """A login name and its secret, sent exactly as given."""

    login: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A login name and an OAuth2 access token, for XOAUTH2."""

    login: str
    access_token: str = field(repr=False)


Credentials = Password | Token


def plain_response(credentials: Password) -> bytes:
    """SASL PLAIN (RFC 4616): base64 of NUL login NUL secret, in UTF-8."""
    return base64.b64encode(f"\0{credentials.login}\0{credentials.secret}".encode())


def xoauth2_response(credentials: Token) -> bytes:
    """SASL XOAUTH2: base64 of ``user=…^Aauth=Bearer …^A^A``."""
    return base64.b64encode(f"user={credentials.login}\1auth=Bearer {credentials.access_token}\1\1".encode())
