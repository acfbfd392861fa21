"""From an address to servers: the bundled table first, else the usual names as a guess; no network."""

from __future__ import annotations

from dataclasses import dataclass

import idna

from mailroom.wire import quirks
from mailroom.wire.dial import Encryption, Endpoint


@dataclass(frozen=True, slots=True)
class Discovery:
    """Servers for an address. ``source``: ``table`` is known, ``guess`` must be tried."""

    provider: str | None
    auth: str
    """``password`` or ``oauth2``."""
    incoming: Endpoint
    outgoing: Endpoint
    source: str
    help: str | None = None
    """Cure key: what a person must do at the provider first."""


def discover(address: str) -> Discovery:
    """Find the servers of ``address``; an address without a domain is a ValueError."""
    domain = _domain(address)
    provider = quirks.by_domain(domain)
    if provider is None:
        return Discovery(
            provider=None,
            auth="password",
            incoming=Endpoint(f"imap.{domain}", 993, Encryption.TLS),
            outgoing=Endpoint(f"smtp.{domain}", 465, Encryption.TLS),
            source="guess",
        )
    return Discovery(
        provider=provider.key,
        auth=provider.auth,
        incoming=provider.incoming,
        outgoing=provider.outgoing,
        source="table",
        help=provider.help,
    )


def _domain(address: str) -> str:
    local, _, domain = address.strip().rpartition("@")
    domain = domain.rstrip(".").lower()
    if not local or not domain:
        raise ValueError("not an address")
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError("not a domain") from error
    if not all(label.replace("-", "").isalnum() for label in ascii_domain.split(".")):
        raise ValueError("not a domain")
    return ascii_domain
