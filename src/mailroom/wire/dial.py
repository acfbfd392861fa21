"""The only place that opens a connection to a mail server: resolve once, guard, connect, encrypt.

The address that was checked is the address that is connected to; nothing resolves a name twice.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from mailroom.wire.failures import Failure, Kind, failure, from_os_error

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

CONNECT_TIMEOUT = 15.0
"""Seconds for resolving, and for connecting to each address."""


class Encryption(StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a mail server listens and how the line is encrypted."""

    host: str
    port: int
    encryption: Encryption | str = Encryption.TLS


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we believe and whom we may call.

    ``ca_file``: one more certificate authority beside the system's. ``allow_hosts``: names, addresses
    or networks that may be guarded addresses; ``*`` allows any (MAILROOM_ALLOW_HOSTS).
    """

    ca_file: str | None = None
    allow_hosts: tuple[str, ...] = ()


def dial(endpoint: Endpoint, trust: Trust, *, timeout: float = CONNECT_TIMEOUT) -> socket.socket:
    """Return a connected socket, with TLS already verified where the endpoint has implicit TLS.

    Raises Failure: name_not_found, not_allowed, refused, unreachable, timeout, tls or certificate.
    """
    ends_at = time.monotonic() + timeout
    sock = _connect(
        allowed_addresses(endpoint.host, endpoint.port, trust, timeout=timeout), endpoint.port, ends_at
    )
    if endpoint.encryption != Encryption.TLS:
        return sock
    return secure(sock, endpoint.host, trust, timeout=max(0.1, ends_at - time.monotonic()))


def allowed_addresses(
    host: str, port: int, trust: Trust, *, timeout: float = CONNECT_TIMEOUT
) -> list[IpAddress]:
    """Resolve ``host`` and keep the addresses that may be called; not_allowed when none may."""
    found = _resolve(host, port, timeout)
    by_name = _allowed_by_name(host, trust.allow_hosts)
    allowed = [address for address in found if by_name or may_call(address, trust.allow_hosts)]
    if not allowed:
        raise failure(Kind.NOT_ALLOWED, str(found[0]), cure="allow_hosts")
    return allowed


def may_call(address: IpAddress, allow_hosts: Iterable[str] = ()) -> bool:
    """Tell whether ``address`` is public, or listed by itself or by its network."""
    return is_public(address) or any(address in network for network in _networks(tuple(allow_hosts)))


def is_public(address: IpAddress) -> bool:
    """Tell whether an address belongs to the public internet, looking inside IPv6 wrappings of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        inner = address.ipv4_mapped or _nat64(address)
        if inner is not None:
            return is_public(inner)
        if any(address in network for network in _WRAPPED):
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )


_WRAPPED = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "::/96",  # IPv4-compatible, long withdrawn (RFC 4291 2.5.5.1)
        "2002::/16",  # 6to4 (RFC 7526 withdraws it): the route inside is not ours to judge
        "2001::/32",  # Teredo
        "64:ff9b:1::/48",  # NAT64 with a local meaning (RFC 8215)
        "fec0::/10",  # site-local, withdrawn
        "5f00::/16",  # segment routing inside a provider
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _allowed_by_name(host: str, allow_hosts: Iterable[str]) -> bool:
    plain = host.rstrip(".").lower()
    return any(entry.strip() == "*" or entry.strip().rstrip(".").lower() == plain for entry in allow_hosts)


@lru_cache(maxsize=64)
def _networks(allow_hosts: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    networks = []
    for entry in allow_hosts:
        with contextlib.suppress(ValueError):
            networks.append(ipaddress.ip_network(entry.strip(), strict=False))
    return tuple(networks)


def _resolve(host: str, port: int, timeout: float) -> list[IpAddress]:
    """Resolve in a thread of its own, because getaddrinfo knows no deadline."""
    if not host.rstrip(".") or any(character <= " " or character == "\x7f" for character in host):
        raise failure(Kind.NAME_NOT_FOUND, host.strip(), cure="check_host")
    answer: list[list[IpAddress] | Failure] = []
    thread = threading.Thread(target=lambda: answer.append(_look_up(host, port)), daemon=True)
    thread.start()
    thread.join(timeout)
    if not answer:
        raise failure(Kind.TIMEOUT, host, cure="check_host")
    if isinstance(answer[0], Failure):
        raise answer[0]
    return answer[0]


def _look_up(host: str, port: int) -> list[IpAddress] | Failure:
    try:
        rows = socket.getaddrinfo(host.rstrip("."), port, type=socket.SOCK_STREAM)
    except OSError as error:
        return from_os_error(error)
    except (UnicodeError, ValueError, OverflowError) as error:  # labels that no name may have
        return failure(Kind.NAME_NOT_FOUND, str(error), cure="check_host")
    addresses = [ipaddress.ip_address(row[4][0]) for row in rows]
    return list(dict.fromkeys(addresses)) or failure(Kind.NAME_NOT_FOUND, host, cure="check_host")


def _connect(addresses: list[IpAddress], port: int, ends_at: float) -> socket.socket:
    last: OSError = TimeoutError("timed out")
    for index, address in enumerate(addresses):
        # An address that drops packets must not eat the time of those behind it.
        share = (ends_at - time.monotonic()) / (len(addresses) - index)
        try:
            return _tuned(socket.create_connection((str(address), port), timeout=max(0.1, share)))
        except OSError as error:
            last = error
        except OverflowError as error:  # a port above 65535
            raise failure(Kind.REFUSED, str(error), cure="check_port") from error
    raise from_os_error(last) from last


def _tuned(sock: socket.socket) -> socket.socket:
    """Keepalive finds connections that a NAT has forgotten; without NODELAY an APPEND waits 40 ms."""
    for level, option, value in _OPTIONS:
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, value)
    return sock


_PATIENCE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 120_000))
_OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in _PATIENCE
        if hasattr(socket, name)
    ),
]


def secure(
    sock: socket.socket, host: str, trust: Trust, *, timeout: float = CONNECT_TIMEOUT
) -> ssl.SSLSocket:
    """Encrypt a connected socket and verify the certificate against ``host``; closes it on failure."""
    try:
        sock.settimeout(timeout)
        return tls_context(trust.ca_file).wrap_socket(sock, server_hostname=host.rstrip("."))
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError):
            raise from_os_error(error) from error
        if isinstance(error, ValueError):
            raise failure(Kind.TLS, str(error)) from error
        raise


@lru_cache(maxsize=8)
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """System authorities plus ``ca_file``; TLS 1.2 and newer; names always checked."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise failure(Kind.CERTIFICATE, f"{ca_file}: {error}", cure="ca_file") from error
    return context
