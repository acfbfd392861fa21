"""The test of a connection before anything is saved: separate verdicts, causes named (S1-05, S3-10)."""

from __future__ import annotations

import socket
import time

import pytest

from mailroom.wire.check import check_incoming, check_outgoing
from mailroom.wire.dial import Encryption, Endpoint, Trust
from mailroom.wire.failures import Kind
from mailroom.wire.sign_in import Password
from tests.servers import PASSWORD, Certificates, Dovecot, SmtpSink
from tests.wire.scripted import LOCAL, imap_server, serve

GOOD, BAD = Password("anna@firma.example", PASSWORD), Password("anna@firma.example", "wrong")


def test_good_servers_are_good_and_tell_what_they_have(dovecot: Dovecot, smtp_sink: SmtpSink) -> None:
    incoming = check_incoming(dovecot.endpoint(), dovecot.trust, GOOD)
    assert incoming.ok
    assert "IDLE" in incoming.capabilities
    assert {"INBOX", "Sent", "Trash"} <= {folder.name for folder in incoming.folders}
    outgoing = check_outgoing(smtp_sink.endpoint(), smtp_sink.trust, GOOD)
    assert outgoing.ok
    assert "AUTH" in outgoing.capabilities


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize("way", [check_incoming, check_outgoing])
def test_each_cause_has_its_own_name(way: object, dovecot: Dovecot, smtp_sink: SmtpSink) -> None:
    check = check_incoming if way is check_incoming else check_outgoing
    server = dovecot.endpoint() if check is check_incoming else smtp_sink.endpoint()
    trust = dovecot.trust
    found = {
        "password": check(server, trust, BAD),
        "name": check(Endpoint("no-such-host.invalid", 993), trust, GOOD),
        "guard": check(server, Trust(ca_file=trust.ca_file), GOOD),
        "refused": check(Endpoint("localhost", closed_port()), trust, GOOD),
        "authority": check(server, Trust(allow_hosts=("*",)), GOOD),
        "encryption": check(Endpoint("localhost", server.port, _other(server)), trust, GOOD, timeout=2),
    }
    assert not any(verdict.ok for verdict in found.values())
    assert {cause: verdict.kind for cause, verdict in found.items() if cause != "encryption"} == {
        "password": Kind.WRONG_PASSWORD,
        "name": Kind.NAME_NOT_FOUND,
        "guard": Kind.NOT_ALLOWED,
        "refused": Kind.REFUSED,
        "authority": Kind.CERTIFICATE,
    }
    assert found["encryption"].kind in {Kind.TLS, Kind.TIMEOUT, Kind.CONNECTION_LOST}
    assert found["guard"].cure == "allow_hosts"
    assert found["guard"].words in {"127.0.0.1", "::1"}


def _other(server: Endpoint) -> Encryption:
    return Encryption.STARTTLS if server.encryption == Encryption.TLS else Encryption.TLS


def test_a_self_signed_server_is_named(certificates: Certificates) -> None:
    with imap_server({}, pair=certificates.self_signed) as server:
        verdict = check_incoming(server.endpoint(Encryption.TLS), LOCAL, GOOD)
    assert (verdict.kind, verdict.cure) == (Kind.CERTIFICATE, "certificate_self_signed")


def test_a_person_never_waits_longer_than_promised() -> None:
    """Every step may be slow; the sum is what a person waits for."""
    with serve(lambda line, _server: time.sleep(3)) as server:
        started = time.monotonic()
        verdict = check_incoming(server.endpoint(), LOCAL, GOOD, timeout=0.5)
    assert verdict.kind is Kind.TIMEOUT
    assert time.monotonic() - started < 2
