"""Whom we may call, and what a failed call is named (SSRF forms of goal 38, TLS attacks of goal 40)."""

from __future__ import annotations

import ipaddress
import socket
import time

import pytest

from mailroom.wire.dial import Encryption, Endpoint, Trust, allowed_addresses, dial, may_call
from mailroom.wire.failures import AskPerson, Failure, Kind, RetryLater
from tests.servers import Certificates
from tests.wire.scripted import LOCAL, imap_server, serve

GUARDED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.0.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.7", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12:3456::1", "fec0::1",
    "ff02::1", "2001:db8::1", "100::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::127.0.0.1", "2002:7f00:1::", "2002:0a00:1::1", "2002:5db8:d822::1", "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2001:0:53aa:64c:0:fbfe::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "100.63.255.9"]


@pytest.mark.parametrize("written", GUARDED)
def test_an_address_that_is_not_public_is_refused(written: str) -> None:
    address = ipaddress.ip_address(written)
    assert not may_call(address)
    assert not may_call(address, ["8.8.4.4", "nonsense"])
    if "%" not in written:
        assert may_call(address, ["8.8.4.4", str(ipaddress.ip_network(address))])


@pytest.mark.parametrize("written", PUBLIC)
def test_a_public_address_may_be_called(written: str) -> None:
    assert may_call(ipaddress.ip_address(written))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST.",
        "::1",
        "0",
        "[::1]",
    ],
)
def test_loopback_in_any_writing_is_refused_before_a_connection(host: str) -> None:
    with pytest.raises(Failure) as caught:
        dial(Endpoint(host, 9, Encryption.NONE), Trust())
    expected = {Kind.NOT_ALLOWED, Kind.NAME_NOT_FOUND} if "[" in host else {Kind.NOT_ALLOWED}
    assert caught.value.kind in expected
    assert isinstance(caught.value, AskPerson)
    if caught.value.kind is Kind.NOT_ALLOWED:
        assert caught.value.cure == "allow_hosts"
        assert caught.value.words, "the address to put on the list"


@pytest.mark.parametrize(
    ("entries", "allowed"),
    [
        (("*",), True),
        (("127.0.0.1",), True),
        (("127.0.0.0/8",), True),
        ((" 127.0.0.0/8 ",), True),
        (("localhost",), True),
        (("LocalHost.",), True),
        (("10.0.0.0/8", "nonsense", "mail.firma.example"), False),
        ((), False),
    ],
)
def test_the_allow_list_takes_names_addresses_and_networks(entries: tuple[str, ...], allowed: bool) -> None:
    trust = Trust(allow_hosts=entries)
    if allowed:
        assert ipaddress.ip_address("127.0.0.1") in allowed_addresses("localhost", 143, trust)
    else:
        with pytest.raises(Failure):
            allowed_addresses("localhost", 143, trust)


def test_only_the_allowed_addresses_of_a_name_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public and a private address, as rebinding makes them: only one is called."""
    rows = [(2, 1, 6, "", (address, 143)) for address in ("10.0.0.1", "93.184.216.34", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: rows)
    assert [str(address) for address in allowed_addresses("two.example", 143, Trust())] == ["93.184.216.34"]


@pytest.mark.parametrize("host", ["", " ", "a b", "no-such-host.invalid", "x" * 300, "a..b", "a\nb", "\0"])
def test_a_name_that_is_none_is_not_found(host: str) -> None:
    with pytest.raises(Failure) as caught:
        dial(Endpoint(host, 143, Encryption.NONE), Trust(allow_hosts=("*",)))
    assert caught.value.kind is Kind.NAME_NOT_FOUND


def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RetryLater) as caught:
        dial(Endpoint("127.0.0.1", port, Encryption.NONE), LOCAL)
    assert caught.value.kind is Kind.REFUSED


def test_a_port_that_cannot_be_is_named() -> None:
    with pytest.raises(Failure) as caught:
        dial(Endpoint("127.0.0.1", 99999, Encryption.NONE), LOCAL)
    assert caught.value.kind in {Kind.REFUSED, Kind.NAME_NOT_FOUND}


@pytest.mark.parametrize(
    ("pair", "cure"),
    [
        ("self_signed", "certificate_self_signed"),
        ("expired", "certificate_expired"),
        ("wrong_host", "certificate_wrong_host"),
        ("server", "certificate_unknown_authority"),
    ],
)
def test_a_bad_certificate_is_refused_with_its_reason(
    certificates: Certificates, pair: str, cure: str
) -> None:
    with imap_server({}, pair=getattr(certificates, pair)) as server:
        ca_file = None if pair == "server" else str(certificates.ca_file)
        trust = Trust(ca_file=ca_file, allow_hosts=("localhost",))
        with pytest.raises(AskPerson) as caught:
            dial(server.endpoint(Encryption.TLS, "localhost"), trust)
    assert (caught.value.kind, caught.value.cure) == (Kind.CERTIFICATE, cure)


def test_the_extra_authority_is_trusted(certificates: Certificates) -> None:
    with imap_server({}, pair=certificates.server) as server:
        trust = Trust(ca_file=str(certificates.ca_file), allow_hosts=("localhost",))
        with dial(server.endpoint(Encryption.TLS, "localhost"), trust) as sock:
            assert sock.recv(4) == b"* OK"


def test_tls_on_a_plain_port_says_that_they_do_not_belong_together() -> None:
    with imap_server({}) as server, pytest.raises(AskPerson) as caught:
        dial(server.endpoint(Encryption.TLS), LOCAL)
    assert (caught.value.kind, caught.value.cure) == (Kind.TLS, "tls_wrong_port")


def test_a_server_that_never_finishes_tls_is_a_timeout() -> None:
    with serve(lambda line, _server: time.sleep(3)) as server:
        started = time.monotonic()
        with pytest.raises(RetryLater) as caught:
            dial(server.endpoint(Encryption.TLS), LOCAL, timeout=0.5)
    assert caught.value.kind is Kind.TIMEOUT
    assert time.monotonic() - started < 2


def test_a_missing_authority_file_is_a_setting_to_mend() -> None:
    with imap_server({}) as server, pytest.raises(AskPerson) as caught:
        dial(server.endpoint(Encryption.TLS), Trust(ca_file="/nonexistent.pem", allow_hosts=("*",)))
    assert caught.value.cure == "ca_file"
