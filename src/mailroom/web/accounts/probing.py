"""Asking mail servers for the page: which servers an address has, whether they let us in. 15 s at most."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from django.conf import settings

from mailroom.actions.account_values import Server, WayIn
from mailroom.wire.check import Verdict, check_incoming, check_outgoing
from mailroom.wire.dial import Endpoint, Trust
from mailroom.wire.discover import Discovery, discover
from mailroom.wire.sign_in import Password

from .cures import Told, told


@dataclass(frozen=True, slots=True)
class Side:
    """What a test found on one side: let in, or why not."""

    ok: bool
    server: Server
    trouble: Told | None = None
    capabilities: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Separate verdicts for both ways (S1-08)."""

    incoming: Side
    outgoing: Side

    @property
    def ok(self) -> bool:
        return self.incoming.ok and self.outgoing.ok


def probe(way: WayIn) -> Verdicts:
    """Sign in to both servers at once; nothing is sent or changed."""
    password = Password(way.login, way.password)
    trust = Trust(
        ca_file=str(settings.MAILROOM_CA_FILE) if settings.MAILROOM_CA_FILE else None,
        allow_hosts=tuple(settings.MAILROOM_ALLOW_HOSTS),
    )
    with ThreadPoolExecutor(max_workers=2) as both:
        coming = both.submit(
            partial(check_incoming, endpoint(way.incoming), trust, password, protocol=way.protocol)
        )
        going = both.submit(partial(check_outgoing, endpoint(way.outgoing), trust, password))
        return Verdicts(_side(coming.result(), way.incoming), _side(going.result(), way.outgoing))


def endpoint(server: Server) -> Endpoint:
    """A server in the words of the wire."""
    return Endpoint(server.host, server.port, server.encryption)


def _side(verdict: Verdict, server: Server) -> Side:
    trouble = None
    if verdict.kind is not None:
        trouble = told(
            verdict.kind.value,
            cure=verdict.cure or "",
            words=verdict.words,
            host=server.host,
            port=server.port,
        )
    return Side(
        ok=verdict.ok,
        server=server,
        trouble=trouble,
        capabilities=tuple(sorted(verdict.capabilities)),
        folders=_names([folder.name for folder in verdict.folders]),
    )


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (name.upper() != "INBOX", name.casefold())))


def find_servers(address: str) -> Discovery | None:
    """The servers of an address by the bundled table, or a guess; None while it is no address."""
    try:
        return discover(address)
    except ValueError:
        return None
