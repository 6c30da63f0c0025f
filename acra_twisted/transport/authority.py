"""A certificate authority of one's own: what ``acra-certs``, the demo and the tests issue by.

Keys are of the curve P-256.  Nothing is written here.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from acra_twisted.errors import ConfigError

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
#: X.520's, for organizations and common names.
_NAME_LIMIT = 64
#: Clocks differ: a certificate is valid from a little earlier on.
_EARLIER = datetime.timedelta(hours=1)
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Period:
    """When a certificate is valid."""

    begin: datetime.datetime
    end: datetime.datetime

    @classmethod
    def of_days(cls, days: int, now: datetime.datetime) -> Period:
        """From now on."""
        return cls(now - _EARLIER, now + datetime.timedelta(days=days))


class Authority:
    """``certificate`` is a CA's, ``key`` its private key."""

    def __init__(self, certificate: x509.Certificate, key: Any) -> None:
        self.certificate = certificate
        self.key = key

    @classmethod
    def make(cls, name: x509.Name, period: Period) -> Authority:
        """A new one, which signs itself."""
        key = new_key()
        return cls(cls._sign_itself(name, key, period), key)

    def renewed(self, period: Period) -> Authority:
        """The same name and key, valid for longer: what it has issued stays good."""
        return Authority(self._sign_itself(self.certificate.subject, self.key, period), self.key)

    @staticmethod
    def _sign_itself(name: x509.Name, key: Any, period: Period) -> x509.Certificate:
        builder = _builder(name, name, key.public_key(), period)
        builder = builder.add_extension(x509.BasicConstraints(True, 0), critical=True)
        builder = builder.add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
        return builder.sign(key, hashes.SHA256())

    def issue(
        self,
        subject: x509.Name,
        public_key: Any,
        period: Period,
        usages: Sequence[x509.ObjectIdentifier],
        names: Sequence[x509.GeneralName] = (),
    ) -> x509.Certificate:
        """A certificate for one end of TLS connections.  It never outlasts the authority's own."""
        own = self.certificate
        period = Period(period.begin, min(period.end, own.not_valid_after_utc))
        builder = _builder(subject, own.subject, public_key, period)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        builder = builder.add_extension(_key_usage("digital_signature"), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def new_key() -> ec.EllipticCurvePrivateKey:
    """A private key."""
    return ec.generate_private_key(ec.SECP256R1())


def encode_key(key: Any) -> bytes:
    """In PEM, without a password."""
    encoded: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return encoded


def encode_certificate(certificate: x509.Certificate) -> bytes:
    """In PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def simple_name(common: str, organization: str = "") -> x509.Name:
    """A subject of an organization and a common name.  Raises ConfigError."""
    for text in (common, organization):
        if len(text) > _NAME_LIMIT:
            raise ConfigError(f"{text!r} cannot be a name: it is longer than {_NAME_LIMIT}")
    try:
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
        if organization:
            parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    except ValueError as error:
        raise ConfigError(f"{common or organization!r} cannot be a name: {error}") from None
    return x509.Name(parts)


def general_name(host: str) -> x509.GeneralName:
    """Return a certificate's name for a host: an address or a DNS name.  Raises ConfigError."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        encoded = host if host.isascii() else host.encode("idna").decode()
        if not encoded or any(not (c.isalnum() or c in "-_.*") for c in encoded):
            raise ValueError
        return x509.DNSName(encoded)
    except ValueError:
        raise ConfigError(
            f"{host!r} is no host: name it as acra.example or 192.0.2.1, without port or scheme"
        ) from None


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: Any, period: Period
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(period.begin)
        .not_valid_after(period.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in uses for use in _USES})
