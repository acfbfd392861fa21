"""A throw-away certificate authority and the good and bad certificates that tests need."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = timedelta(days=1)
_NOW = datetime.now(UTC)  # noqa: TID251 - certificates are judged by the real clock


@dataclass(frozen=True, slots=True)
class Pair:
    """Files with a certificate and its key."""

    cert: Path
    key: Path


class Certificates:
    """One authority; ``server`` is good for localhost, the others are wrong in the way they are called."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Mailroom test authority")
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(_pem(self._authority()))
        self.server = self._issue("server", "localhost")
        self.wrong_host = self._issue("wrong-host", "elsewhere.example")
        self.expired = self._issue("expired", "localhost", starts=_NOW - 30 * _DAY, ends=_NOW - _DAY)
        self.self_signed = self._issue("self-signed", "localhost", self_signed=True)

    def _authority(self) -> x509.Certificate:
        builder = _builder(self._name, self._name, self._key, _NOW - _DAY, _NOW + 30 * _DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        return builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())

    def _issue(
        self,
        stem: str,
        host: str,
        *,
        starts: datetime = _NOW - _DAY,
        ends: datetime = _NOW + 30 * _DAY,
        self_signed: bool = False,
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(host)
        builder = _builder(name, name if self_signed else self._name, key, starts, ends)
        alternatives: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            alternatives += [
                x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")
            ]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        cert = builder.sign(key if self_signed else self._key, hashes.SHA256())
        pair = Pair(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        pair.cert.write_bytes(_pem(cert))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        pair.key.chmod(0o600)
        return pair


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
